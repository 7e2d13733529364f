// Options that limit what a container uses (podman-run(1)), as the resources of a spec. Reads the numbers of devices, nothing else.
import { statSync } from 'node:fs'
import { TspodError } from '#errors.ts'
import type { BlockIoSpec, CpuSpec, MemorySpec, ResourcesSpec, ThrottleSpec } from '#oci/runtime-spec.ts'
import { parseByteSize } from './size.ts'

/** As typed; the number of a limit that is not there is absent. */
export interface ResourceOptions {
  memory?: string
  memoryReservation?: string
  memorySwap?: string
  cpus?: string
  cpuPeriod?: number
  cpuQuota?: number
  cpuShares?: number
  cpusetCpus?: string
  cpusetMems?: string
  /** -1: no limit */
  pidsLimit?: number
  blkioWeight?: number
  blkioWeightDevice?: string[]
  deviceReadBps?: string[]
  deviceWriteBps?: string[]
  deviceReadIops?: string[]
  deviceWriteIops?: string[]
  cgroupConf?: string[]
}

const DEFAULT_PERIOD_US = 100_000
const MIN_MEMORY = 512 * 1024

/** The resources that options ask for; `undefined` where they ask for none. Throws INVALID quoting option and text. */
export function parseResources(options: ResourceOptions): ResourcesSpec | undefined {
  const memory = memoryOf(options)
  const cpu = cpuOf(options)
  const blockIO = blockIoOf(options)
  const unified = unifiedOf(options.cgroupConf ?? [])
  const { pidsLimit } = options
  const resources: ResourcesSpec = {
    ...(memory && { memory }),
    ...(cpu && { cpu }),
    ...(blockIO && { blockIO }),
    // podman's 0 and -1: as many as there may be
    ...(pidsLimit !== undefined && { pids: { limit: pidsLimit === 0 ? -1 : pidsLimit } }),
    ...(unified && { unified }),
  }
  return Object.keys(resources).length === 0 ? undefined : resources
}

function memoryOf({ memory, memoryReservation, memorySwap }: ResourceOptions): MemorySpec | undefined {
  const limit = bytes('--memory', memory)
  const reservation = bytes('--memory-reservation', memoryReservation)
  const swap = memorySwap === '-1' ? -1 : bytes('--memory-swap', memorySwap)
  if (limit !== undefined && limit < MIN_MEMORY)
    throw new TspodError('INVALID', `--memory ${memory}: must be 512k or more`)
  if (limit !== undefined && reservation !== undefined && reservation > limit)
    throw new TspodError('INVALID', `--memory-reservation ${memoryReservation} is above --memory ${memory}`)
  if (swap !== undefined && swap > 0 && limit === undefined)
    throw new TspodError('INVALID', `--memory-swap ${memorySwap}: needs --memory, since it counts both together`)
  if (swap !== undefined && swap > 0 && swap < (limit ?? 0))
    throw new TspodError('INVALID', `--memory-swap ${memorySwap} is below --memory ${memory}: it counts both together`)
  return present({ limit, reservation, swap })
}

function cpuOf(options: ResourceOptions): CpuSpec | undefined {
  const { cpus, cpuPeriod, cpuQuota, cpuShares, cpusetCpus, cpusetMems } = options
  const period = positive(cpuPeriod)
  const quota = positive(cpuQuota)
  if (period !== undefined && (period < 1000 || period > 1_000_000))
    throw new TspodError('INVALID', `--cpu-period ${period}: must be 1000 to 1000000 microseconds`)
  if (quota !== undefined && quota < 1000)
    throw new TspodError('INVALID', `--cpu-quota ${quota}: must be 1000 microseconds or more`)
  const wanted = cpus === undefined ? 0 : parseCpus(cpus)
  if (wanted > 0 && (period !== undefined || quota !== undefined))
    throw new TspodError('INVALID', '--cpus cannot be combined with --cpu-period or --cpu-quota')
  const fraction = wanted > 0 ? { period: DEFAULT_PERIOD_US, quota: Math.round(wanted * DEFAULT_PERIOD_US) } : {}
  return present({
    shares: positive(cpuShares),
    ...present({ period, quota }),
    ...fraction,
    cpus: list('--cpuset-cpus', cpusetCpus),
    mems: list('--cpuset-mems', cpusetMems),
  })
}

