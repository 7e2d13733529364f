// `tspod images`.
import { defineCommand, usageError } from '#cli/command.ts'
import { parseImageFilters } from '#cli/filters.ts'
import { timeAgo } from '#cli/format/durations.ts'
import { formatJson } from '#cli/format/json.ts'
import { spacedSize } from '#cli/format/sizes.ts'
import { type Column, renderTable } from '#cli/format/table.ts'
import { type ImageLine, imageJson, imageLines, imageReport, imageRow } from '#cli/image-report.ts'
import { choice, flag, list, text, type Values } from '#cli/option.ts'
import { print } from '#cli/output.ts'

const sortKeys = ['created', 'id', 'repository', 'size', 'tag'] as const

const options = {
  all: flag('Show intermediate images too', { short: 'a' }),
  digests: flag('Show digests'),
  filter: list('key=value', 'Only images that match', { short: 'f' }),
  format: text('template', 'json, or a Go template, or `table` and a template'),
  history: flag('Show the names an image once had'),
  noTrunc: flag('Show ids in full'),
  noheading: flag('Leave the headings out', { short: 'n' }),
  quiet: flag('Show ids only', { short: 'q' }),
  sort: choice(sortKeys, 'Sort by this (default created)'),
}

export const imagesCommand = defineCommand({
  usage: '[options] [IMAGE]',
  examples: ['images', "images --format '{{.Repository}}:{{.Tag}} {{.Size}}'", 'images --filter dangling=true -q'],
  options,
  operands: '[image]',
  completes: ['images'],
  async run(values, [reference]) {
    if (values.quiet === true && values.format !== undefined)
      throw usageError('quiet and format are mutually exclusive')
    const filters = parseImageFilters(values.filter ?? [])
    if (reference !== undefined) filters.push({ key: 'reference', value: reference })
    const { listImages } = await import('#engine/image/list.ts')
    const images = await listImages({ all: values.all ?? false, filters })
    if (values.quiet === true) {
      const ids = images.map(({ id }) => (values.noTrunc === true ? `sha256:${id}` : id.slice(0, 12)))
      return print([...new Set(ids)].map(id => `${id}\n`).join(''))
    }
    const lines = sortBy(imageLines(images), values.sort ?? 'created')
    if (values.format === undefined) return print(renderTable(lines, columnsFor(values), values.noheading !== true))
    const { renderRows, wantsJson } = await import('#cli/format/report.ts')
    if (wantsJson(values.format)) return print(formatJson(images.map(imageJson)))
    const rows = lines.map(line => imageRow(line, Date.now(), values.noTrunc ?? false))
    return print(renderRows(values.format, rows, { ...imageReport, noHeading: values.noheading ?? false }))
  },
})

function columnsFor(values: Values<typeof options>): Column<ImageLine>[] {
  const nowMs = Date.now()
  const full = values.noTrunc ?? false
  const columns: Column<ImageLine>[] = [
    { title: 'REPOSITORY', cell: ({ repository }) => repository },
    { title: 'TAG', cell: ({ tag }) => tag },
  ]
  if (values.digests === true) columns.push({ title: 'DIGEST', cell: ({ image }) => image.digest })
  columns.push(
    { title: 'IMAGE ID', cell: ({ image }) => (full ? `sha256:${image.id}` : image.id.slice(0, 12)) },
    { title: 'CREATED', cell: ({ image }) => timeAgo(image.createdMs, nowMs) },
    { title: 'SIZE', cell: ({ image }) => spacedSize(image.sizeBytes) },
  )
  if (values.history === true) columns.push({ title: 'HISTORY', cell: ({ image }) => image.history.join(', ') })
  return columns
}

function sortBy(lines: ImageLine[], key: (typeof sortKeys)[number]): ImageLine[] {
  const byText = (textOf: (line: ImageLine) => string) =>
    lines.toSorted((a, b) => (textOf(a) < textOf(b) ? -1 : textOf(a) > textOf(b) ? 1 : 0))
  switch (key) {
    case 'id':
      return byText(({ image }) => image.id)
    case 'repository':
      return byText(({ repository }) => repository)
    case 'tag':
      return byText(({ tag }) => tag)
    case 'size':
      return lines.toSorted((a, b) => a.image.sizeBytes - b.image.sizeBytes)
    case 'created':
      return lines.toSorted((a, b) => b.image.createdMs - a.image.createdMs)
  }
}
