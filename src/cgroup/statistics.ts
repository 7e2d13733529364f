// What the processes of a container use, from the files of its control group. Host namespaces.
import { readCgroupFile } from './files.ts'

/** Counters and levels at one moment; what nobody counts is absent. */
export interface Usage {
  cpuUs: number
  /** without what the page cache could give back at once, as podman and docker count it */
  memoryBytes: number
  memoryLimitBytes?: number
  pids: number
  pidsLimit?: number
  readBytes?: number
  writtenBytes?: number
  /** share of the last ten seconds in which something waited, in percent (psi.rst) */
  pressure?: { cpu: number; memory: number; io: number }
}

/** Of a group and those below it. `undefined` where it has gone. */
export function readGroupUsage(folder: string, wantsPressure: boolean): Usage | undefined {
  const cpu = readCgroupFile(folder, 'cpu.stat')
  if (cpu === undefined) return undefined
  const current = wholeNumber(readCgroupFile(folder, 'memory.current')) ?? 0
  const inactive = field(readCgroupFile(folder, 'memory.stat'), 'inactive_file') ?? 0
  const io = readCgroupFile(folder, 'io.stat')
  const pressure = wantsPressure ? readPressure(folder) : undefined
  return {
    cpuUs: field(cpu, 'usage_usec') ?? 0,
    memoryBytes: Math.max(0, current - inactive),
    ...optional('memoryLimitBytes', wholeNumber(readCgroupFile(folder, 'memory.max'))),
    pids: wholeNumber(readCgroupFile(folder, 'pids.current')) ?? countProcesses(folder),
    ...optional('pidsLimit', wholeNumber(readCgroupFile(folder, 'pids.max'))),
    ...(io !== undefined && { readBytes: sumOf(io, 'rbytes'), writtenBytes: sumOf(io, 'wbytes') }),
    ...(pressure && { pressure }),
  }
}

/** Bytes received and sent by the interfaces of a network namespace but its loopback (proc_pid_net(5), dev). */
export function parseNetworkBytes(text: string): { received: number; sent: number } {
  let received = 0
  let sent = 0
  for (const line of text.split('\n').slice(2)) {
    const [name = '', rest = ''] = line.split(':')
    const fields = rest.trim().split(/\s+/).map(Number)
    if (name.trim() === 'lo' || fields.length < 9) continue
    received += fields[0] ?? 0
    sent += fields[8] ?? 0
  }
  return { received, sent }
}

function readPressure(folder: string): Usage['pressure'] {
  const [cpu, memory, io] = ['cpu', 'memory', 'io'].map(what => {
    const text = readPressureFile(folder, what)
    return text === undefined ? undefined : Number(/^some avg10=([\d.]+)/m.exec(text)?.[1] ?? 0)
  })
  return cpu === undefined || memory === undefined || io === undefined ? undefined : { cpu, memory, io }
}

/** A kernel with psi=0 refuses to read it. */
function readPressureFile(folder: string, what: string): string | undefined {
  return readCgroupFile(folder, `${what}.pressure`)
}

function countProcesses(folder: string): number {
  return (readCgroupFile(folder, 'cgroup.procs') ?? '').split('\n').filter(line => line !== '').length
}

/** `max` and absent files are no number. */
function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+\s*$/.test(text) ? Number(text) : undefined
}

/** The number behind a word of a flat keyed file. */
function field(text: string | undefined, key: string): number | undefined {
  const found = new RegExp(`^${key} (\\d+)$`, 'm').exec(text ?? '')?.[1]
  return found === undefined ? undefined : Number(found)
}

function sumOf(text: string, key: string): number {
  return [...text.matchAll(new RegExp(`\\b${key}=(\\d+)`, 'g'))].reduce((sum, [, value]) => sum + Number(value), 0)
}

function optional<K extends string>(key: K, value: number | undefined): { [P in K]?: number } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: number }
}
