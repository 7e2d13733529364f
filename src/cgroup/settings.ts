// Limits as data: the resources of a spec (OCI config-linux.md, Control groups) to files of cgroup v2 (kernel, cgroup-v2.rst) and
// properties of a systemd unit (systemd.resource-control(5), org.freedesktop.systemd1(5)). Pure.
import { TspodError } from '#errors.ts'
import type { BlockIoSpec, CpuSpec, MemorySpec, ResourcesSpec } from '#oci/runtime-spec.ts'
import type { Variant } from './dbus/wire.ts'

/** One value in one file of a group, and how systemd calls the same. */
export interface CgroupSetting {
  controller: string
  /** `memory.max` */
  file: string
  value: string
  /** systemd properties that have the file written; absent: it must be written by hand. */
  properties?: readonly (readonly [name: string, value: Variant])[]
  /** Where the kernel lacks the file, go on: nobody asked for it by name. */
  optional?: true
}

/** systemd's "infinity" (UINT64_MAX). */
export const INFINITY = 0xffff_ffff_ffff_ffffn
const DEFAULT_PERIOD_US = 100_000

/** Decides every setting, in the order in which files must be written. Throws UNSUPPORTED for what cgroup v2 does not have. */
export function planSettings(resources: ResourcesSpec): CgroupSetting[] {
  const { memory, cpu, pids, blockIO, hugepageLimits = [], rdma = {}, unified = {} } = resources
  if (resources.network?.classID !== undefined || (resources.network?.priorities ?? []).length > 0)
    throw unsupported('linux.resources.network', 'there is no such controller')
  return [
    ...(memory ? memorySettings(memory) : []),
    ...(cpu ? cpuSettings(cpu) : []),
    ...(pids && pids.limit !== 0 ? [limit('pids', 'pids.max', pids.limit, 'TasksMax')] : []),
    ...(blockIO ? blockIoSettings(blockIO) : []),
    ...hugepageLimits.map(({ pageSize, limit: bytes }) =>
      byHand('hugetlb', `hugetlb.${pageSize}.max`, bytes < 0 ? 'max' : String(bytes)),
    ),
    ...Object.entries(rdma).map(([device, { hcaHandles, hcaObjects }]) =>
      byHand('rdma', 'rdma.max', `${device} hca_handle=${hcaHandles ?? 'max'} hca_object=${hcaObjects ?? 'max'}`),
    ),
    ...Object.entries(unified).map(([file, value]) => unifiedSetting(file, value)),
  ]
}

/** The controllers that settings need, each once. */
export function controllersOf(settings: readonly CgroupSetting[]): string[] {
  return [...new Set(settings.filter(({ optional }) => optional !== true).map(({ controller }) => controller))]
}

function memorySettings(memory: MemorySpec): CgroupSetting[] {
  const { limit: max, reservation, swap, swappiness, disableOOMKiller, kernel, kernelTCP } = memory
  if (disableOOMKiller === true)
    throw unsupported('switching the out-of-memory killer off', 'a limit of memory is always enforced')
  if (swappiness !== undefined && swappiness >= 0) throw unsupported('swappiness of a container', 'it is the machine’s')
  if ((kernel ?? 0) > 0 || (kernelTCP ?? 0) > 0)
    throw unsupported('a limit of kernel memory', 'it is part of all memory')
  return [
    ...(max === undefined || max === 0 ? [] : [limit('memory', 'memory.max', max, 'MemoryMax')]),
    ...(reservation === undefined || reservation === 0
      ? []
      : [limit('memory', 'memory.low', reservation, 'MemoryLow')]),
    ...swapSettings(max ?? 0, swap ?? 0),
  ]
}

/** OCI's limit is of memory and swap together, cgroup v2's of swap alone. */
function swapSettings(max: number, both: number): CgroupSetting[] {
  if (both === 0) return []
  if (both < 0) return [limit('memory', 'memory.swap.max', -1, 'MemorySwapMax')]
  if (max <= 0)
    throw new TspodError('INVALID', 'a limit of memory and swap (--memory-swap) needs one of memory alone (--memory)')
  if (both < max)
    throw new TspodError(
      'INVALID',
      `a limit of ${both} bytes for memory and swap is below that of memory alone, ${max}`,
    )
  const setting = limit('memory', 'memory.swap.max', both - max, 'MemorySwapMax')
  // twice the memory is what a limit of memory alone brings along: a kernel that does not count swap is no reason to refuse that one
  return [both === 2 * max ? { ...setting, optional: true } : setting]
}

function cpuSettings(cpu: CpuSpec): CgroupSetting[] {
  const { shares, quota, period, burst, realtimePeriod, realtimeRuntime, cpus = '', mems = '', idle } = cpu
  if ((realtimePeriod ?? 0) > 0 || (realtimeRuntime ?? 0) > 0)
    throw unsupported('time of real-time processes (cpu-rt)', 'its kernel has no groups for them')
  const settings: CgroupSetting[] = []
  if (shares !== undefined && shares > 0) {
    const weight = weightOfShares(shares)
    settings.push(withProperty(byHand('cpu', 'cpu.weight', String(weight)), 'CPUWeight', number(BigInt(weight))))
  }
  if (quota !== undefined || period !== undefined) settings.push(cpuMax(quota ?? 0, period ?? 0))
  if (burst !== undefined && burst > 0) settings.push(byHand('cpu', 'cpu.max.burst', String(burst)))
  if (idle !== undefined) settings.push(byHand('cpu', 'cpu.idle', String(idle)))
  if (cpus !== '') settings.push(cpuset('cpuset.cpus', cpus, 'AllowedCPUs'))
  if (mems !== '') settings.push(cpuset('cpuset.mems', mems, 'AllowedMemoryNodes'))
  return settings
}

