// A servant: a clone of this process that performs the system calls it is given, and nothing else, in a single thread.
//
// Theory of operation. The kernel wants one thread for namespaces; an engine of JavaScript cannot live in a forked child. So the child
// runs about 300 bytes of machine code (serve-*.inc): it waits on a socket for the address of a list of calls in the shared arena,
// performs them, stores each result, stops at the first error that is not tolerated, answers where it stopped, and waits again.
// All logic stays here. A master that dies closes its socket ends, and the servants end; a servant that dies is seen as end of file.
import { TspodError } from '#errors.ts'
import { syscall, trySyscall } from '#sys/call.ts'
import { duplicate, Fd, openSocketPair } from '#sys/fd.ts'
import { CLONE_VM, PR_SET_NAME, SIG_BLOCK, SIG_SETMASK, SIGCHLD, SIGKILL, SOCK_SEQPACKET } from '#sys/flags.ts'
import { code, codeFunction, type NativeFunction } from '#sys/koffi.ts'
import type { SyscallName } from '#sys/numbers.ts'
import type { ExitStatus } from '#sys/process.ts'
import { type Arena, arena } from './arena.ts'
import { type Argument, type Call, call, encodeBatch, OPERATION_BYTES, resultAt } from './batch.ts'
import { hasLostName, randomName } from './executed.ts'
import { callError, ServantGone, ServantLate } from './failure.ts'
import type { KeptBatch } from './kept-batch.ts'

let runOp: NativeFunction | undefined

/** How long a batch may take before the servant is given up, in milliseconds: a mount on a dead file server must not hang us. */
export const DEFAULT_DEADLINE_MS = 30_000

/** A batch under way. */
interface Pending {
  calls: readonly Call[]
  start: number
}

/**
 * Every socket between us and servants that may be open: a new servant closes what is not its own, for as long as one process
 * holds an end, nobody sees it close.
 */
const sockets = new Set<Fd>()

/** A socket and a mailbox for a servant that is yet to be cloned. They must exist before the first clone of its line. */
export class Seat implements Disposable {
  readonly ours: Fd
  readonly theirs: Fd
  readonly mailbox: number
  /** The number of `theirs`, in the tables of the servants too. */
  readonly theirsNumber: number
  #isVacant = true

  constructor() {
    const [ours, theirs] = openSocketPair(SOCK_SEQPACKET)
    this.ours = ours
    // out of the way of the low numbers that a program executed later is given
    this.theirs = duplicate(theirs.number, FIRST_SEAT_FD)
    theirs.close()
    this.theirsNumber = this.theirs.number
    this.mailbox = arena().takeMailbox()
    arena().words[this.mailbox / 8] = BigInt(this.theirs.number)
    sockets.add(this.ours).add(this.theirs)
  }

  /** Our end, for the servant that takes this seat: socket and mailbox are now its business. */
  occupy(): Fd {
    const socket = new Fd(this.ours.take())
    sockets.add(socket)
    this.#isVacant = false
    return socket
  }

  /** Gives up a seat; does nothing for one that was taken. */
  [Symbol.dispose](): void {
    if (this.#isVacant) arena().giveMailbox(this.mailbox)
    this.#isVacant = false
    this.ours.close()
    this.theirs.close()
  }
}

export class Servant implements Disposable {
  /** Process id as its cloner sees it. */
  readonly pid: number
  readonly #socket: Fd
  readonly #mailbox: number
  /** Descriptors of seats in the servant's own table, its own first. */
  #seatFds: readonly number[]
  #pending: Pending | undefined
  #isAbandoned = false
  /** Its first batch has not been waited for. */
  #isNewborn = false
  #isHeir = false
  /** Where `peekChild` has the kernel write to. */
  #childFacts: number | undefined
  /** What it is called until it executes a program. */
  #name = ''

  private constructor(pid: number, seat: Seat, socket: Fd, seatFds: readonly number[]) {
    this.pid = pid
    this.#socket = socket
    this.#mailbox = seat.mailbox
    this.#seatFds = seatFds
  }

  /**
   * Clones this process. `seats` are for the servants that this one, or one cloned by it, will clone. The child has all signals
   * blocked and is a child of this process, which reaps it. `first` is performed before this returns; where that fails, no
   * servant is left.
   */
  static start(seats: readonly Seat[] = [], first: readonly Call[] = []): Servant {
    return Servant.startIn(new Seat(), seats, first)
  }

  /** The same for a seat that exists already, because a stub was made for it. */
  static startIn(seat: Seat, seats: readonly Seat[] = [], first: readonly Call[] = []): Servant {
    return Servant.#cloneThis(seat, seats, SIGCHLD, [], first)
  }

