// `tspod stats`.
import { defineCommand, usageError } from '#cli/command.ts'
import { formatJson } from '#cli/format/json.ts'
import { humanSize } from '#cli/format/sizes.ts'
import { sparkline } from '#cli/format/sparkline.ts'
import { type Column, renderTable } from '#cli/format/table.ts'
import { flag, integer, text, type Values } from '#cli/option.ts'
import { print } from '#cli/output.ts'
import type { ContainerStatistics } from '#engine/contracts/container.ts'

const options = {
  all: flag('All containers, of which only those that run use anything', { short: 'a' }),
  format: text('template', 'json, or a Go template, or `table` and a template'),
  interval: integer('Seconds between two looks (default 5)', 1, { short: 'i' }),
  latest: flag('The container created last', { short: 'l' }),
  noReset: flag('Print one table below the other'),
  noStream: flag('Look once'),
  noTrunc: flag('Show ids in full'),
}

/** As many looks as a graph shows. */
const HISTORY = 20
const none = '--'

export const statsCommand = defineCommand({
  usage: '[options] [CONTAINER...]',
  examples: ['stats', 'stats --no-stream web', "stats --format '{{.Name}} {{.CPUPerc}} {{.MemUsage}}'"],
  options,
  operands: '[container...]',
  completes: ['running'],
  async run(values, operands) {
    if (values.latest === true && operands.length > 0)
      throw usageError('--latest and containers cannot be used together')
    if (values.all === true && operands.length > 0) throw usageError('--all and containers cannot be used together')
    const names = values.latest === true ? [{ latest: true } as const] : operands
    const { StatisticsReader } = await import('#engine/container/stats.ts')
    const selection = { names, all: names.length === 0, filters: [], ignoreMissing: false }
    const reader = await StatisticsReader.open(selection, { pressure: values.format !== undefined })
    const isLive = values.noStream !== true && values.format === undefined && process.stdout.isTTY
    const history = new Map<string, number[]>()
    for (let look = 0; ; look++) {
      const found = await reader.read()
      for (const { id, cpuPercent } of found) history.set(id, [...(history.get(id) ?? []), cpuPercent].slice(-HISTORY))
      const table = await render(found, values, isLive ? history : undefined)
      print(isLive && values.noReset !== true ? `\x1b[H\x1b[2J${table}` : table)
      if (values.noStream === true || (names.length > 0 && found.length === 0)) return
      await new Promise(resolve => setTimeout(resolve, (values.interval ?? 5) * 1000))
    }
  },
})

async function render(
  found: readonly ContainerStatistics[],
  values: Values<typeof options>,
  history: ReadonlyMap<string, number[]> | undefined,
): Promise<string> {
  const full = values.noTrunc ?? false
  if (values.format === undefined) {
    const rows = found.map(one => ({ ...statisticsRow(one, full), id: one.id }))
    return renderTable(rows, columnsFor(history))
  }
  const { renderRows, wantsJson } = await import('#cli/format/report.ts')
  if (wantsJson(values.format)) return formatJson(found.map(statisticsJson))
  const rows = found.map(one => statisticsRow(one, full))
  return renderRows(values.format, rows, { headings: statisticsHeadings, fields })
}

type Row = Record<string, unknown> & { id: string }

function columnsFor(history: ReadonlyMap<string, number[]> | undefined): Column<Row>[] {
  const column = (field: (typeof fields)[number]): Column<Row> => ({
    title: statisticsHeadings[field] ?? field,
    cell: row => String(row[field]),
  })
  const columns = (
    ['ID', 'Name', 'CPUPerc', 'MemUsage', 'MemPerc', 'NetIO', 'BlockIO', 'PIDS', 'UpTime', 'AVGCPU'] as const
  ).map(column)
  if (history === undefined) return columns
  return [...columns, { title: 'CPU HISTORY', cell: ({ id }) => sparkline(history.get(id) ?? []) }]
}

const fields = [
  'ID',
  'ContainerID',
  'Name',
  'CPUPerc',
  'MemUsage',
  'MemUsageBytes',
  'MemPerc',
  'NetIO',
  'BlockIO',
  'PIDS',
  'UpTime',
  'AVGCPU',
  'Pressure',
] as const

export const statisticsHeadings: Record<string, string> = {
  ID: 'ID',
  ContainerID: 'CONTAINER ID',
  Name: 'NAME',
  CPUPerc: 'CPU %',
  MemUsage: 'MEM USAGE / LIMIT',
  MemUsageBytes: 'MEM USAGE / LIMIT',
  MemPerc: 'MEM %',
  NetIO: 'NET IO',
  BlockIO: 'BLOCK IO',
  PIDS: 'PIDS',
  UpTime: 'CPU TIME',
  AVGCPU: 'AVG CPU %',
  Pressure: 'PRESSURE',
}

/** Without a control group nobody limits anything: there is no limit to show. */
export function statisticsRow(one: ContainerStatistics, full: boolean): Record<string, unknown> {
  const { memoryBytes, memoryLimitBytes, hasCgroup, pressure } = one
  const limit = (show: (bytes: number) => string) => (hasCgroup ? show(memoryLimitBytes) : none)
  const binary = (bytes: number) => `${(bytes / 1024 ** 2).toFixed(2)}MiB`
  return {
    ID: full ? one.id : one.id.slice(0, 12),
    ContainerID: one.id,
    Name: one.name,
    CPUPerc: percent(one.cpuPercent),
    MemUsage: `${humanSize(memoryBytes, 4)} / ${limit(bytes => humanSize(bytes, 4))}`,
    MemUsageBytes: `${binary(memoryBytes)} / ${limit(binary)}`,
    MemPerc: hasCgroup ? percent(one.memoryPercent) : none,
    NetIO: pair(one.receivedBytes, one.sentBytes),
    BlockIO: pair(one.readBytes, one.writtenBytes),
    PIDS: String(one.pids),
    UpTime: seconds(one.cpuTimeUs),
    AVGCPU: percent(one.averageCpuPercent),
    Pressure: pressure === undefined ? none : `cpu ${pressure.cpu}% memory ${pressure.memory}% io ${pressure.io}%`,
  }
}

/** podman-stats(1), --format json. */
function statisticsJson(one: ContainerStatistics): Record<string, unknown> {
  const row = statisticsRow(one, false)
  return {
    id: row.ID,
    name: row.Name,
    cpu_time: row.UpTime,
    cpu_percent: row.CPUPerc,
    avg_cpu: row.AVGCPU,
    mem_usage: row.MemUsage,
    mem_percent: row.MemPerc,
    net_io: row.NetIO,
    block_io: row.BlockIO,
    pids: row.PIDS,
    ...(one.pressure && { pressure: one.pressure }),
  }
}

function percent(value: number): string {
  return `${value.toFixed(2)}%`
}

function pair(first: number | undefined, second: number | undefined): string {
  return `${first === undefined ? none : humanSize(first, 4)} / ${second === undefined ? none : humanSize(second, 4)}`
}

/** `12.3ms`, `1m2.5s`, as Go prints a duration. */
function seconds(us: number): string {
  if (us < 1_000_000) return `${Number((us / 1000).toFixed(3))}ms`
  const whole = us / 1e6
  return whole < 60 ? `${Number(whole.toFixed(3))}s` : `${Math.floor(whole / 60)}m${(whole % 60).toFixed(1)}s`
}
