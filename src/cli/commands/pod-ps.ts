// `tspod pod ps`.
import { defineCommand, usageError } from '#cli/command.ts'
import { formatJson } from '#cli/format/json.ts'
import { type Column, renderTable } from '#cli/format/table.ts'
import { flag, list, parsed, text, type Values } from '#cli/option.ts'
import { print } from '#cli/output.ts'
import { parsePodFilters } from '#cli/pod-filters.ts'
import { podJson, podReport, podRow } from '#cli/pod-report.ts'
import type { PodSummary } from '#engine/contracts/pod.ts'

const sortKeys = ['created', 'id', 'name', 'number', 'status'] as const
type SortKey = (typeof sortKeys)[number]

const options = {
  ctrIds: flag('Show the ids of its containers'),
  ctrNames: flag('Show the names of its containers'),
  ctrStatus: flag('Show the states of its containers'),
  filter: list('key=value', 'Only pods that match', { short: 'f' }),
  format: text('template', 'json, or a Go template, or `table` and a template'),
  latest: flag('The pod created last', { short: 'l' }),
  noTrunc: flag('Show ids in full'),
  noheading: flag('Leave the headings out', { short: 'n' }),
  ns: flag('Show the namespaces that its containers share'),
  quiet: flag('Show ids only', { short: 'q' }),
  sort: parsed('key', 'Sort by created, id, name, number or status (default created)', parseSortKey),
}

export const podPsCommand = defineCommand({
  usage: '[options]',
  examples: ['pod ps', 'pod ps --ctr-names --filter status=running'],
  options,
  operands: '',
  async run(values) {
    if (values.quiet === true && values.format !== undefined)
      throw usageError('quiet and format cannot be used together')
    const { listPods } = await import('#engine/pod/list.ts')
    const filters = parsePodFilters(values.filter ?? [])
    const pods = sortBy(await listPods({ filters, latest: values.latest ?? false }), values.sort ?? 'created')
    const full = values.noTrunc ?? false
    if (values.quiet === true) return print(pods.map(({ id }) => `${full ? id : id.slice(0, 12)}\n`).join(''))
    const nowMs = Date.now()
    const rows = pods.map(pod => podRow(pod, nowMs, full))
    if (values.format === undefined) return print(renderTable(rows, columnsFor(values), values.noheading !== true))
    const { renderRows, wantsJson } = await import('#cli/format/report.ts')
    if (wantsJson(values.format)) return print(formatJson(pods.map(podJson)))
    print(renderRows(values.format, rows, { ...podReport, noHeading: values.noheading ?? false }))
  },
})

function parseSortKey(given: string): SortKey {
  const key = sortKeys.find(each => each === given)
  if (key === undefined) throw usageError(`invalid option for --sort, options are: ${sortKeys.join(', ')}`)
  return key
}

type Row = Record<string, unknown>

function columnsFor(values: Values<typeof options>): Column<Row>[] {
  const column = (field: string): Column<Row> => ({
    title: (podReport.headings as Record<string, string>)[field] ?? field.toUpperCase(),
    cell: row => String(row[field]),
  })
  const ofContainers = [
    ...(values.ctrIds === true ? ['ContainerIds'] : []),
    ...(values.ctrNames === true ? ['ContainerNames'] : []),
    ...(values.ctrStatus === true ? ['ContainerStatuses'] : []),
  ]
  return [
    'ID',
    'Name',
    'Status',
    'Created',
    'InfraID',
    ...(values.ns === true ? ['Cgroup', 'Namespaces'] : []),
    ...(ofContainers.length > 0 ? ofContainers : ['NumberOfContainers']),
  ].map(column)
}

function sortBy(pods: PodSummary[], key: SortKey): PodSummary[] {
  switch (key) {
    case 'created':
      return pods // the newest first, as they come
    case 'number':
      return pods.toSorted((a, b) => a.containers.length - b.containers.length)
    case 'id':
    case 'name':
    case 'status':
      return pods.toSorted((a, b) => (a[key] < b[key] ? -1 : a[key] > b[key] ? 1 : 0))
  }
}