  /**
   * The same, as the stub from the start: the clone shares this process's memory (CLONE_VM) until it has executed the stub, so that
   * no page table is copied. That is the cheap way to a servant; `stubCalls` says what it keeps open. That
   * the stub is in place is awaited with its first batch: until then this process can do something else.
   */
  static startStub(seat: Seat, seats: readonly Seat[], stubCalls: readonly Call[]): Servant {
    return Servant.#cloneThis(seat, seats, CLONE_VM | SIGCHLD, stubCalls, [])
  }

  static #cloneThis(
    seat: Seat,
    seats: readonly Seat[],
    flags: number,
    preset: readonly Call[],
    first: readonly Call[],
  ): Servant {
    const memory = arena()
    const before = new BigUint64Array(1)
    const seatFds = [seat, ...seats].map(({ theirsNumber }) => theirsNumber)
    memory.beginBatch()
    syscall('rt_sigprocmask', SIG_BLOCK, ALL_SIGNALS, before, 8)
    try {
      const calls = [...foreignSockets(seatFds).map(fd => call('close', fd)), ...preset]
      const start = presetBatch(memory, seat.mailbox, calls)
      const clone = { ...call('clone', flags, 0, 0, 0, 0), childMailbox: seat.mailbox }
      runOp ??= codeFunction(code.runOp, 'int64_t run_op(int64_t)')
      const pid = Number(runOp(memory.address(encodeBatch(memory, [clone]))))
      if (pid < 0) throw callError(clone, pid)
      for (const { theirs } of [seat, ...seats]) theirs.close()
      const servant = new Servant(pid, seat, seat.occupy(), seatFds)
      try {
        servant.#expect(calls, start)
        if (first.length > 0) servant.do(first)
        return servant
      } catch (error) {
        servant.close()
        syscall('kill', pid, SIGKILL)
        if (!(error instanceof ServantLate)) syscall('wait4', pid, 0, 0, 0)
        throw error
      }
    } catch (error) {
      seat[Symbol.dispose]()
      throw error
    } finally {
      syscall('rt_sigprocmask', SIG_SETMASK, before, 0, 8)
      memory.endBatch()
    }
  }

  /**
   * Has this servant clone another one into `seat`, with namespace flags of clone(2); with CLONE_PARENT the new one's parent is
   * this servant's. The child holds on to `seats`, for those that it will clone itself. The pid is as this servant sees it. That the
   * child is ready is awaited with its first batch.
   */
  clone(seat: Seat, flags = 0, seats: readonly Seat[] = []): Servant {
    const memory = arena()
    const own = seat.theirsNumber
    const kept = [own, ...seats.map(({ theirsNumber }) => theirsNumber)]
    const calls = this.#seatFds.filter(fd => !kept.includes(fd)).map(fd => call('close', fd))
    memory.beginBatch()
    try {
      const start = presetBatch(memory, seat.mailbox, calls)
      const clone = { ...call('clone', flags | SIGCHLD, 0, 0, 0, 0), childMailbox: seat.mailbox }
      const [pid = -1] = this.do([clone, call('close', own)])
      this.#seatFds = this.#seatFds.filter(fd => fd !== own)
      const servant = new Servant(pid, seat, seat.occupy(), kept)
      servant.#expect(calls, start)
      return servant
    } catch (error) {
      // a child may be there although its cloner could not say so
      if (error instanceof ServantGone || error instanceof ServantLate) {
        seat.occupy().close()
        memory.beginBatch()
        memory.abandonBatch()
      }
      throw error
    } finally {
      memory.endBatch()
    }
  }

  /** Performs the calls in order and returns their results. Throws a SystemCallError that names the call that failed. */
  do(calls: readonly Call[], deadlineMs = DEFAULT_DEADLINE_MS): number[] {
    this.post(calls)
    return this.answer(deadlineMs)
  }

  /** One call. */
  call(name: SyscallName, ...args: Argument[]): number {
    return this.do([call(name, ...args)])[0] ?? 0
  }

  /** A call that writes to memory, whose address it is given: what it wrote there. */
  fill(byteLength: number, make: (address: bigint) => Call): Buffer {
    const memory = arena()
    memory.beginBatch()
    try {
      const offset = memory.allocate(byteLength)
      this.do([make(memory.address(offset))])
      return Buffer.from(memory.bytes.subarray(offset, offset + byteLength))
    } finally {
      memory.endBatch()
    }
  }

