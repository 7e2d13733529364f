// `tspod events`.

import { defineCommand } from '#cli/command.ts'
import { parseEventFilters } from '#cli/filters.ts'
import { flag, list, parsed, text } from '#cli/option.ts'
import { print } from '#cli/output.ts'
import { parseEndOption, parseTimeOption } from '#cli/values.ts'
import type { EngineEvent } from '#engine/contracts/system.ts'

export const eventsCommand = defineCommand({
  usage: '[options]',
  examples: ['events --since 1h', 'events --filter event=died --format {{.Name}}'],
  options: {
    filter: list('key=value', 'Only events that match: container, image, volume, event, type, label', { short: 'f' }),
    format: text('template', 'A Go template, or json'),
    noTrunc: flag('Show ids in full (default true)'),
    since: parsed('time', 'From this time on, such as 1h', parseTimeOption),
    stream: flag('Wait for more (default true)'),
    until: parsed('time', 'Up to this time', parseEndOption),
  },
  operands: '',
  async run(values) {
    const filters = parseEventFilters(values.filter ?? [])
    const show = await renderer(values.format, values.noTrunc ?? true)
    const follow = values.stream ?? true
    const { readEvents } = await import('#engine/system/events.ts')
    await readEvents(
      {
        filters,
        sinceMs: values.since,
        untilMs: values.until,
        fromStart: !follow || values.until !== undefined,
        follow: follow && (values.until === undefined || values.until > Date.now()),
      },
      event => print(show(event)),
    )
  },
})

async function renderer(format: string | undefined, full: boolean): Promise<(event: EngineEvent) => string> {
  if (format === undefined) return event => `${eventLine(event, full)}\n`
  const { wantsJson } = await import('#cli/format/report.ts')
  if (wantsJson(format)) return event => `${JSON.stringify(eventJson(event))}\n`
  const { compileTemplate } = await import('#cli/format/template/template.ts')
  const fill = compileTemplate(format)
  return event => `${fill({ ...eventJson(event), Time: goTime(event.timeNano), TimeNano: event.timeNano })}\n`
}

/** `2006-01-02 15:04:05.123456789 +0000 UTC container died ID (image=…, name=…)`. */
function eventLine(event: EngineEvent, full: boolean): string {
  const head = `${goTime(event.timeNano)} ${event.type} ${event.status}`
  const id = full ? event.id : event.id.slice(0, 12)
  if (event.type !== 'container') return [head, id, event.name].filter(part => part !== '').join(' ')
  const exit = event.exitCode === undefined ? {} : { containerExitCode: String(event.exitCode) }
  const facts = { ...exit, image: event.image ?? '', name: event.name, ...event.attributes }
  const list = Object.entries(facts).map(([key, value]) => `${key}=${value}`)
  return `${head} ${id} (${list.join(', ')})`
}

function eventJson(event: EngineEvent): Record<string, unknown> {
  return {
    ID: event.id,
    Image: event.image ?? '',
    Name: event.name,
    Status: event.status,
    Time: rfc3339(event.timeNano),
    Type: event.type,
    Attributes: event.attributes,
    ...(event.exitCode === undefined ? {} : { ContainerExitCode: event.exitCode }),
  }
}

function rfc3339(timeNano: string): string {
  const nano = timeNano.padStart(10, '0')
  const seconds = new Date(Number(nano.slice(0, -9)) * 1000).toISOString().slice(0, 19)
  const fraction = nano.slice(-9).replace(/0+$/, '')
  return `${seconds}${fraction === '' ? '' : `.${fraction}`}Z`
}

function goTime(timeNano: string): string {
  return rfc3339(timeNano).replace('T', ' ').replace('Z', ' +0000 UTC')
}
