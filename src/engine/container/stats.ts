// stats: what containers use, now and since the last look.
import { totalmem } from 'node:os'
import { parseNetworkBytes, readGroupUsage, type Usage } from '#cgroup/statistics.ts'
import { requireAllowed } from '#container/state.ts'
import type { ContainerStatistics, Selection } from '#engine/contracts/container.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { processAgeMs, readProcessFile } from '#host/process-table.ts'
import { ProcessSnapshot } from '#host/process-usage.ts'
import { selectContainers } from './select.ts'
import { type SeenContainer, seeContainer } from './survey.ts'

/** Looks at the same containers again and again; remembers what it saw, since shares are of the time between two looks. */
export class StatisticsReader {
  readonly #engine: Engine
  readonly #selection: Selection
  readonly #before = new Map<string, { cpuUs: number; atNs: bigint }>()

  readonly #wantsPressure: boolean

  private constructor(engine: Engine, selection: Selection, wantsPressure: boolean) {
    this.#engine = engine
    this.#selection = selection
    this.#wantsPressure = wantsPressure
  }

  /** `all`: every running container at each look; names must be of running ones. `pressure` costs three more files of each. */
  static async open(selection: Selection, { pressure }: { pressure: boolean }): Promise<StatisticsReader> {
    return new StatisticsReader(await openEngine(), selection, pressure)
  }

  /** One look. Throws for a named container that does not run, unless it was seen before. */
  async read(): Promise<ContainerStatistics[]> {
    const chosen = await selectContainers(this.#engine, this.#selection, ({ isRunning }) => isRunning)
    let snapshot: ProcessSnapshot | undefined
    const processes = (): ProcessSnapshot => {
      snapshot ??= new ProcessSnapshot()
      return snapshot
    }
    return chosen.flatMap(one => {
      if ('error' in one) throw one.error
      const seen = seeContainer(this.#engine, one.id)
      if (!this.#before.has(one.id)) requireAllowed('top', one.id, seen.report)
      return this.#describe(seen, processes) ?? []
    })
  }

  /** `processes`: all of one look, read where a container without a group needs them. */
  #describe(seen: SeenContainer, processes: () => ProcessSnapshot): ContainerStatistics | undefined {
    const { state } = seen.report
    if (state === undefined || !seen.isRunning) return undefined
    const { cgroupFolder: group, pid } = state
    const usage: Usage | undefined =
      group === undefined ? processes().usageOf(pid) : readGroupUsage(group, this.#wantsPressure)
    if (usage === undefined) return undefined
    const atNs = process.hrtime.bigint()
    const upNs = Math.max(1, processAgeMs(state.startTime) * 1e6)
    const before = this.#before.get(seen.id) ?? { cpuUs: 0, atNs: atNs - BigInt(Math.round(upNs)) }
    this.#before.set(seen.id, { cpuUs: usage.cpuUs, atNs })
    const elapsedUs = Math.max(1, Number(atNs - before.atNs) / 1000)
    return {
      id: seen.id,
      name: seen.record?.name ?? '',
      hasCgroup: state.cgroupFolder !== undefined,
      cpuPercent: (100 * Math.max(0, usage.cpuUs - before.cpuUs)) / elapsedUs,
      averageCpuPercent: (100 * usage.cpuUs * 1000) / upNs,
      cpuTimeUs: usage.cpuUs,
      upSeconds: upNs / 1e9,
      ...memoryOf(usage),
      ...networkOf(state.pid),
      readBytes: usage.readBytes,
      writtenBytes: usage.writtenBytes,
      pids: usage.pids,
      pidsLimit: usage.pidsLimit,
      pressure: usage.pressure,
    }
  }
}

/** Without a limit, or above it, the machine is the limit. */
function memoryOf({ memoryBytes, memoryLimitBytes }: Usage) {
  const machine = totalmem()
  const limit = Math.min(memoryLimitBytes ?? machine, machine)
  return { memoryBytes, memoryLimitBytes: limit, memoryPercent: (100 * memoryBytes) / limit }
}

function networkOf(pid: number): { receivedBytes?: number; sentBytes?: number } {
  const text = readProcessFile(pid, 'net/dev')
  if (text === undefined) return {}
  const { received, sent } = parseNetworkBytes(text)
  return { receivedBytes: received, sentBytes: sent }
}
