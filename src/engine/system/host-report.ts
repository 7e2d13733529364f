// The part of `tspod info` that the machine alone answers. Host namespaces.
import { readFileSync } from 'node:fs'
import { availableParallelism, freemem, hostname, totalmem, uptime } from 'node:os'
import type { Config } from '#config/config.ts'
import { readCgroupFacts } from '#host/cgroup.ts'
import { readDistribution } from '#host/distribution.ts'
import { filesystemOf } from '#host/filesystem.ts'
import { programVersion } from '#host/helper-programs.ts'
import { kernelRelease } from '#host/kernel.ts'
import { readAppArmorFacts, selinuxMode } from '#host/security-modules.ts'
import { hostUser } from '#host/user.ts'
import { findNetworkHelper } from './doctor.ts'
import { goArchitecture } from './version.ts'

/** Facts of the machine under podman-info(1)'s names. */
export function reportMachine(config: Config): Record<string, unknown> {
  const { id, version, codename } = readDistribution()
  const cgroup = readCgroupFacts()
  const meminfo = parseMeminfo(readFileSync('/proc/meminfo', 'utf8'))
  return {
    arch: goArchitecture(),
    cgroupVersion: cgroup.version === 'v2' ? 'v2' : 'v1',
    cgroupLayout: cgroup.version,
    cgroupControllers: hostUser().isRoot ? cgroup.controllers : cgroup.delegatedControllers,
    cpus: availableParallelism(),
    cpuUtilization: parseCpuUtilization(readFileSync('/proc/stat', 'utf8')),
    distribution: { distribution: id, version, ...(codename !== '' && { codename }) },
    hostname: hostname(),
    kernel: kernelRelease().text,
    memFree: meminfo.get('MemFree') ?? freemem(),
    memTotal: totalmem(),
    os: 'linux',
    pasta: reportHelper('pasta', config),
    security: reportSecurity(config),
    slirp4netns: reportHelper('slirp4netns', config),
    swapFree: meminfo.get('SwapFree') ?? 0,
    swapTotal: meminfo.get('SwapTotal') ?? 0,
    uptime: formatUptime(uptime()),
  }
}

function reportHelper(name: 'slirp4netns' | 'pasta', config: Config): Record<string, unknown> {
  const executable = findNetworkHelper(name, config)
  if (executable === undefined) return { executable: '', version: '' }
  return { executable, version: programVersion(executable) ?? '' }
}

function reportSecurity({ containers }: Config): Record<string, unknown> {
  return {
    apparmorEnabled: readAppArmorFacts().isEnabled,
    capabilities: containers.defaultCapabilities
      .map(name => (name.startsWith('CAP_') ? name : `CAP_${name}`))
      .join(','),
    rootless: !hostUser().isRoot,
    seccompEnabled: true,
    seccompProfilePath: containers.seccompProfile ?? 'default',
    selinuxEnabled: selinuxMode() !== 'disabled',
  }
}

/** Bytes by name out of proc_meminfo(5). */
export function parseMeminfo(text: string): Map<string, number> {
  return new Map([...text.matchAll(/^(\w+):\s+(\d+) kB$/gm)].map(([, name = '', kib]) => [name, Number(kib) * 1024]))
}

/** Shares of all processor time since boot, in percent with two digits (proc_stat(5), first line). */
export function parseCpuUtilization(text: string): { userPercent: number; systemPercent: number; idlePercent: number } {
  const times = (/^cpu +(.*)$/m.exec(text)?.[1] ?? '').split(' ').map(Number)
  const [user = 0, nice = 0, system = 0, idle = 0, ioWait = 0, irq = 0, softIrq = 0, steal = 0] = times
  const total = user + nice + system + idle + ioWait + irq + softIrq + steal
  const percent = (part: number): number => (total === 0 ? 0 : Math.round((part / total) * 10_000) / 100)
  return { userPercent: percent(user + nice), systemPercent: percent(system), idlePercent: percent(idle) }
}

/** `26h 3m 4.00s (Approximately 1.08 days)`, as podman's users know it. */
export function formatUptime(seconds: number): string {
  const whole = Math.floor(seconds)
  const text = `${Math.floor(whole / 3600)}h ${Math.floor(whole / 60) % 60}m ${(whole % 60).toFixed(2)}s`
  return whole < 86_400 ? text : `${text} (Approximately ${(whole / 86_400).toFixed(2)} days)`
}

/** Room in the file system of the store. */
export function reportRoom(graphRoot: string): { graphRootAllocated: number; graphRootUsed: number; kind: string } {
  const { totalBytes, freeBytes, kind } = filesystemOf(graphRoot)
  return { graphRootAllocated: totalBytes, graphRootUsed: totalBytes - freeBytes, kind }
}
