// `tspod volume create`, `volume ls` and `volume rm`.

import { defineCommand, usageError } from '#cli/command.ts'
import { parseVolumeFilters } from '#cli/filters.ts'
import { formatJson } from '#cli/format/json.ts'
import { renderTable } from '#cli/format/table.ts'
import { flag, integer, list, parsed, text } from '#cli/option.ts'
import { print, printLine } from '#cli/output.ts'
import { withRemovalStatus } from '#cli/removal-status.ts'
import { printOutcomes } from '#cli/selection.ts'
import { parseSeconds } from '#cli/values.ts'
import { volumeJson, volumeReport } from '#cli/volume-report.ts'
import { parseKeyValue } from '#container/options/key-value.ts'

export const volumeCreateCommand = defineCommand({
  usage: '[options] [NAME]',
  examples: ['volume create data', 'volume create --label app=web'],
  options: {
    driver: text('name', 'Driver (default local)', { short: 'd' }),
    gid: integer('Group of the folder', 0, { most: 4_294_967_294 }),
    ignore: flag('An existing volume of this name is fine'),
    label: list('key=value', 'Set a label', { short: 'l' }),
    opt: list('key=value', 'Set an option of the driver', { short: 'o' }),
    uid: integer('Owner of the folder', 0, { most: 4_294_967_294 }),
  },
  operands: '[name]',
  completes: ['none'],
  async run(values, [name]) {
    const { createVolume } = await import('#engine/volume/create.ts')
    const volume = await createVolume({
      name,
      driver: values.driver ?? 'local',
      labels: Object.fromEntries((values.label ?? []).map(label => parseKeyValue('--label', label))),
      options: Object.fromEntries((values.opt ?? []).map(option => parseKeyValue('--opt', option, true))),
      uid: values.uid,
      gid: values.gid,
      ignoreExisting: values.ignore ?? false,
    })
    printLine(volume.name)
  },
})

export const volumeListCommand = defineCommand({
  usage: '[options]',
  options: {
    filter: list('key=value', 'Only volumes that match', { short: 'f' }),
    format: text('template', 'json, or a Go template, or `table` and a template'),
    noheading: flag('Leave the headings out', { short: 'n' }),
    quiet: flag('Show names only', { short: 'q' }),
  },
  operands: '',
  async run(values) {
    if (values.quiet === true && values.format !== undefined)
      throw usageError('quiet and format cannot be used together')
    const { listVolumes } = await import('#engine/volume/list.ts')
    const volumes = await listVolumes(parseVolumeFilters(values.filter ?? []))
    if (values.quiet === true) return print(volumes.map(({ name }) => `${name}\n`).join(''))
    if (values.format === undefined)
      return print(
        renderTable(
          volumes,
          [
            { title: 'DRIVER', cell: ({ driver }) => driver },
            { title: 'VOLUME NAME', cell: ({ name }) => name },
          ],
          values.noheading !== true && volumes.length > 0,
        ),
      )
    const { renderRows, wantsJson } = await import('#cli/format/report.ts')
    if (wantsJson(values.format)) return print(formatJson(volumes.map(volumeJson)))
    const noHeading = values.noheading ?? false
    return print(renderRows(values.format, volumes.map(volumeJson), { ...volumeReport, noHeading }))
  },
})

export const volumeRemoveCommand = defineCommand({
  usage: '[options] VOLUME [VOLUME...]',
  options: {
    all: flag('Remove all volumes', { short: 'a' }),
    force: flag('Remove containers that use it; a missing volume is no error', { short: 'f' }),
    time: parsed('seconds', 'With --force: seconds until a running container is killed', parseSeconds, {
      short: 't',
      aliases: ['timeout'],
    }),
  },
  operands: '[volume...]',
  completes: ['volumes'],
  async run(values, names) {
    const { all = false, force = false } = values
    if (all === names.length > 0) throw usageError(all ? '--all takes no names' : 'you must provide at least one name')
    const { removeVolumes } = await import('#engine/volume/remove.ts')
    printOutcomes(withRemovalStatus(await removeVolumes(names, { all, force, timeoutSeconds: values.time })))
  },
})
