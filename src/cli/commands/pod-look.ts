// `tspod pod inspect`, `logs`, `top` and `stats`.
import { defineCommand, usageError } from '#cli/command.ts'
import { formatJson } from '#cli/format/json.ts'
import { alignTabs, renderTable } from '#cli/format/table.ts'
import { choice, flag, integer, text } from '#cli/option.ts'
import { print } from '#cli/output.ts'
import { namedPods } from '#cli/pod-selection.ts'
import type { PodName } from '#engine/contracts/pod.ts'
import { logOptions, logRequest } from './logs.ts'
import { statisticsHeadings, statisticsRow } from './stats.ts'

const latest = flag('The pod created last', { short: 'l' })

export const podInspectCommand = defineCommand({
  usage: '[options] POD [POD...]',
  examples: ["pod inspect --format '{{.State}} {{.InfraContainerID}}' web"],
  options: { format: text('template', 'A Go template, or json', { short: 'f' }), latest },
  operands: '[pod...]',
  completes: ['pods'],
  async run(values, operands) {
    const { inspectPod } = await import('#engine/pod/inspect.ts')
    const { inspectEach } = await import('#engine/inspect.ts')
    const { show } = await import('./inspect.ts')
    const names = namedPods(values.latest, operands)
    const inspected = await inspectEach(names, async name => [await inspectPod(name)])
    // one pod is an object, as with podman; several are a list
    await show(inspected, values.format, names.length === 1)
  },
})

export const podLogsCommand = defineCommand({
  usage: '[options] POD',
  examples: ['pod logs -f web', 'pod logs --container db web'],
  options: {
    ...logOptions,
    container: text('container', 'Only the output of this container', { short: 'c', completes: 'containers' }),
    latest,
  },
  operands: '[pod]',
  completes: ['pods'],
  async run(values, operands) {
    const [pod] = onePod(values.latest, operands)
    const { membersOfPods } = await import('#engine/pod/list.ts')
    const members = (await membersOfPods([pod], false)).filter(({ isInfra }) => !isInfra)
    const { container } = values
    const wanted =
      container === undefined
        ? members
        : members.filter(({ id, name }) => name === container || id.startsWith(container))
    if (container !== undefined && wanted.length === 0)
      throw usageError(`container ${container} is not in pod ${shown(pod)}`)
    if (wanted.length === 0) return
    const { readLogs } = await import('#engine/container/logs.ts')
    const { lineWriter } = await import('./logs.ts')
    await readLogs(
      wanted.map(({ id }) => id),
      logRequest(values),
      lineWriter({ ...values, several: container === undefined }),
    )
  },
})

export const podTopCommand = defineCommand({
  usage: '[options] POD [FORMAT-DESCRIPTORS]',
  examples: ['pod top web', 'pod top web pid user args'],
  options: { latest },
  operands: '[pod] [format...]',
  stopsAtOperand: true,
  completes: ['pods', 'none'],
  async run(values, operands) {
    const [pod, rest] = onePod(values.latest, operands)
    const { membersOfPods } = await import('#engine/pod/list.ts')
    const { topContainer } = await import('#engine/container/top.ts')
    // one that is in the infra container's pid namespace is seen with that
    const members = (await membersOfPods([pod], true)).filter(({ sharesProcesses }) => !sharesProcesses)
    if (members.length === 0)
      throw usageError(`pod ${shown(pod)} is not running: pod top can only be used on running pods`)
    const descriptors = rest.flatMap(word => word.split(','))
    const tables = await Promise.all(
      members.map(async ({ id }) => await topContainer(id, { kind: 'descriptors', descriptors })),
    )
    const lines = [tables[0]?.titles ?? [], ...tables.flatMap(({ rows }) => rows)].map(row => row.join('\t'))
    print(`${alignTabs(lines.join('\n'))}\n`)
  },
})

export const podStatsCommand = defineCommand({
  usage: '[options] [POD...]',
  examples: ['pod stats', 'pod stats --no-stream web'],
  options: {
    all: flag('All pods', { short: 'a' }),
    format: text('template', 'json, or a Go template, or `table` and a template'),
    interval: integer('Seconds between two looks (default 5)', 1, { short: 'i' }),
    latest,
    noReset: flag('Print one table below the other'),
    noStream: flag('Look once'),
    sort: choice(['name', 'pod'], 'Sort by this (default pod)'),
  },
  operands: '[pod...]',
  completes: ['pods'],
  async run(values, operands) {
    if (values.all === true && operands.length > 0) throw usageError('--all and pods cannot be used together')
    const { membersOfPods, podIds } = await import('#engine/pod/list.ts')
    const { StatisticsReader } = await import('#engine/container/stats.ts')
    const isAll = values.latest !== true && operands.length === 0
    const isLive = values.noStream !== true && values.format === undefined && process.stdout.isTTY
    const readers = new Map<string, Awaited<ReturnType<typeof StatisticsReader.open>>>()
    for (;;) {
      const names: PodName[] = isAll ? await podIds() : namedPods(values.latest, operands)
      const rows: StatisticsRow[] = []
      for (const { id, podId } of await membersOfPods(names, true)) {
        const selection = { names: [id], all: false, filters: [], ignoreMissing: true }
        const reader = readers.get(id) ?? (await StatisticsReader.open(selection, { pressure: false }))
        readers.set(id, reader)
        for (const found of await reader.read()) rows.push({ ...statisticsRow(found, false), Pod: podId.slice(0, 12) })
      }
      const sorted =
        values.sort === 'name' ? rows.toSorted((a, b) => (String(a['Name']) < String(b['Name']) ? -1 : 1)) : rows
      const table = await renderStatistics(sorted, values.format)
      print(isLive && values.noReset !== true ? `\x1b[H\x1b[2J${table}` : table)
      if (values.noStream === true) return
      await new Promise(resolve => setTimeout(resolve, (values.interval ?? 5) * 1000))
    }
  },
})

type StatisticsRow = Record<string, unknown> & { Pod: string }

const statisticsFields = ['Pod', 'CID', 'Name', 'CPU', 'MemUsage', 'Mem', 'NetIO', 'BlockIO', 'PIDS'] as const

async function renderStatistics(found: readonly StatisticsRow[], format: string | undefined): Promise<string> {
  const headings: Record<string, string> = { ...statisticsHeadings, Pod: 'POD', CID: 'CID', CPU: 'CPU %', Mem: 'MEM %' }
  // podman's names for the same in pods
  const rows: Record<string, unknown>[] = found.map(row => ({
    ...row,
    CID: row['ID'],
    CPU: row['CPUPerc'],
    Mem: row['MemPerc'],
  }))
  if (format === undefined)
    return renderTable(
      rows,
      statisticsFields.map(field => ({ title: headings[field] ?? field, cell: row => String(row[field]) })),
    )
  const { renderRows, wantsJson } = await import('#cli/format/report.ts')
  if (wantsJson(format))
    return formatJson(rows.map(row => Object.fromEntries(statisticsFields.map(field => [field, row[field]]))))
  return renderRows(format, rows, { headings, fields: statisticsFields })
}

function onePod(latestToo: boolean | undefined, operands: readonly string[]): [PodName, string[]] {
  if (latestToo === true) return [{ latest: true }, [...operands]]
  const [pod, ...rest] = operands
  if (pod === undefined) throw usageError('you must provide at least one name or id')
  return [pod, rest]
}

function shown(pod: PodName): string {
  return typeof pod === 'string' ? pod : 'created last'
}
