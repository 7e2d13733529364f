// --soft-limits: limits that no control group enforces here, come close to by other means: processors by affinity, shares by niceness, the
// number of processes by RLIMIT_NPROC, memory by a watchdog in the monitor. None of them binds who works against it.
import { TspodError } from '#errors.ts'
import type { ResourcesSpec } from '#oci/runtime-spec.ts'
import { addNiceness, allowedProcessors, bindToProcessors } from '#sys/scheduling.ts'
import { controllersOf, maskOf, planSettings } from './settings.ts'

export interface SoftLimits {
  /** numbers of processors that it is bound to */
  processors?: number[]
  /** steps above that of the caller */
  nice?: number
  /** of each user of the container */
  processes?: number
  /** resident memory of all processes together */
  memoryBytes?: number
}

const DEFAULT_SHARES = 1024
const DEFAULT_PERIOD_US = 100_000
/** What one step of niceness makes of a share (sched(7), the kernel's table of weights). */
const NICE_STEP = 1.25
const LEAST_NICE = 19

/**
 * Parts what the controllers enforce from what has to be come close to. Throws for what nothing comes close to, and for a set of
 * processors of which none may be used. `seed` decides which ones a container gets.
 */
export function splitLimits(
  resources: ResourcesSpec,
  controllers: readonly string[],
  seed: number,
): { enforced: ResourcesSpec; soft: SoftLimits } {
  const enforced: ResourcesSpec = { ...resources }
  const soft: SoftLimits = {}
  const { memory, pids, cpu } = resources
  if (memory !== undefined && !controllers.includes('memory')) {
    delete enforced.memory
    if ((memory.reservation ?? 0) > 0) throw nothing('--memory-reservation')
    if (memory.limit !== undefined && memory.limit > 0) soft.memoryBytes = memory.limit
  }
  if (pids !== undefined && !controllers.includes('pids')) {
    delete enforced.pids
    if (pids.limit > 0) soft.processes = pids.limit
  }
  if (cpu !== undefined) {
    const { left, limits } = splitCpu(cpu, controllers, seed)
    if (left === undefined) delete enforced.cpu
    else enforced.cpu = left
    Object.assign(soft, limits)
  }
  const missing = controllersOf(planSettings(enforced)).find(controller => !controllers.includes(controller))
  if (missing !== undefined) throw nothing(`a limit by the controller "${missing}"`)
  return { enforced, soft }
}

type CpuSpec = NonNullable<ResourcesSpec['cpu']>

function splitCpu(
  cpu: CpuSpec,
  controllers: readonly string[],
  seed: number,
): { left: CpuSpec | undefined; limits: SoftLimits } {
  const left: CpuSpec = { ...cpu }
  const limits: SoftLimits = {}
  let processors = allowedProcessors()
  let isBound = false
  if (!controllers.includes('cpuset')) {
    if (cpu.mems !== undefined && cpu.mems !== '') throw nothing('--cpuset-mems')
    delete left.cpus
    delete left.mems
    if (cpu.cpus !== undefined && cpu.cpus !== '') {
      const mask = maskOf(cpu.cpus, '--cpuset-cpus')
      processors = processors.filter(number => ((mask[number >> 3] ?? 0) & (1 << (number & 7))) !== 0)
      if (processors.length === 0)
        throw new TspodError('INVALID', `--cpuset-cpus ${cpu.cpus}: none of these processors may be used here`)
      isBound = true
    }
  }
  if (!controllers.includes('cpu')) {
    const { shares = DEFAULT_SHARES, quota = 0, period = DEFAULT_PERIOD_US } = cpu
    for (const key of ['shares', 'quota', 'period', 'burst', 'idle'] as const) delete left[key]
    if (shares > 0 && shares < DEFAULT_SHARES)
      limits.nice = Math.min(LEAST_NICE, Math.round(Math.log(DEFAULT_SHARES / shares) / Math.log(NICE_STEP)))
    const count = quota > 0 ? Math.ceil(quota / period) : Number.POSITIVE_INFINITY
    if (count < processors.length) {
      const first = seed % processors.length
      processors = [...processors.slice(first), ...processors.slice(0, first)].slice(0, count)
      isBound = true
    }
  }
  if (isBound) limits.processors = processors.toSorted((a, b) => a - b)
  return { left: Object.keys(left).length === 0 ? undefined : left, limits }
}

/** Binds a process of ours and whatever it starts from now on. */
export function applySoftLimits(pid: number, { processors, nice }: SoftLimits): void {
  if (processors !== undefined) bindToProcessors(pid, processors)
  if (nice !== undefined) addNiceness(pid, nice)
}

/** What holds instead of each limit, for people. */
export function describeSoftLimits({ processors, nice, processes, memoryBytes }: SoftLimits): string[] {
  return [
    ...(processors === undefined ? [] : [`processors: bound to ${processors.join(',')}`]),
    ...(nice === undefined ? [] : [`cpu shares: niceness +${nice}`]),
    ...(processes === undefined ? [] : [`processes: ${processes} of each user (RLIMIT_NPROC)`]),
    ...(memoryBytes === undefined ? [] : [`memory: its monitor kills the largest process above ${memoryBytes} bytes`]),
  ]
}

function nothing(what: string): TspodError {
  return new TspodError(
    'UNSUPPORTED',
    `${what}: no control group enforces it here, and --soft-limits has nothing like it`,
  )
}