function parseCpus(text: string): number {
  const value = /^\d{1,6}(\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN
  if (value === 0 || value >= 0.01) return value
  throw new TspodError(
    'INVALID',
    `parsing --cpus "${text}": must be a number of processors such as 0.5 or 2, at least 0.01`,
  )
}

function list(option: string, text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined
  if (/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(text)) return text
  throw new TspodError('INVALID', `parsing ${option} "${text}": must be a list such as 0-3,8`)
}

function blockIoOf(options: ResourceOptions): BlockIoSpec | undefined {
  const weight = positive(options.blkioWeight)
  if (weight !== undefined && (weight < 10 || weight > 1000))
    throw new TspodError('INVALID', `--blkio-weight ${weight}: must be 10 to 1000`)
  return present({
    weight,
    weightDevice: some(options.blkioWeightDevice?.map(text => weightOf(text))),
    throttleReadBpsDevice: throttles('--device-read-bps', options.deviceReadBps, true),
    throttleWriteBpsDevice: throttles('--device-write-bps', options.deviceWriteBps, true),
    throttleReadIOPSDevice: throttles('--device-read-iops', options.deviceReadIops, false),
    throttleWriteIOPSDevice: throttles('--device-write-iops', options.deviceWriteIops, false),
  })
}

function weightOf(text: string): { major: number; minor: number; weight: number } {
  const [device, value] = deviceAndValue('--blkio-weight-device', text)
  const weight = /^\d{1,4}$/.test(value) ? Number(value) : 0
  if (weight < 10 || weight > 1000)
    throw new TspodError(
      'INVALID',
      `parsing --blkio-weight-device "${text}": the weight is "${value}", must be 10 to 1000`,
    )
  return { ...device, weight }
}

function throttles(option: string, texts: readonly string[] | undefined, isBytes: boolean): ThrottleSpec[] | undefined {
  return some(
    texts?.map(text => {
      const [device, value] = deviceAndValue(option, text)
      if (isBytes) return { ...device, rate: parseByteSize(option, value) }
      if (!/^\d{1,15}$/.test(value))
        throw new TspodError('INVALID', `parsing ${option} "${text}": the rate is "${value}", must be a whole number`)
      return { ...device, rate: Number(value) }
    }),
  )
}

/** `/dev/sda:1mb` */
function deviceAndValue(option: string, text: string): [{ major: number; minor: number }, string] {
  const [, path = '', value = ''] = /^(\/[^:]+):(.+)$/.exec(text) ?? []
  if (path === '')
    throw new TspodError('INVALID', `parsing ${option} "${text}": must be DEVICE:VALUE, such as /dev/sda:1mb`)
  const facts = statSync(path, { throwIfNoEntry: false })
  if (facts?.isBlockDevice() !== true)
    throw new TspodError('INVALID', `parsing ${option} "${text}": "${path}" is no block device`)
  // makedev(3), as the kernel packs both into 64 bits
  const major = Math.floor(facts.rdev / 256) % 4096
  const minor = (facts.rdev % 256) + Math.floor(facts.rdev / 1_048_576) * 256
  return [{ major, minor }, value]
}

function unifiedOf(texts: readonly string[]): Record<string, string> | undefined {
  if (texts.length === 0) return undefined
  return Object.fromEntries(
    texts.map(text => {
      const equals = text.indexOf('=')
      if (equals < 1)
        throw new TspodError('INVALID', `parsing --cgroup-conf "${text}": must be FILE=VALUE, such as memory.high=1g`)
      const file = text.slice(0, equals)
      if (!/^[a-z]+(\.[A-Za-z0-9_-]+)+$/.test(file) || file.startsWith('cgroup.'))
        throw new TspodError('INVALID', `parsing --cgroup-conf "${text}": "${file}" is no file of a controller`)
      return [file, text.slice(equals + 1)]
    }),
  )
}

function bytes(option: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : positive(parseByteSize(option, text))
}

/** 0 and less ask for nothing. */
function positive(value: number | undefined): number | undefined {
  return value === undefined || value <= 0 ? undefined : value
}

function some<T>(values: T[] | undefined): T[] | undefined {
  return values === undefined || values.length === 0 ? undefined : values
}

/** Without what is undefined; `undefined` where nothing is left. */
function present<T extends object>(value: T): T | undefined {
  const entries = Object.entries(value).filter(([, each]) => each !== undefined)
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as T)
}

/** Podman's default: as much swap again as memory, where only memory is limited. */
export function withDefaultSwap(resources: ResourcesSpec | undefined): ResourcesSpec | undefined {
  const { memory } = resources ?? {}
  if (memory?.limit === undefined || memory.limit < 0 || memory.swap !== undefined) return resources
  return { ...resources, memory: { ...memory, swap: memory.limit * 2 } }
}
