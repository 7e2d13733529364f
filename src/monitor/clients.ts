// All attached clients, and how long the container waits for one of them (docs/decisions/slow-readers.md). Runs in the monitor.

import type { Deadlines } from '#sys/deadlines.ts'
import type { Client } from './client.ts'
import type { StreamName } from './log/driver.ts'

/** A client that takes nothing for this long is written to a file for, and the container goes on. */
const PATIENCE_MS = 10_000
/** A client whose file is full, or impossible, is given up after this. */
const LAST_PATIENCE_MS = 600_000
const CHECK_MS = 1000

export class Clients {
  readonly #deadlines: Deadlines
  /** Called when the container should wait for somebody, and when it should no longer. */
  readonly #onFull: (isFull: boolean) => void
  readonly #all = new Set<Client>()
  #isFull = false
  /** The container has ended: nobody is held up any more, so nobody is given up. */
  #isLeaving = false

  constructor(deadlines: Deadlines, onFull: (isFull: boolean) => void) {
    this.#deadlines = deadlines
    this.#onFull = onFull
  }

  get size(): number {
    return this.#all.size
  }

  add(client: Client): void {
    this.#all.add(client)
  }

  remove(client: Client): void {
    this.#all.delete(client)
    this.review()
  }

  /** Sends output to those who want it. */
  deliver(stream: StreamName, frame: Buffer): void {
    if (this.#all.size === 0) return
    for (const client of this.#all) if (client.wants[stream]) client.send(frame)
    this.review()
  }

  sendToAll(frame: Buffer): void {
    for (const client of this.#all) client.send(frame)
  }

  /** Goes on or stops listening to all of them. */
  listen(on: boolean): void {
    for (const client of this.#all) client.listen(on)
  }

  /** Closes each as soon as it has taken everything. */
  leave(): void {
    this.#isLeaving = true
    for (const client of this.#all) {
      client.leave()
      if (!client.isOpen) this.#all.delete(client)
    }
    this.#checkLater()
  }

  /** Looks whether somebody is to be waited for. */
  review(): void {
    const isFull = [...this.#all].some(client => client.isFull)
    if (isFull === this.#isFull) return
    this.#isFull = isFull
    this.#onFull(isFull)
    if (isFull) this.#checkLater()
  }

  #checkLater(): void {
    this.#deadlines.set('slow clients', CHECK_MS, () => this.#check())
  }

  #check(): void {
    const now = performance.now()
    for (const client of this.#all) {
      const patience = now - client.progressMs
      if (!client.isOpen) this.#all.delete(client)
      else if (client.isIdle || patience < PATIENCE_MS) continue
      else if (patience >= LAST_PATIENCE_MS && !this.#isLeaving) {
        client.close()
        this.#all.delete(client)
      } else if (client.isFull) client.spill()
    }
    this.review()
    if (this.#isFull || [...this.#all].some(client => !client.isIdle)) this.#checkLater()
  }
}
