// Processes: looking at them, waiting for them, signalling them.
import { readFileSync } from 'node:fs'
import { syscall, trySyscall } from './call.ts'
import { Fd } from './fd.ts'

/** What identifies a process beyond the reuse of its number: the start time in clock ticks after boot (proc_pid_stat(5), field 22). */
export interface ProcessIdentity {
  pid: number
  startTime: number
}

/** One process as proc_pid_stat(5) shows it. */
export interface ProcessStat extends ProcessIdentity {
  comm: string
  /** R, S, D, Z, T, … */
  state: string
  parent: number
  processGroup: number
  session: number
  terminal: number
  flags: number
  userTicks: number
  systemTicks: number
  residentPages: number
}

/** /proc/PID/stat; `undefined` when there is no such process. */
export function readProcessStat(pid: number): ProcessStat | undefined {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch {
    return undefined // it is gone: an answer, not an error
  }
  const open = text.indexOf('(')
  const close = text.lastIndexOf(')')
  const fields = text.slice(close + 2).split(' ')
  const at = (field: number): number => Number(fields[field - 3])
  return {
    pid,
    comm: text.slice(open + 1, close),
    state: fields[0] ?? '?',
    parent: at(4),
    processGroup: at(5),
    session: at(6),
    terminal: at(7),
    flags: at(9),
    userTicks: at(14),
    systemTicks: at(15),
    startTime: at(22),
    residentPages: at(24),
  }
}

/** True while exactly this process lives; a zombie has ended. */
export function isAlive(identity: ProcessIdentity): boolean {
  const stat = readProcessStat(identity.pid)
  return stat !== undefined && stat.startTime === identity.startTime && stat.state !== 'Z' && stat.state !== 'X'
}

/** PF_FORKNOEXEC (linux/sched.h): cloned, and no program executed since. */
const PF_FORKNOEXEC = 0x40

/** True while exactly this process lives and runs a program of its own, rather than what it was cloned from. */
export function hasExecuted(identity: ProcessIdentity): boolean {
  const stat = readProcessStat(identity.pid)
  return stat !== undefined && stat.startTime === identity.startTime && (stat.flags & PF_FORKNOEXEC) === 0
}

/** How a process ended. */
export interface ExitStatus {
  /** 0-255, or 128 + the signal that killed it. */
  code: number
  signal: number | undefined
}

/** Decodes the status word of wait4(2). */
export function decodeWaitStatus(status: number): ExitStatus {
  const signal = status & 0x7f
  return signal === 0 ? { code: (status >> 8) & 0xff, signal: undefined } : { code: 128 + signal, signal }
}

const WNOHANG = 1

/** wait4(2): the child's exit status; waits unless `poll`, then `undefined` while it lives. `-1` takes any child. */
export function waitProcess(pid: number, poll = false): { pid: number; status: ExitStatus } | undefined {
  const status = new Int32Array(1)
  const got = trySyscall('wait4', pid, status, poll ? WNOHANG : 0, 0)
  if (got <= 0) return undefined
  return { pid: got, status: decodeWaitStatus(status[0] ?? 0) }
}

/** pidfd_open(2), Linux 5.3: readable when the process has ended. `undefined` when it is gone. */
export function openPidFd(pid: number): Fd | undefined {
  const fd = trySyscall('pidfd_open', pid, 0)
  return fd < 0 ? undefined : new Fd(fd)
}

/** kill(2): false when there is no such process. Other failures are thrown. */
export function killProcess(pid: number, signal: number): boolean {
  const result = trySyscall('kill', pid, signal)
  if (result === -3) return false
  if (result < 0) syscall('kill', pid, signal)
  return true
}

/** Signals exactly this process, never one that has taken its number. False when it has ended. */
export function signalProcess(identity: ProcessIdentity, signal: number): boolean {
  using pidFd = openPidFd(identity.pid)
  if (!isAlive(identity)) return false
  if (pidFd === undefined) return killProcess(identity.pid, signal) // a kernel before 5.3
  const result = trySyscall('pidfd_send_signal', pidFd.number, signal, 0, 0)
  if (result === -3) return false
  if (result < 0) syscall('pidfd_send_signal', pidFd.number, signal, 0, 0)
  return true
}

/** The identity of this very process. */
export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, startTime: readProcessStat(process.pid)?.startTime ?? 0 }
}
