// `tspod history`.

import { defineCommand } from '#cli/command.ts'
import { goTimeText } from '#cli/container-report.ts'
import { timeAgo } from '#cli/format/durations.ts'
import { formatJson } from '#cli/format/json.ts'
import { spacedSize } from '#cli/format/sizes.ts'
import { renderTable } from '#cli/format/table.ts'
import { flag, text } from '#cli/option.ts'
import { print } from '#cli/output.ts'
import type { HistoryEntry } from '#engine/contracts/image.ts'

export const historyCommand = defineCommand({
  usage: '[options] IMAGE',
  options: {
    format: text('template', 'json, or a Go template, or `table` and a template'),
    human: flag('Show sizes and times for people (default true)', { short: 'H' }),
    noTrunc: flag('Show everything in full'),
    quiet: flag('Show ids only', { short: 'q' }),
  },
  operands: '<image>',
  completes: ['images'],
  async run(values, [name = '']) {
    const full = values.noTrunc ?? false
    const human = values.human ?? true
    const { imageHistory } = await import('#engine/image/history.ts')
    const entries = await imageHistory(name)
    const nowMs = Date.now()
    const id = (entry: HistoryEntry) => (full || entry.id === '<missing>' ? entry.id : entry.id.slice(0, 12))
    const created = (entry: HistoryEntry) => (human ? timeAgo(entry.createdMs, nowMs) : isoSeconds(entry.createdMs))
    const createdBy = (entry: HistoryEntry) =>
      full || entry.createdBy.length <= 45 ? entry.createdBy : `${entry.createdBy.slice(0, 42)}...`
    const size = (entry: HistoryEntry) => (human ? spacedSize(entry.sizeBytes) : String(entry.sizeBytes))
    if (values.quiet === true) return print(entries.map(entry => `${id(entry)}\n`).join(''))
    if (values.format === undefined)
      return print(
        renderTable(entries, [
          { title: 'ID', cell: id },
          { title: 'CREATED', cell: created },
          { title: 'CREATED BY', cell: createdBy },
          { title: 'SIZE', cell: size },
          { title: 'COMMENT', cell: entry => entry.comment },
        ]),
      )
    const { renderRows, wantsJson } = await import('#cli/format/report.ts')
    if (wantsJson(values.format))
      return print(
        formatJson(
          entries.map(entry => ({
            id: entry.id,
            created: isoSeconds(entry.createdMs),
            createdBy: entry.createdBy,
            size: entry.sizeBytes,
            comment: entry.comment,
            tags: entry.tags,
          })),
        ),
      )
    const rows = entries.map(entry => ({
      ID: id(entry),
      Created: created(entry),
      CreatedAt: goTimeText(entry.createdMs),
      CreatedSince: timeAgo(entry.createdMs, nowMs),
      CreatedBy: createdBy(entry),
      Size: size(entry),
      Comment: entry.comment,
      Tags: entry.tags,
    }))
    const fields = ['ID', 'Created', 'CreatedAt', 'CreatedSince', 'CreatedBy', 'Size', 'Comment', 'Tags']
    return print(renderRows(values.format, rows, { fields, headings: { CreatedSince: 'CREATED' } }))
  },
})

function isoSeconds(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
}
