// `tspod logs`.

import { defineCommand } from '#cli/command.ts'
import { flag, integer, parsed, type Values } from '#cli/option.ts'
import { print, printError } from '#cli/output.ts'
import { namedContainers } from '#cli/selection.ts'
import { parseEndOption, parseTimeOption } from '#cli/values.ts'
import type { LogEntry, LogOptions } from '#engine/contracts/container.ts'

/** Of logs and of pod logs. */
export const logOptions = {
  color: flag('With several containers: each in a color of its own'),
  follow: flag('Go on as output comes', { short: 'f' }),
  names: flag('With several containers: begin each line with the name, not the id', { short: 'n' }),
  since: parsed('time', 'Only output after this time, such as 10m or 2006-01-02T15:04:05', parseTimeOption),
  tail: integer('Only this many last lines', -1),
  timestamps: flag('Begin each line with its time', { short: 't' }),
  until: parsed('time', 'Only output before this time', parseEndOption),
}

/** What they ask the engine for. */
export function logRequest(values: Values<typeof logOptions>): LogOptions {
  return {
    follow: values.follow ?? false,
    sinceMs: values.since,
    untilMs: values.until,
    tail: values.tail === -1 ? undefined : values.tail,
  }
}

export const logsCommand = defineCommand({
  usage: '[options] CONTAINER [CONTAINER...]',
  examples: ['logs -f web', 'logs --tail 20 --since 10m web'],
  options: { ...logOptions, latest: flag('The container created last', { short: 'l' }) },
  operands: '[container...]',
  completes: ['containers'],
  async run(values, operands) {
    const names = namedContainers(values.latest, operands)
    const { readLogs } = await import('#engine/container/logs.ts')
    const write = lineWriter({ ...values, several: names.length > 1 })
    await readLogs(names, logRequest(values), write)
  },
})

interface LineStyle {
  color?: boolean | undefined
  names?: boolean | undefined
  timestamps?: boolean | undefined
  several: boolean
}

/** Prints entries, each line once with its prefix however many pieces it comes in. */
export function lineWriter(style: LineStyle): (entry: LogEntry) => void {
  const begun = new Set<string>()
  const colors = new Map<string, string>()
  return entry => {
    const stream = `${entry.id} ${entry.stream}`
    const label = !style.several ? '' : style.names === true ? entry.name : entry.id.slice(0, 12)
    const parts = [label, style.timestamps === true ? entry.time : ''].filter(part => part !== '')
    let prefix = begun.has(stream) || parts.length === 0 ? '' : `${parts.join(' ')} `
    if (style.color === true && prefix !== '') {
      const color = colors.get(entry.id) ?? String(31 + (colors.size % 6))
      colors.set(entry.id, color)
      prefix = `\x1b[${color}m${prefix}\x1b[0m`
    }
    if (entry.partial) begun.add(stream)
    else begun.delete(stream)
    const line = Buffer.concat([Buffer.from(prefix), entry.bytes, Buffer.from(entry.partial ? '' : '\n')])
    if (entry.stream === 'stdout') print(line)
    else printError(line)
  }
}
