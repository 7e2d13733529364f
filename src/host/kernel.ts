// The running kernel: its version, its settings, and what it is known to offer from which version on.
import { existsSync, readFileSync } from 'node:fs'
import { release } from 'node:os'

export interface KernelRelease {
  /** As uname(2) says it: `6.1.0-18-amd64`. */
  text: string
  major: number
  minor: number
}

/** Features that change what tspod can do, with the first mainline version; distributions have some of them earlier. */
export const kernelFeatures = {
  openat2: { since: [5, 6], gives: 'safe path resolution beneath a root' },
  closeRange: { since: [5, 9], gives: 'closing descriptors before a container starts in one call' },
  overlayVolatile: { since: [5, 10], gives: 'ends of containers that wait for no disk' },
  overlayInUserNamespace: { since: [5, 11], gives: 'overlay mounts without root' },
  idmappedMounts: { since: [5, 12], gives: 'mounts with other owners' },
  overlayLowerdirPlus: { since: [6, 5], gives: 'overlay layers handed over one by one' },
} as const satisfies Record<string, { since: readonly [number, number]; gives: string }>

export type KernelFeature = keyof typeof kernelFeatures

/** `5.14.0-427.el9.x86_64` → 5, 14. What cannot be read counts as version 0.0. */
export function parseKernelRelease(text: string): KernelRelease {
  const [, major = '0', minor = '0'] = /^(\d+)\.(\d+)/.exec(text) ?? []
  return { text, major: Number(major), minor: Number(minor) }
}

export function kernelRelease(): KernelRelease {
  return parseKernelRelease(release())
}

/** True from this version on. A no is no proof: distributions carry features back; try, and fall back on ENOSYS. */
export function kernelHas(feature: KernelFeature, kernel: KernelRelease = kernelRelease()): boolean {
  const [major, minor] = kernelFeatures[feature].since
  return kernel.major > major || (kernel.major === major && kernel.minor >= minor)
}

/** A setting below /proc/sys by its dotted name (sysctl(8)), trimmed; `undefined` where this kernel has none. */
function readSysctl(name: string): string | undefined {
  return readSmall(`/proc/sys/${name.replaceAll('.', '/')}`)
}

/** The number a setting holds; `undefined` where there is none or it is something else. */
export function readSysctlNumber(name: string): number | undefined {
  const text = readSysctl(name)
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined
}

/** True where set-uid programs give no privileges to this process and its children (prctl(2), PR_SET_NO_NEW_PRIVS). */
export function hasNoNewPrivileges(): boolean {
  return /^NoNewPrivs:\s*1$/m.test(readSmall('/proc/self/status') ?? '')
}

/** True for a process in another user namespace than the kernel's first, whose map is the identity of all ids (user_namespaces(7)). */
export function isInUserNamespace(): boolean {
  return !/^\s*0\s+0\s+4294967295\s*$/.test(readSmall('/proc/self/uid_map') ?? '')
}

/** True where the kernel was built with this kind of namespace. */
export function hasNamespaceKind(kind: 'user' | 'mnt' | 'pid' | 'net' | 'ipc' | 'uts' | 'cgroup' | 'time'): boolean {
  return existsSync(`/proc/self/ns/${kind}`)
}

function readSmall(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return undefined
  }
}
