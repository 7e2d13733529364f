// `tspod system df`.

import { defineCommand } from '#cli/command.ts'
import { commandText } from '#cli/container-report.ts'
import { humanDuration } from '#cli/format/durations.ts'
import { formatJson } from '#cli/format/json.ts'
import { humanSize } from '#cli/format/sizes.ts'
import { renderTable } from '#cli/format/table.ts'
import { flag, text } from '#cli/option.ts'
import { print } from '#cli/output.ts'
import type { DiskUsage } from '#engine/contracts/system.ts'

interface Total {
  type: string
  total: number
  active: number
  bytes: number
  reclaimable: number
}

export const systemDfCommand = defineCommand({
  usage: '[options]',
  options: {
    format: text('template', 'json, or a Go template, or `table` and a template'),
    verbose: flag('Show every image, container and volume', { short: 'v' }),
  },
  operands: '',
  async run(values) {
    const { diskUsage } = await import('#engine/system/df.ts')
    const usage = await diskUsage()
    if (values.verbose === true) return print(details(usage, Date.now()))
    const totals = totalsOf(usage)
    const reclaimable = ({ bytes, reclaimable }: Total) =>
      `${humanSize(reclaimable, 4)} (${bytes === 0 ? 0 : Math.round((100 * reclaimable) / bytes)}%)`
    if (values.format === undefined)
      return print(
        renderTable(totals, [
          { title: 'TYPE', cell: ({ type }) => type },
          { title: 'TOTAL', cell: ({ total }) => String(total) },
          { title: 'ACTIVE', cell: ({ active }) => String(active) },
          { title: 'SIZE', cell: ({ bytes }) => humanSize(bytes, 4) },
          { title: 'RECLAIMABLE', cell: reclaimable },
        ]),
      )
    const { renderRows, wantsJson } = await import('#cli/format/report.ts')
    const rows = totals.map(total => ({
      Type: total.type,
      Total: total.total,
      Active: total.active,
      RawSize: total.bytes,
      RawReclaimable: total.reclaimable,
      Size: humanSize(total.bytes, 4),
      Reclaimable: reclaimable(total),
    }))
    if (wantsJson(values.format)) return print(formatJson(rows))
    const fields = ['Type', 'Total', 'Active', 'Size', 'Reclaimable', 'RawSize', 'RawReclaimable']
    return print(renderRows(values.format, rows, { fields, headings: {} }))
  },
})

function totalsOf({ images, containers, volumes }: DiskUsage): Total[] {
  const sum = <T>(list: readonly T[], bytesOf: (item: T) => number) =>
    list.reduce((all, item) => all + bytesOf(item), 0)
  const unique = [...new Map(images.map(image => [image.id, image])).values()]
  const shared = Math.max(0, ...unique.map(image => image.sharedBytes))
  const idle = containers.filter(({ status }) => status !== 'running' && status !== 'paused')
  return [
    {
      type: 'Images',
      total: unique.length,
      active: unique.filter(image => image.containers > 0).length,
      bytes: sum(unique, image => image.uniqueBytes) + shared,
      reclaimable: sum(unique, image => (image.containers > 0 ? 0 : image.uniqueBytes)),
    },
    {
      type: 'Containers',
      total: containers.length,
      active: containers.length - idle.length,
      bytes: sum(containers, container => container.writableBytes),
      reclaimable: sum(idle, container => container.writableBytes),
    },
    {
      type: 'Local Volumes',
      total: volumes.length,
      active: volumes.filter(volume => volume.links > 0).length,
      bytes: sum(volumes, volume => volume.sizeBytes),
      reclaimable: sum(volumes, volume => volume.reclaimableBytes),
    },
  ]
}

function details(usage: DiskUsage, nowMs: number): string {
  const age = (ms: number) => humanDuration(Math.max(0, nowMs - ms))
  const images = renderTable(usage.images, [
    { title: 'REPOSITORY', cell: ({ repository }) => repository },
    { title: 'TAG', cell: ({ tag }) => tag },
    { title: 'IMAGE ID', cell: ({ id }) => id.slice(0, 12) },
    { title: 'CREATED', cell: ({ createdMs }) => age(createdMs) },
    { title: 'SIZE', cell: ({ sizeBytes }) => humanSize(sizeBytes, 4) },
    { title: 'SHARED SIZE', cell: ({ sharedBytes }) => humanSize(sharedBytes, 4) },
    { title: 'UNIQUE SIZE', cell: ({ uniqueBytes }) => humanSize(uniqueBytes, 4) },
    { title: 'CONTAINERS', cell: ({ containers }) => String(containers) },
  ])
  const containers = renderTable(usage.containers, [
    { title: 'CONTAINER ID', cell: ({ id }) => id.slice(0, 12) },
    { title: 'IMAGE', cell: ({ image }) => image },
    { title: 'COMMAND', cell: ({ command }) => commandText(command, false) },
    { title: 'LOCAL VOLUMES', cell: ({ localVolumes }) => String(localVolumes) },
    { title: 'SIZE', cell: ({ writableBytes }) => humanSize(writableBytes, 4) },
    { title: 'CREATED', cell: ({ createdMs }) => age(createdMs) },
    { title: 'STATUS', cell: ({ status }) => status },
    { title: 'NAMES', cell: ({ name }) => name },
  ])
  const volumes = renderTable(usage.volumes, [
    { title: 'VOLUME NAME', cell: ({ name }) => name },
    { title: 'LINKS', cell: ({ links }) => String(links) },
    { title: 'SIZE', cell: ({ sizeBytes }) => humanSize(sizeBytes, 4) },
  ])
  return `Images space usage:\n\n${images}\nContainers space usage:\n\n${containers}\nLocal Volumes space usage:\n\n${volumes}`
}
