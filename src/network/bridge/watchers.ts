// The two watchers of the network service (`watcher.ts`): started, looked after, exchanged. Runs in the service.
import type { Fd } from '#sys/fd.ts'
import { SIGKILL } from '#sys/flags.ts'
import { type Poller, READABLE } from '#sys/poll.ts'
import { signalProcess, waitProcess } from '#sys/process.ts'
import type { ServiceState } from './state.ts'
import type { Watcher } from './watcher.ts'

type StartWatcher = (options: { after?: Fd; beforeArmed?: () => void }) => Watcher

export class Watchers implements Disposable {
  readonly #poller: Poller
  readonly #state: ServiceState
  readonly #save: () => void
  readonly #log: (text: string) => void
  readonly #start: StartWatcher
  #first: Watcher
  /** Absent where this kernel cannot tell one process of another's end (pidfd_open(2), Linux 5.3). */
  #second: Watcher | undefined

  /** Takes over from the second watcher of the service before this one, where there was one. */
  constructor(poller: Poller, state: ServiceState, save: () => void, log: (text: string) => void, start: StartWatcher) {
    this.#poller = poller
    this.#state = state
    this.#save = save
    this.#log = log
    this.#start = start
    const { secondWatcher: left } = state
    this.#first = this.#startFirst(() => {
      // it would become a service beside the heir of this one
      if (left !== undefined && left.pid !== process.pid) signalProcess(left, SIGKILL)
    })
    this.#second = this.#startSecond()
  }

  get pids(): number[] {
    return this.#all().map(({ pid }) => pid)
  }

  /** Others in their place. */
  replace(): void {
    const before = this.#all()
    for (const watcher of before) this.#unwatch(watcher)
    this.#first = this.#startFirst(() => {
      for (const watcher of before) watcher[Symbol.dispose]()
    })
    this.#second = this.#startSecond()
    for (const { pid } of before) waitProcess(pid)
  }

  #startFirst(beforeArmed: () => void): Watcher {
    const watcher = this.#start({ beforeArmed })
    this.#watch(watcher, () => this.replace())
    return watcher
  }

  #startSecond(): Watcher | undefined {
    const { pidFd: after } = this.#first
    if (after === undefined) return undefined
    const watcher = this.#start({ after })
    this.#watch(watcher, () => this.#replaceSecond(watcher))
    this.#state.secondWatcher = watcher.identity
    this.#save()
    return watcher
  }

  #replaceSecond(before: Watcher): void {
    this.#unwatch(before)
    before[Symbol.dispose]()
    this.#second = this.#startSecond()
    waitProcess(before.pid)
  }

  #watch(watcher: Watcher, onEnd: () => void): void {
    if (watcher.pidFd === undefined) return
    this.#poller.watch(watcher.pidFd.number, READABLE, () => {
      this.#log(`the watcher (process ${watcher.pid}) has ended`)
      onEnd()
    })
  }

  #all(): Watcher[] {
    return this.#second === undefined ? [this.#first] : [this.#first, this.#second]
  }

  #unwatch({ pidFd }: Watcher): void {
    if (pidFd !== undefined) this.#poller.unwatch(pidFd.number)
  }

  /** Lets them end with nothing to do. */
  [Symbol.dispose](): void {
    for (const watcher of this.#all()) watcher[Symbol.dispose]()
  }
}
