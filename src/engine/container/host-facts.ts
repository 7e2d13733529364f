// Facts about this machine and caller that shape a container (container/inputs.ts), looked up once a command.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { hostname, release } from 'node:os'
import { join } from 'node:path'
import type { Config } from '#config/config.ts'
import type { ContainerDefaults, HostFacts } from '#container/inputs.ts'
import { parseDeviceOption } from '#container/options/device.ts'
import { parseUlimit } from '#container/options/ulimit.ts'
import { TspodError } from '#errors.ts'
import { readLimit } from '#host/limits.ts'

/** What is needed of the host; `withDevices` also lists the nodes of /dev (for --privileged). */
export function readHostFacts(withDevices: boolean): HostFacts {
  return {
    arch: process.arch,
    kernelRelease: release(),
    lastCapability: Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8')),
    env: Object.fromEntries(
      Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    ),
    rlimits: ['RLIMIT_NOFILE', 'RLIMIT_NPROC', 'RLIMIT_CORE', 'RLIMIT_MEMLOCK', 'RLIMIT_STACK'].map(readLimit),
    oomScoreAdj: Number(readFileSync('/proc/self/oom_score_adj', 'utf8')),
    cgroupVersion: existsSync('/sys/fs/cgroup/cgroup.controllers') ? 2 : 1,
    hasMqueue: existsSync('/dev/mqueue'),
    apparmor: hasAppArmor(),
    deviceNodes: withDevices ? listDeviceNodes('/dev') : [],
    hostname: hostname(),
  }
}

function hasAppArmor(): boolean {
  try {
    return readFileSync('/sys/module/apparmor/parameters/enabled', 'utf8').startsWith('Y')
  } catch {
    return false // no such module: no such kernel feature
  }
}

/** Character and block devices below a folder, without terminals, shared memory and what only a host's init uses. */
function listDeviceNodes(folder: string): string[] {
  const skipped = new Set(['pts', 'shm', 'fd', 'mqueue', 'console', 'ptmx', 'tty'])
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name)
    if (skipped.has(entry.name) || entry.name.startsWith('tty')) return []
    if (entry.isDirectory()) return listDeviceNodes(path)
    if (!entry.isCharacterDevice() && !entry.isBlockDevice()) return []
    return statSync(path, { throwIfNoEntry: false }) === undefined ? [] : [path]
  })
}

/** Throws NOT_FOUND for a device that is not there, before anything is made for it. */
export function requireDevices(texts: readonly string[]): void {
  for (const text of texts) {
    const { source } = parseDeviceOption(text)
    if (statSync(source, { throwIfNoEntry: false }) === undefined)
      throw new TspodError('NOT_FOUND', `--device "${text}": stat ${source}: no such file or directory`)
  }
}

/** The [containers] table as the plan wants it. */
export function containerDefaults({ containers }: Config): ContainerDefaults {
  return {
    capabilities: [...containers.defaultCapabilities],
    sysctls: Object.fromEntries(containers.defaultSysctls.map(entry => splitOnce(entry))),
    ulimits: containers.defaultUlimits.map(parseUlimit).filter(limit => limit !== 'host'),
    env: [...containers.env],
    devices: [...containers.devices],
    shmSizeBytes: containers.shmSizeBytes,
    umask: containers.umask,
    stopSignal: 'SIGTERM',
  }
}

function splitOnce(text: string): [string, string] {
  const equals = text.indexOf('=')
  return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)]
}
