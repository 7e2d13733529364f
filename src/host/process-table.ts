// Processes as /proc shows them: what top tells of a container's. Runs in the host's namespaces; nothing is entered.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { errnoOf } from '#errors.ts'

/** One process (proc_pid_status(5), proc_pid_stat(5)); ids are this machine's. */
export interface ProcessFacts {
  hostPid: number
  parent: number
  /** its numbers in the pid namespaces that it is in, from ours inwards */
  nestedPids: number[]
  nestedGroups: number[]
  comm: string
  /** empty for a zombie */
  args: string[]
  state: string
  uid: number
  realUid: number
  gid: number
  realGid: number
  groups: number[]
  nice: number
  /** tty_nr: major and minor */
  terminal: number
  cpuTicks: number
  /** ticks after boot */
  startTicks: number
  virtualKib: number
  residentKib: number
  seccompMode: number
  /** masks, hexadecimal, by the names that status has: CapEff */
  capabilities: Record<string, string>
}

/** Clock ticks a second: USER_HZ, 100 wherever tspod runs. */
export const TICKS_PER_SECOND = 100

/** The processes of the pid namespace that this one is in, and of those inside it; in the order of their numbers. */
export function processesBeside(pid: number): ProcessFacts[] {
  const namespace = readLink(`/proc/${pid}/ns/pid`)
  const depth = readProcess(pid)?.nestedPids.length ?? 0
  const all = readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(name => readProcess(Number(name)))
    .filter(facts => facts !== undefined && facts.nestedPids.length >= depth)
    .filter(facts => facts !== undefined)
  const inside = new Set<number>()
  // parents have lower numbers only until numbers wrap around: look until nothing is added
  for (let before = -1; before !== inside.size; ) {
    before = inside.size
    for (const { hostPid, parent, nestedPids } of all)
      if (!inside.has(hostPid) && (nestedPids.length === depth ? isIn(hostPid, namespace) : inside.has(parent)))
        inside.add(hostPid)
  }
  return all.filter(({ hostPid }) => inside.has(hostPid)).toSorted((a, b) => insidePid(a, depth) - insidePid(b, depth))
}

function insidePid({ nestedPids }: ProcessFacts, depth: number): number {
  return nestedPids[depth - 1] ?? 0
}

function isIn(pid: number, namespace: string | undefined): boolean {
  return namespace !== undefined && readLink(`/proc/${pid}/ns/pid`) === namespace
}

/** One process; `undefined` where it has ended. */
export function readProcess(pid: number): ProcessFacts | undefined {
  const status = readText(`/proc/${pid}/status`)
  const stat = readText(`/proc/${pid}/stat`)
  if (status === undefined || stat === undefined) return undefined
  const lines = new Map(
    status.split('\n').map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  )
  const numbers = (key: string) => (lines.get(key) ?? '').trim().split(/\s+/).filter(Boolean).map(Number)
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const field = (number: number) => Number(fields[number - 3])
  const [realUid = 0, uid = 0] = numbers('Uid')
  const [realGid = 0, gid = 0] = numbers('Gid')
  return {
    hostPid: pid,
    parent: field(4),
    nestedPids: lines.has('NSpid') ? numbers('NSpid') : [pid],
    nestedGroups: lines.has('NSpgid') ? numbers('NSpgid') : [field(5)],
    comm: stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')),
    args: (readText(`/proc/${pid}/cmdline`) ?? '')
      .replace(/\0$/, '')
      .split('\0')
      .filter((arg, index) => arg !== '' || index > 0),
    state: fields[0] ?? '?',
    uid,
    realUid,
    gid,
    realGid,
    groups: numbers('Groups'),
    nice: field(19),
    terminal: field(7),
    cpuTicks: field(14) + field(15),
    startTicks: field(22),
    virtualKib: numbers('VmSize')[0] ?? 0,
    residentKib: numbers('VmRSS')[0] ?? 0,
    seccompMode: numbers('Seccomp')[0] ?? 0,
    capabilities: Object.fromEntries(
      [...lines].filter(([key]) => key.startsWith('Cap')).map(([key, mask]) => [key, mask.trim()]),
    ),
  }
}

/** /proc/PID/…, `undefined` where the process has ended or may not be looked at. */
export function readProcessFile(pid: number, name: string): string | undefined {
  return readText(`/proc/${pid}/${name}`)
}

/** Seconds since boot (proc_uptime(5)). */
export function uptimeSeconds(): number {
  return Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0])
}

/** How long ago a process was started, whatever the wall clock was set to meanwhile. `startTime` in ticks after boot. */
export function processAgeMs(startTime: number): number {
  return Math.max(0, uptimeSeconds() * 1000 - (startTime * 1000) / TICKS_PER_SECOND)
}

function readText(path: string): string | undefined {
  return unlessGone(() => readFileSync(path, 'utf8'))
}

function readLink(path: string): string | undefined {
  return unlessGone(() => readlinkSync(path))
}

function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM', 'EINVAL'].includes(errnoOf(error) ?? '')) return undefined
    throw error
  }
}
