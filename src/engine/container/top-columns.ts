// The columns that top can show (podman-top(1), Format Descriptors; ps(1), AIX format descriptors).
import { TspodError } from '#errors.ts'
import { type ProcessFacts, readProcessFile, TICKS_PER_SECOND } from '#host/process-table.ts'
import { capabilityNames } from '#oci/capability.ts'
import { goDuration } from './go-duration.ts'

/** What cells are made of besides the process itself. */
export interface TableFacts {
  /** a process's number inside the container; 0 for one outside */
  insidePid: (hostPid: number) => number
  /** how many pid namespaces deep the container is: index of its numbers, counted from 1 */
  depth: number
  insideUser: (hostUid: number) => string
  insideGroup: (hostGid: number) => string
  hostUser: (uid: number) => string
  hostGroup: (gid: number) => string
  uptimeSeconds: number
  nowMs: number
}

interface Column {
  title: string
  cell: (process: ProcessFacts, facts: TableFacts) => string
}

const elapsedSeconds = ({ startTicks }: ProcessFacts, facts: TableFacts) =>
  Math.max(0, facts.uptimeSeconds - startTicks / TICKS_PER_SECOND)
const cpuSeconds = ({ cpuTicks }: ProcessFacts) => cpuTicks / TICKS_PER_SECOND

function capabilityColumn(title: string, key: string): Column {
  return { title, cell: ({ capabilities }) => capabilityText(capabilities[key] ?? '0') }
}

const columns: Record<string, Column> = {
  args: { title: 'COMMAND', cell: ({ args, comm }) => (args.length > 0 ? args.join(' ') : `[${comm}]`) },
  capamb: capabilityColumn('AMBIENT CAPS', 'CapAmb'),
  capbnd: capabilityColumn('BOUNDING CAPS', 'CapBnd'),
  capeff: capabilityColumn('EFFECTIVE CAPS', 'CapEff'),
  capinh: capabilityColumn('INHERITED CAPS', 'CapInh'),
  capprm: capabilityColumn('PERMITTED CAPS', 'CapPrm'),
  cgroup: { title: 'CGROUP', cell: ({ hostPid }) => cgroupOf(hostPid) },
  comm: { title: 'COMMAND', cell: ({ comm }) => comm },
  cpu: { title: '%CPU', cell: percentCpu },
  etime: { title: 'ELAPSED', cell: (process, facts) => goDuration(elapsedSeconds(process, facts)) },
  group: { title: 'GROUP', cell: ({ gid }, facts) => facts.insideGroup(gid) },
  groups: { title: 'GROUPS', cell: ({ groups }, facts) => groups.map(facts.insideGroup).join(',') },
  hgroup: { title: 'HGROUP', cell: ({ gid }, facts) => facts.hostGroup(gid) },
  hgroups: { title: 'HGROUPS', cell: ({ groups }, facts) => groups.map(facts.hostGroup).join(',') },
  hpid: { title: 'HPID', cell: ({ hostPid }) => String(hostPid) },
  huser: { title: 'HUSER', cell: ({ uid }, facts) => facts.hostUser(uid) },
  label: { title: 'LABEL', cell: ({ hostPid }) => labelOf(hostPid) },
  nice: { title: 'NI', cell: ({ nice }) => String(nice) },
  pcpu: { title: '%CPU', cell: percentCpu },
  pgid: { title: 'PGID', cell: ({ nestedGroups }, facts) => String(nestedGroups[facts.depth - 1] ?? 0) },
  pid: { title: 'PID', cell: ({ nestedPids }, facts) => String(nestedPids[facts.depth - 1] ?? 0) },
  ppid: { title: 'PPID', cell: ({ parent }, facts) => String(facts.insidePid(parent)) },
  rgroup: { title: 'RGROUP', cell: ({ realGid }, facts) => facts.insideGroup(realGid) },
  rss: { title: 'RSS', cell: ({ residentKib }) => String(residentKib) },
  ruser: { title: 'RUSER', cell: ({ realUid }, facts) => facts.insideUser(realUid) },
  seccomp: { title: 'SECCOMP', cell: ({ seccompMode }) => ['disabled', 'strict', 'filter'][seccompMode] ?? '?' },
  state: { title: 'STATE', cell: ({ state }) => state },
  stime: { title: 'STIME', cell: (process, facts) => startTime(facts.nowMs - elapsedSeconds(process, facts) * 1000) },
  time: { title: 'TIME', cell: process => goDuration(cpuSeconds(process)) },
  tty: { title: 'TTY', cell: ({ terminal }) => terminalName(terminal) },
  user: { title: 'USER', cell: ({ uid }, facts) => facts.insideUser(uid) },
  vsz: { title: 'VSZ', cell: ({ virtualKib }) => String(virtualKib) },
}

const aixColumns: Record<string, string> = {
  '%C': 'pcpu',
  '%G': 'group',
  '%P': 'ppid',
  '%U': 'user',
  '%a': 'args',
  '%c': 'comm',
  '%g': 'rgroup',
  '%n': 'nice',
  '%p': 'pid',
  '%r': 'pgid',
  '%t': 'etime',
  '%u': 'ruser',
  '%x': 'time',
  '%y': 'tty',
  '%z': 'vsz',
}

const usual = ['user', 'pid', 'ppid', 'pcpu', 'etime', 'tty', 'time', 'args']

/** The columns of these descriptors, the usual ones for none. Throws INVALID for one that does not exist. */
export function columnsOf(descriptors: readonly string[]): Column[] {
  return (descriptors.length === 0 ? usual : descriptors).map(descriptor => {
    const column = columns[aixColumns[descriptor] ?? descriptor.toLowerCase()]
    if (column !== undefined) return column
    throw new TspodError('INVALID', `top: "${descriptor}" is no descriptor`, {
      hint: `there are ${Object.keys(columns).join(', ')} and ${Object.keys(aixColumns).join(', ')}`,
    })
  })
}

function percentCpu(process: ProcessFacts, facts: TableFacts): string {
  const elapsed = elapsedSeconds(process, facts)
  return (elapsed === 0 ? 0 : (100 * cpuSeconds(process)) / elapsed).toFixed(3)
}

/** `none`, `full`, or names without `CAP_`. */
function capabilityText(mask: string): string {
  const bits = BigInt(`0x${mask}`)
  if (bits === 0n) return 'none'
  const names = capabilityNames.filter((_, index) => (bits >> BigInt(index)) & 1n)
  if (names.length === capabilityNames.length) return 'full'
  return names.map(name => name.replace(/^CAP_/, '')).join(',')
}

/** The unified hierarchy's folder, else the first one that is named. */
function cgroupOf(pid: number): string {
  const text = readProcessFile(pid, 'cgroup') ?? ''
  return /^0::(.*)$/m.exec(text)?.[1] ?? /^\d+:[^:]*:(.*)$/m.exec(text)?.[1] ?? '?'
}

function labelOf(pid: number): string {
  const label = readProcessFile(pid, 'attr/current')?.replace(/[\0\n]+$/, '')
  return label === undefined || label === '' ? '?' : label
}

/** tty_nr (proc_pid_stat(5)): the device number, minor in bits 0-7 and 20-31. */
function terminalName(device: number): string {
  if (device === 0) return '?'
  const major = (device >> 8) & 0xfff
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00)
  if (major >= 136 && major <= 143) return `pts/${(major - 136) * 256 + minor}`
  if (major === 4) return minor < 64 ? `tty${minor}` : `ttyS${minor - 64}`
  return '?'
}

/** `2006-01-02 15:04:05 +0000 UTC` */
function startTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} +0000 UTC`
}
