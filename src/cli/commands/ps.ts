// `tspod ps`.

import { defineCommand, usageError } from '#cli/command.ts'
import { commandText, containerJson, containerRow, namespaceColumns, statusText } from '#cli/container-report.ts'
import { parseContainerFilters } from '#cli/filters.ts'
import { timeAgo } from '#cli/format/durations.ts'
import { formatJson } from '#cli/format/json.ts'
import { humanSize } from '#cli/format/sizes.ts'
import { type Column, renderTable } from '#cli/format/table.ts'
import { choice, flag, integer, list, refused, text, type Values } from '#cli/option.ts'
import { print } from '#cli/output.ts'
import { portsText } from '#cli/ports-text.ts'
import type { ContainerSummary } from '#engine/contracts/container.ts'

const sortKeys = ['command', 'created', 'id', 'image', 'names', 'runningfor', 'size', 'status'] as const

const options = {
  all: flag('Show stopped containers too', { short: 'a' }),
  external: refused('', 'there are no containers of other tools in the store', { harmless: ['false'] }),
  filter: list('key=value', 'Only containers that match', { short: 'f' }),
  format: text('template', 'json, or a Go template, or `table` and a template'),
  last: integer('The n containers created last', -1, { short: 'n' }),
  latest: flag('The container created last', { short: 'l' }),
  noTrunc: flag('Show ids and commands in full'),
  noheading: flag('Leave the headings out'),
  ns: flag('Show namespaces', { aliases: ['namespace'] }),
  pod: flag('Show the pod of each', { short: 'p' }),
  quiet: flag('Show ids only', { short: 'q' }),
  size: flag('Show sizes', { short: 's' }),
  sort: choice(sortKeys, 'Sort by this (default created)'),
  sync: flag('Look at the state of every container, as is the case anyway'),
  watch: integer('Show it again every so many seconds', 1, { short: 'w' }),
}

export const psCommand = defineCommand({
  usage: '[options]',
  examples: ['ps -a', "ps --format '{{.Names}} {{.Status}}'", 'ps --filter label=app=web --filter status=exited -a'],
  options,
  operands: '',
  async run(values) {
    checkConflicts(values)
    const { listContainers } = await import('#engine/container/list.ts')
    const filters = parseContainerFilters(values.filter ?? [])
    const last = values.latest === true ? 1 : values.last === -1 ? undefined : values.last
    const query = {
      // a filter for a status means containers of that status, running or not
      all:
        (values.all ?? false) || last !== undefined || filters.some(({ key }) => key === 'status' || key === 'exited'),
      filters,
      // a template that shows sizes asks for them
      size: (values.size ?? false) || values.sort === 'size' || values.format?.includes('.Size') === true,
      namespaces: values.ns ?? false,
      ...(last === undefined ? {} : { last }),
    }
    const show = async () => render(sortBy(await listContainers(query), values.sort ?? 'created'), values)
    if (values.watch === undefined) return print(await show())
    for (;;) {
      print(`\x1b[H\x1b[2J${await show()}`)
      await new Promise(resolve => setTimeout(resolve, (values.watch ?? 1) * 1000))
    }
  },
})

function checkConflicts(values: Values<typeof options>): void {
  if (values.quiet === true && values.ns === true) throw usageError('quiet and namespace cannot be used together')
  if (values.size === true && values.ns === true) throw usageError('size and namespace options conflict')
  if (values.last !== undefined && values.latest === true) throw usageError('last and latest are mutually exclusive')
}

async function render(containers: ContainerSummary[], values: Values<typeof options>): Promise<string> {
  const full = values.noTrunc ?? false
  if (values.quiet === true && values.format === undefined)
    return containers.map(({ id }) => `${full ? id : id.slice(0, 12)}\n`).join('')
  if (values.format === undefined) return renderTable(containers, columnsFor(values), values.noheading !== true)
  const nowMs = Date.now()
  const { renderRows, wantsJson } = await import('#cli/format/report.ts')
  if (wantsJson(values.format)) return formatJson(containers.map(container => containerJson(container, nowMs)))
  const rows = containers.map(container => containerRow(container, nowMs, full))
  return renderRows(values.format, rows, containerReport(values.noheading ?? false))
}

function containerReport(noHeading: boolean) {
  return {
    fields:
      `ID Image ImageID Command CreatedAt Created CreatedHuman RunningFor StartedAt ExitedAt Exited ExitCode Status
      State Pid Ports Size Names Labels Mounts Networks AutoRemove Restarts Pod PodName Cgroup IPC MNT NET PIDNS USERNS UTS
      Namespaces`.split(/\s+/),
    headings: {
      ID: 'CONTAINER ID',
      CreatedHuman: 'CREATED',
      Pod: 'POD ID',
      PodName: 'PODNAME',
      Cgroup: 'CGROUPNS',
      ImageID: 'IMAGE ID',
    },
    noHeading,
  }
}

function columnsFor(values: Values<typeof options>): Column<ContainerSummary>[] {
  const full = values.noTrunc ?? false
  const nowMs = Date.now()
  const id: Column<ContainerSummary> = { title: 'CONTAINER ID', cell: ({ id }) => (full ? id : id.slice(0, 12)) }
  const names: Column<ContainerSummary> = { title: 'NAMES', cell: ({ names }) => names.join(',') }
  const pods: Column<ContainerSummary>[] = [
    { title: 'POD ID', cell: ({ pod }) => (full ? (pod?.id ?? '') : (pod?.id.slice(0, 12) ?? '')) },
    { title: 'PODNAME', cell: ({ pod }) => pod?.name ?? '' },
  ]
  const pod = values.pod === true ? pods : []
  if (values.ns === true)
    return [id, names, ...pod, { title: 'PID', cell: ({ pid }) => String(pid) }, ...namespaceColumns]
  const columns: Column<ContainerSummary>[] = [
    id,
    { title: 'IMAGE', cell: ({ image }) => image },
    { title: 'COMMAND', cell: ({ command }) => commandText(command, full) },
    { title: 'CREATED', cell: ({ createdMs }) => timeAgo(createdMs, nowMs) },
    { title: 'STATUS', cell: container => statusText(container, nowMs) },
    { title: 'PORTS', cell: ({ ports }) => portsText(ports) },
    names,
    ...pod,
  ]
  if (values.size === true) columns.push({ title: 'SIZE', cell: sizeText })
  return columns
}

function sizeText({ size }: ContainerSummary): string {
  return size === undefined ? '' : `${humanSize(size.writableBytes)} (virtual ${humanSize(size.rootFsBytes)})`
}

function sortBy(containers: ContainerSummary[], key: (typeof sortKeys)[number]): ContainerSummary[] {
  const byText = (textOf: (container: ContainerSummary) => string) =>
    containers.toSorted((a, b) => (textOf(a) < textOf(b) ? -1 : textOf(a) > textOf(b) ? 1 : 0))
  switch (key) {
    case 'command':
      return byText(({ command }) => command.join(' '))
    case 'id':
      return byText(({ id }) => id)
    case 'image':
      return byText(({ image }) => image)
    case 'names':
      return byText(({ names }) => names[0] ?? '')
    case 'status':
      return byText(({ status }) => status)
    case 'size':
      return containers.toSorted((a, b) => (a.size?.writableBytes ?? 0) - (b.size?.writableBytes ?? 0))
    case 'created':
      return containers.toSorted((a, b) => a.createdMs - b.createdMs) // as podman has it: the oldest first
    case 'runningfor':
      return containers.toSorted((a, b) => b.createdMs - a.createdMs)
  }
}