  /** Hands over a batch without waiting; `answer` waits for it. */
  post(calls: readonly Call[]): void {
    this.#awaitFirst()
    if (this.#pending !== undefined) throw new RangeError('this servant has a batch under way')
    const memory = arena()
    memory.beginBatch()
    let start: number
    try {
      start = encodeBatch(memory, calls)
    } catch (error) {
      memory.endBatch()
      throw error
    }
    this.#send({ calls, start })
  }

  /** Performs a batch that was encoded before, and returns the results. */
  repeat(kept: KeptBatch, deadlineMs = DEFAULT_DEADLINE_MS): number[] {
    this.#awaitFirst()
    if (this.#pending !== undefined) throw new RangeError('this servant has a batch under way')
    arena().beginBatch()
    this.#send(kept)
    return this.answer(deadlineMs)
  }

  /** Waits for the batch that `post` handed over. */
  answer(deadlineMs = DEFAULT_DEADLINE_MS): number[] {
    return this.#finish(deadlineMs, ({ calls, start }, index) => {
      if (index === undefined) throw new ServantGone(calls)
      return calls.map((_, position) => resultAt(arena(), start, position))
    })
  }

  /**
   * Performs calls of which the last is execve(2) or execveat(2): returns when the program has taken over. End of file alone does
   * not say so, since a servant that is killed closes its socket too. So it gets a random name (PR_SET_NAME(2const)) that execve
   * replaces, and a process that still has it when it has ended never executed anything. One that somebody else has reaped already
   * counts as executed: whoever did knows how it ended.
   */
  exec(calls: readonly Call[], deadlineMs = DEFAULT_DEADLINE_MS): void {
    this.postExec(calls)
    this.awaitExec(deadlineMs)
  }

  /** Hands over what `exec` performs without waiting; `awaitExec` waits for it. */
  postExec(calls: readonly Call[]): void {
    this.#name = randomName()
    this.do([
      call('prctl', PR_SET_NAME, this.#name, 0, 0, 0),
      call('fcntl', this.#seatFds[0] ?? -1, F_SETFD, FD_CLOEXEC),
    ])
    this.post(calls)
  }

  /** Waits until the program of `postExec` has taken over. */
  awaitExec(deadlineMs = DEFAULT_DEADLINE_MS): void {
    this.#finish(deadlineMs, ({ calls }, index) => {
      if (index !== undefined) throw new TspodError('INTERNAL', 'a batch that should end in execve did not')
      if (!hasLostName(this.pid, this.#name, deadlineMs)) throw new ServantGone(calls)
    })
  }

  /** Performs calls of which the last executes the stub: the same mailbox is served, by another program. */
  become(stubCalls: readonly Call[], deadlineMs = DEFAULT_DEADLINE_MS): void {
    this.post(stubCalls)
    this.#finish(deadlineMs, (_, index) => {
      if (index === undefined) throw new ServantGone(stubCalls)
    })
  }

