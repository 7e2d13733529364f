// The children of this process: the container's process 1, its helpers, and orphans that the kernel has given it (PR_SET_CHILD_SUBREAPER).
// Runs in the monitor.
import { readFileSync } from 'node:fs'
import { syscall } from '#sys/call.ts'
import { SIGCHLD, SIGKILL } from '#sys/flags.ts'
import { type Poller, READABLE } from '#sys/poll.ts'
import { type ExitStatus, killProcess, waitProcess } from '#sys/process.ts'
import { SignalRelay } from '#sys/signal-relay.ts'

const SIG_UNBLOCK = 1
const ANY = -1

/** Watches all children through SIGCHLD, which every kernel has, and the signals named. */
export class OwnChildren {
  readonly #relay: SignalRelay
  readonly #onEnd: (pid: number, status: ExitStatus) => void

  constructor(
    poller: Poller,
    signals: readonly number[],
    onEnd: (pid: number, status: ExitStatus) => void,
    onSignal: (signal: number) => void,
  ) {
    this.#onEnd = onEnd
    this.#relay = new SignalRelay([SIGCHLD, ...signals])
    // whoever started us may have blocked them
    const mask = [SIGCHLD, ...signals].reduce((bits, signal) => bits | (1n << BigInt(signal - 1)), 0n)
    syscall('rt_sigprocmask', SIG_UNBLOCK, new BigUint64Array([mask]), 0, 8)
    poller.watch(this.#relay.fd, READABLE, () => {
      const came = this.#relay.take()
      for (const signal of came) if (signal !== SIGCHLD) onSignal(signal)
      if (came.includes(SIGCHLD)) this.reap()
    })
  }

  /** Kills one and collects it. */
  end(pid: number): void {
    endChild(pid)
  }

  /** Collects whoever has ended. To be called once at the beginning: signals before the constructor were not heard. */
  reap(): void {
    for (;;) {
      const ended = waitProcess(ANY, true)
      if (ended === undefined) return
      this.#onEnd(ended.pid, ended.status)
    }
  }
}

/** Kills one child and collects it. */
export function endChild(pid: number): void {
  killProcess(pid, SIGKILL)
  waitProcess(pid)
}

/** Kills every child there is (proc_pid_task_children(5)) and collects them. */
export function killOwnChildren(): void {
  const text = readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1')
  const pids = text
    .split(' ')
    .map(Number)
    .filter(pid => pid > 1)
  for (const pid of pids) endChild(pid)
}
