// `tspod inspect`, and the same for one kind of object.

import { defineCommand, usageError } from '#cli/command.ts'
import { formatJson } from '#cli/format/json.ts'
import { choice, flag, text } from '#cli/option.ts'
import { print } from '#cli/output.ts'
import { namedContainers } from '#cli/selection.ts'
import { volumeJson } from '#cli/volume-report.ts'
import type { Inspected, InspectObject } from '#engine/contracts/container.ts'

/** What Podman keeps as times, which templates print and format as such. */
const timeNames = new Set(['Created', 'CreatedAt', 'StartedAt', 'FinishedAt', 'CheckpointedAt', 'RestoredAt'])

const format = text('template', 'A Go template, or json', { short: 'f' })
const latest = flag('The container created last', { short: 'l' })
const size = flag('Show sizes of containers', { short: 's' })

export const inspectCommand = defineCommand({
  usage: '[options] {CONTAINER|IMAGE|VOLUME|NETWORK} [...]',
  examples: ["inspect -f '{{.State.Pid}}' web", 'inspect --type image alpine'],
  options: {
    format,
    latest,
    size,
    type: choice(['all', 'container', 'image', 'volume', 'network', 'pod'], 'Kind of object (default all)', {
      short: 't',
    }),
  },
  operands: '[name...]',
  completes: ['containers'],
  async run(values, names) {
    const type = values.type ?? 'all'
    const latest = values.latest ?? false
    if (latest === names.length > 0) throw usageError(latest ? '--latest takes no names' : 'no names or ids specified')
    const { inspectObjects } = await import('#engine/inspect.ts')
    await show(await inspectObjects(names, { type, size: values.size ?? false, latest }), values.format)
  },
})

export const containerInspectCommand = defineCommand({
  usage: '[options] CONTAINER [CONTAINER...]',
  options: { format, latest, size },
  operands: '[container...]',
  completes: ['containers'],
  async run(values, operands) {
    const names = namedContainers(values.latest, operands)
    const { inspectContainers } = await import('#engine/container/inspect.ts')
    const { inspectEach } = await import('#engine/inspect.ts')
    const options = { size: values.size ?? false }
    await show(await inspectEach(names, async name => await inspectContainers([name], options)), values.format)
  },
})

export const imageInspectCommand = defineCommand({
  usage: '[options] IMAGE [IMAGE...]',
  options: { format },
  operands: '<image...>',
  completes: ['images'],
  async run(values, names) {
    const { inspectImages } = await import('#engine/image/inspect.ts')
    const { inspectEach } = await import('#engine/inspect.ts')
    await show(await inspectEach(names, async name => await inspectImages([name])), values.format)
  },
})

export const volumeInspectCommand = defineCommand({
  usage: '[options] VOLUME [VOLUME...]',
  options: { all: flag('Show all volumes', { short: 'a' }), format },
  operands: '[volume...]',
  completes: ['volumes'],
  async run(values, names) {
    const all = values.all ?? false
    if (all === names.length > 0)
      throw usageError(all ? '--all takes no names' : 'you must provide at least one volume')
    if (all) {
      const { listVolumes } = await import('#engine/volume/list.ts')
      return await show({ objects: (await listVolumes([])).map(volumeJson), missing: [] }, values.format)
    }
    const { inspectObjects } = await import('#engine/inspect.ts')
    return await show(await inspectObjects(names, { type: 'volume', size: false, latest: false }), values.format)
  },
})

export const networkInspectCommand = defineCommand({
  usage: '[options] NETWORK [NETWORK...]',
  options: { format },
  operands: '<network...>',
  completes: ['networks'],
  async run(values, names) {
    const { inspectNetworks } = await import('#engine/network/inspect.ts')
    const { inspectEach } = await import('#engine/inspect.ts')
    await show(await inspectEach(names, async name => await inspectNetworks([name])), values.format)
  },
})

/** Prints what was found, an empty list where that is nothing, as scripts read the output anyway; then throws what is missing. */
export async function show(
  { objects, missing }: Inspected,
  format: string | undefined,
  isSingle = false,
): Promise<void> {
  const asObject = isSingle && objects.length === 1 && (format === undefined || format === 'json')
  if (asObject) print(formatJson(objects[0]))
  else await printObjects(objects, format, missing.length > 0)
  const [first] = missing
  if (first !== undefined) throw missing.length === 1 ? first : new AggregateError(missing)
}

async function printObjects(objects: InspectObject[], format: string | undefined, isPartial: boolean): Promise<void> {
  if (format === undefined || format === 'json') return print(formatJson(objects))
  const { withTimes } = await import('#cli/format/go-time.ts')
  const { renderRows, wantsJson } = await import('#cli/format/report.ts')
  if (wantsJson(format)) return print(formatJson(objects))
  if (isPartial && objects.length === 0) return
  const rows = objects
    .map(withBothNames)
    .map(object => withTimes('Id' in object ? { ...object, ID: object['Id'] } : object, timeNames) as InspectObject)
  return print(renderRows(format, rows, { fields: Object.keys(rows[0] ?? {}), headings: {} }))
}

/** Templates of podman call a container's health by either name, and find it where there is none; its JSON has one name. */
function withBothNames(object: InspectObject): InspectObject {
  const { State, Config } = object as { State?: InspectObject; Config?: InspectObject }
  if (State?.['Health'] === undefined) return object
  return {
    ...object,
    State: { ...State, Healthcheck: State['Health'] },
    Config: { ...Config, Healthcheck: Config?.['Healthcheck'] ?? null },
  }
}