  /**
   * Leaves the servant something to do when this process is gone, or closes it: calls of which the last executes a program. Once
   * done, or where that fails, it ends as ever.
   */
  bequeath(calls: readonly Call[]): void {
    const memory = arena()
    memory.beginBatch()
    memory.words[this.#mailbox / 8 + 2] = memory.address(encodeBatch(memory, calls))
    memory.abandonBatch()
    this.#isHeir = true
  }

  /** Takes back what `bequeath` left. */
  disinherit(): void {
    arena().words[this.#mailbox / 8 + 2] = 0n
    this.#isHeir = false
  }

  /**
   * How a child of the servant has ended (waitid(2)), `undefined` while it lives. The child stays to be collected by `awaitChild`:
   * should this process die meanwhile, whoever comes after it still learns the same.
   */
  peekChild(pid: number): ExitStatus | undefined {
    const memory = arena()
    this.#childFacts ??= memory.reserve(SIGINFO_BYTES)
    const facts = this.#childFacts
    memory.bytes.fill(0, facts, facts + SIGINFO_BYTES)
    this.do([call('waitid', P_PID, pid, memory.address(facts), WEXITED | WNOHANG | WNOWAIT, 0)])
    if (memory.bytes.readInt32LE(facts + 16) !== pid) return undefined
    const status = memory.bytes.readInt32LE(facts + 24)
    const isExit = memory.bytes.readInt32LE(facts + 8) === CLD_EXITED
    return isExit ? { code: status, signal: undefined } : { code: 128 + status, signal: status }
  }

  /** wait4(2) for a child of the servant that is about to end. */
  awaitChild(pid: number): void {
    this.do([call('wait4', pid, 0, 0, 0)])
  }

  /** Ends the servant: it sees end of file and exits with 127. Whoever is its parent reaps it. */
  close(): void {
    if (!this.#socket.isOpen) return
    this.#socket.close()
    if (this.#pending !== undefined) this.#abandon()
    if (!this.#isAbandoned && !this.#isHeir) arena().giveMailbox(this.#mailbox)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** Notes the first batch, which the servant finds in its mailbox. */
  #expect(calls: readonly Call[], start: number): void {
    arena().beginBatch()
    this.#pending = { calls, start }
    this.#isNewborn = true
  }

  /** Waits for the first batch, where nobody has yet. */
  #awaitFirst(): void {
    if (!this.#isNewborn) return
    this.#isNewborn = false
    this.#finish(DEFAULT_DEADLINE_MS, ({ calls }, index) => {
      if (index === undefined) throw new ServantGone(calls)
    })
  }

  /**
   * Waits for the end of the batch under way. `conclude` gets the index that the servant stopped at (behind the last call, -1 for
   * a stub that has started), `undefined` at end of file; that a call failed is thrown here.
   */
  #finish<T>(deadlineMs: number, conclude: (pending: Pending, index: number | undefined) => T): T {
    const pending = this.#pending
    if (pending === undefined) throw new RangeError('no batch is under way')
    const { calls, start } = pending
    const word = this.#read(deadlineMs)
    if (word === 'late') {
      trySyscall('kill', this.pid, SIGKILL)
      this.#abandon()
      throw new ServantLate(calls, deadlineMs)
    }
    try {
      if (word === undefined || word === STUB_IN_PLACE) return conclude(pending, word === undefined ? word : -1)
      const index = Number(word - arena().address(start)) / OPERATION_BYTES
      const failed = calls[index]
      if (failed !== undefined) throw callError(failed, resultAt(arena(), start, index), index)
      return conclude(pending, index)
    } finally {
      this.#settle()
    }
  }

  #send(pending: Pending): void {
    this.#pending = pending
    const address = new BigUint64Array([arena().address(pending.start)])
    if (trySyscall('sendto', this.#socket.number, address, 8, MSG_NOSIGNAL, 0, 0) === 8) return
    this.#settle()
    throw new ServantGone(pending.calls)
  }

  #settle(): void {
    this.#pending = undefined
    arena().endBatch()
  }

  /** The servant may still be in its batch: memory and mailbox must not be used again. */
  #abandon(): void {
    this.#pending = undefined
    this.#isAbandoned = true
    arena().abandonBatch()
  }

  /** Eight bytes from the servant; `undefined` at end of file. */
  #read(deadlineMs: number): bigint | 'late' | undefined {
    const fd = this.#socket.number
    const word = new BigUint64Array(1)
    const end = performance.now() + deadlineMs
    for (;;) {
      const left = end - performance.now()
      if (left <= 0) return 'late'
      const seconds = BigInt(Math.floor(left / 1000))
      const nanoseconds = BigInt(Math.floor((left % 1000) * 1e6))
      const poll = new Int32Array([fd, POLLIN])
      const ready = trySyscall('ppoll', poll, 1, new BigInt64Array([seconds, nanoseconds]), 0, 8)
      if (ready === 0) continue
      const got = trySyscall('read', fd, word, 8)
      if (got === 8) return word[0]
      return undefined
    }
  }
}

const POLLIN = 1
/** Servants' sockets have numbers from here on. */
const FIRST_SEAT_FD = 64
/** What the stub says first. */
const STUB_IN_PLACE = 0xffff_ffff_ffff_ffffn
const MSG_NOSIGNAL = 0x4000
const F_SETFD = 2
const WNOHANG = 1
const WEXITED = 4
const WNOWAIT = 0x0100_0000
const P_PID = 1
const CLD_EXITED = 1
/** siginfo_t: code at 8, pid at 16, status at 24 (sigaction(2)). */
const SIGINFO_BYTES = 128
const FD_CLOEXEC = 1

const ALL_SIGNALS = new BigUint64Array([0xffff_ffff_ffff_ffffn])

/** Puts a batch into a mailbox, for a child that begins with it. */
function presetBatch(memory: Arena, mailbox: number, calls: readonly Call[]): number {
  const start = encodeBatch(memory, calls)
  memory.words[mailbox / 8 + 1] = memory.address(start)
  return start
}

/** Sockets that a new servant must close: all but those of its own line. */
function foreignSockets(kept: readonly number[]): number[] {
  for (const socket of sockets) if (!socket.isOpen) sockets.delete(socket)
  return [...sockets].map(({ number }) => number).filter(fd => !kept.includes(fd))
}