/**
 * cpu.shares 2 to 262144 as cpu.weight 1 to 10000, with both defaults (1024 and 100) on each other, as crun and runc convert since
 * 2025 (opencontainers/cgroups, ConvertCPUSharesToCgroupV2Value).
 */
export function weightOfShares(shares: number): number {
  if (shares <= 2) return 1
  if (shares >= 262_144) return 10_000
  const log = Math.log2(shares)
  const exponent = (log * log + 125 * log) / 612 - 7 / 34
  return Math.ceil(10 ** exponent)
}

/** systemd takes microseconds a second, and the period apart. */
function cpuMax(quota: number, period: number): CgroupSetting {
  const periodUs = period > 0 ? period : DEFAULT_PERIOD_US
  const perSecond = quota > 0 ? BigInt(Math.ceil((quota * 1_000_000) / periodUs / 10_000) * 10_000) : INFINITY
  return {
    controller: 'cpu',
    file: 'cpu.max',
    value: `${quota > 0 ? quota : 'max'} ${periodUs}`,
    properties: [
      ['CPUQuotaPerSecUSec', number(perSecond)],
      ...(periodUs === DEFAULT_PERIOD_US ? [] : [['CPUQuotaPeriodUSec', number(BigInt(periodUs))] as const]),
    ],
  }
}

function cpuset(file: string, list: string, property: string): CgroupSetting {
  const mask = maskOf(list, file)
  return withProperty(byHand('cpuset', file, list), property, { signature: 'ay', value: mask })
}

/** `0-3,8` as a bit mask, lowest byte first. Throws INVALID quoting the list. */
export function maskOf(list: string, what: string): number[] {
  const mask: number[] = []
  for (const part of list.split(',')) {
    const [, from, to = from] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part.trim()) ?? []
    if (from === undefined || Number(from) > Number(to))
      throw new TspodError('INVALID', `parsing ${what} "${list}": must be a list such as 0-3,8`)
    for (let bit = Number(from); bit <= Number(to); bit++) {
      while (mask.length <= bit >> 3) mask.push(0)
      mask[bit >> 3] = (mask[bit >> 3] ?? 0) | (1 << (bit & 7))
    }
  }
  return mask
}

function blockIoSettings(io: BlockIoSpec): CgroupSetting[] {
  if ((io.leafWeight ?? 0) > 0 || io.weightDevice?.some(({ leafWeight = 0 }) => leafWeight > 0) === true)
    throw unsupported('leafWeight of block devices', 'groups have no weight beside their own processes')
  const settings: CgroupSetting[] = []
  if (io.weight !== undefined && io.weight > 0) {
    const weight = ioWeight(io.weight)
    settings.push(withProperty(byHand('io', 'io.weight', `default ${weight}`), 'IOWeight', number(BigInt(weight))))
  }
  for (const { major, minor, weight = 0 } of io.weightDevice ?? [])
    if (weight > 0) settings.push(byHand('io', 'io.weight', `${major}:${minor} ${ioWeight(weight)}`))
  const throttle = (devices: BlockIoSpec['throttleReadBpsDevice'], key: string): void => {
    for (const { major, minor, rate } of devices ?? [])
      settings.push(byHand('io', 'io.max', `${major}:${minor} ${key}=${rate > 0 ? rate : 'max'}`))
  }
  throttle(io.throttleReadBpsDevice, 'rbps')
  throttle(io.throttleWriteBpsDevice, 'wbps')
  throttle(io.throttleReadIOPSDevice, 'riops')
  throttle(io.throttleWriteIOPSDevice, 'wiops')
  return settings
}

/** blkio.weight 10 to 1000 as io.weight 1 to 10000. */
function ioWeight(weight: number): number {
  return 1 + Math.floor(((weight - 10) * 9999) / 990)
}

/** Properties that systemd would otherwise write over again with its own value. */
const unifiedProperties: Record<string, string> = {
  'memory.max': 'MemoryMax',
  'memory.high': 'MemoryHigh',
  'memory.low': 'MemoryLow',
  'memory.min': 'MemoryMin',
  'memory.swap.max': 'MemorySwapMax',
  'pids.max': 'TasksMax',
}

function unifiedSetting(file: string, value: string): CgroupSetting {
  const [, controller = ''] = /^([a-z]+)(\.[A-Za-z0-9_-]+)+$/.exec(file) ?? []
  if (controller === '' || controller === 'cgroup')
    throw new TspodError('INVALID', `"${file}" is no file of a controller, such as memory.high`)
  const setting = byHand(controller, file, value)
  const property = unifiedProperties[file]
  const amount = value === 'max' ? INFINITY : /^\d{1,18}$/.test(value) ? BigInt(value) : undefined
  return property === undefined || amount === undefined ? setting : withProperty(setting, property, number(amount))
}

/** A limit of which -1 means none. */
function limit(controller: string, file: string, amount: number, property: string): CgroupSetting {
  const value = amount < 0 ? 'max' : String(amount)
  return withProperty(byHand(controller, file, value), property, number(amount < 0 ? INFINITY : BigInt(amount)))
}

function byHand(controller: string, file: string, value: string): CgroupSetting {
  return { controller, file, value }
}

function withProperty(setting: CgroupSetting, name: string, value: Variant): CgroupSetting {
  return { ...setting, properties: [[name, value]] }
}

function number(value: bigint): Variant {
  return { signature: 't', value }
}

function unsupported(what: string, why: string): TspodError {
  return new TspodError('UNSUPPORTED', `${what}: cgroup v2 does not have it: ${why}`)
}
