// A servant that clones a child of this process again and again: each begins with the same calls, the last of which executes a program.
// All of them is encoded once, so that a child costs this process one message and its answer. One child at a time.
import { trySyscall } from '#sys/call.ts'
import type { Fd } from '#sys/fd.ts'
import { CLONE_PARENT, SIGCHLD } from '#sys/flags.ts'
import { arena } from './arena.ts'
import { call } from './batch.ts'
import { type KeptBatch, keepBatch } from './kept-batch.ts'
import type { Seat, Servant } from './servant.ts'

const MSG_DONTWAIT = 0x40

export class Spawner implements Disposable {
  readonly #servant: Servant
  readonly #mailbox: number
  readonly #clone: KeptBatch
  /** Readable when a child could not do what it is for. */
  readonly failures: Fd

  /** `servant` has inherited `seat`; both are this object's from now on. */
  constructor(servant: Servant, seat: Seat) {
    this.#servant = servant
    this.#mailbox = seat.mailbox
    this.failures = seat.occupy()
    this.#clone = keepBatch([{ ...call('clone', CLONE_PARENT | SIGCHLD, 0, 0, 0, 0), childMailbox: seat.mailbox }])
  }

  /** Clones a child, which begins with the batch, and closes on execve what is not its program's; its pid. Whether it has executed its program, `hasFailed` says later. */
  spawn(batch: KeptBatch): number {
    const memory = arena()
    memory.words[this.#mailbox / 8 + 1] = memory.address(batch.start)
    return this.#servant.repeat(this.#clone)[0] ?? -1
  }

  /** The child has stopped at a call that failed, and does nothing any more. To be asked once. */
  hasFailed(): boolean {
    return trySyscall('recvfrom', this.failures.number, new BigUint64Array(1), 8, MSG_DONTWAIT, 0, 0) === 8
  }

  [Symbol.dispose](): void {
    this.#servant.close()
    this.failures.close()
    arena().giveMailbox(this.#mailbox)
  }
}
