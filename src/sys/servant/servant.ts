// A servant: a clone of this process that performs the system calls it is given, and nothing else, in a single thread.
//
// Theory of operation. The kernel wants one thread for namespaces; an engine of JavaScript cannot live in a forked child. So the child
// runs about 300 bytes of machine code (serve-*.inc): it waits on a socket for the address of a list of calls in the shared arena,
// performs them, stores each result, stops at the first error that is not tolerated, answers where it stopped, and waits again.
// All logic stays here. A master that dies closes its socket ends, and the servants end; a servant that dies is seen as end of file.
import { SystemCallError, TspodError } from '#errors.ts'
import { syscall, trySyscall } from '#sys/call.ts'
import { errnoName, errnoText } from '#sys/errno.ts'
import { duplicate, Fd, openSocketPair } from '#sys/fd.ts'
import { SIG_BLOCK, SIG_SETMASK, SIGCHLD, SOCK_SEQPACKET } from '#sys/flags.ts'
import { code, codeFunction } from '#sys/koffi.ts'
import type { SyscallName } from '#sys/numbers.ts'
import { type Arena, arena } from './arena.ts'
import { type Argument, type Call, call, encodeBatch, OPERATION_BYTES, resultAt } from './batch.ts'

const runOp = codeFunction(code.runOp, 'int64_t run_op(int64_t)')

/** How long a batch may take before the servant is given up, in milliseconds: a mount on a dead file server must not hang us. */
export const DEFAULT_DEADLINE_MS = 30_000

/** A batch under way. */
interface Pending {
  calls: readonly Call[]
  start: number
}

/** Raised when a servant ended (it was killed, or its master's end was closed) before it answered. */
export class ServantGone extends TspodError {
  constructor(calls: readonly Call[]) {
    super('INTERNAL', `a process of tspod ended before it had performed ${calls[0]?.name ?? 'a call'}`, {
      hint: 'it was killed from outside (out of memory, or a signal); try again',
    })
  }
}

/** A socket and a mailbox for a servant that is yet to be cloned. They must exist before the first clone of its line. */
export class Seat implements Disposable {
  readonly ours: Fd
  readonly theirs: Fd
  readonly mailbox: number
  /** The number of `theirs`, in the tables of the servants too. */
  readonly theirsNumber: number

  constructor() {
    const [ours, theirs] = openSocketPair(SOCK_SEQPACKET)
    this.ours = ours
    // out of the way of the low numbers that a program executed later is given
    this.theirs = duplicate(theirs.number, FIRST_SEAT_FD)
    theirs.close()
    this.theirsNumber = this.theirs.number
    this.mailbox = arena().takeMailbox()
    arena().words[this.mailbox / 8] = BigInt(this.theirs.number)
  }

  /** Gives up a seat that nobody took. */
  [Symbol.dispose](): void {
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

  private constructor(pid: number, seat: Seat, seatFds: readonly number[]) {
    this.pid = pid
    this.#socket = new Fd(seat.ours.take())
    this.#mailbox = seat.mailbox
    this.#seatFds = seatFds
  }

  /**
   * Clones this process. `seats` are for the servants that this one, or one cloned by it, will clone. The child has all signals
   * blocked and is a child of this process, which reaps it. `first` is performed before the answer.
   */
  static start(seats: readonly Seat[] = [], first: readonly Call[] = []): Servant {
    return Servant.startIn(new Seat(), seats, first)
  }

  /** The same for a seat that exists already, because a stub was made for it. */
  static startIn(seat: Seat, seats: readonly Seat[] = [], first: readonly Call[] = []): Servant {
    const memory = arena()
    const before = new BigUint64Array(1)
    const seatFds = [seat, ...seats].map(({ theirs }) => theirs.number)
    memory.beginBatch()
    syscall('rt_sigprocmask', SIG_BLOCK, ALL_SIGNALS, before, 8)
    try {
      const closing = [seat, ...seats].map(({ ours }) => call('close', ours.number))
      const calls = [...closing, ...first]
      const start = presetBatch(memory, seat.mailbox, calls)
      const clone = encodeBatch(memory, [{ ...call('clone', SIGCHLD, 0, 0, 0, 0), childMailbox: seat.mailbox }])
      const pid = Number(runOp(memory.address(clone)))
      if (pid < 0) throw errorOf(call('clone', SIGCHLD), pid)
      const servant = new Servant(pid, seat, seatFds)
      servant.#pending = { calls, start }
      memory.beginBatch()
      for (const { theirs } of [seat, ...seats]) theirs.close()
      servant.answer()
      return servant
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
   * this servant's. The child holds on to `seats`, for those that it will clone itself. The pid is as this servant sees it.
   */
  clone(seat: Seat, flags = 0, seats: readonly Seat[] = []): Servant {
    const memory = arena()
    const own = seat.theirsNumber
    memory.beginBatch()
    try {
      const kept = [own, ...seats.map(({ theirsNumber }) => theirsNumber)]
      const calls = this.#seatFds.filter(fd => !kept.includes(fd)).map(fd => call('close', fd))
      const start = presetBatch(memory, seat.mailbox, calls)
      const [pid = -1] = this.do([
        { ...call('clone', flags | SIGCHLD, 0, 0, 0, 0), childMailbox: seat.mailbox },
        call('close', own),
      ])
      this.#seatFds = this.#seatFds.filter(fd => fd !== own)
      const servant = new Servant(pid, seat, kept)
      servant.#pending = { calls, start }
      memory.beginBatch()
      servant.answer()
      return servant
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

  /** Hands over a batch without waiting; `answer` waits for it. */
  post(calls: readonly Call[]): void {
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
    this.#pending = { calls, start }
    if (
      trySyscall('sendto', this.#socket.number, new BigUint64Array([memory.address(start)]), 8, MSG_NOSIGNAL, 0, 0) !==
      8
    ) {
      this.#settle()
      throw new ServantGone(calls)
    }
  }

  /** Waits for the batch that `post` handed over. */
  answer(deadlineMs = DEFAULT_DEADLINE_MS): number[] {
    const pending = this.#pending
    if (pending === undefined) throw new RangeError('no batch is under way')
    const stoppedAt = this.#receive(deadlineMs, pending)
    const memory = arena()
    const { calls, start } = pending
    try {
      if (stoppedAt === undefined) throw new ServantGone(calls)
      const index = Number(stoppedAt - memory.address(start)) / OPERATION_BYTES
      const failed = calls[index]
      if (failed !== undefined) throw errorOf(failed, resultAt(memory, start, index), index)
      return calls.map((_, position) => resultAt(memory, start, position))
    } finally {
      this.#settle()
    }
  }

  /** Performs calls of which the last is execve(2) or execveat(2): returns when the program has taken over. */
  exec(calls: readonly Call[], deadlineMs = DEFAULT_DEADLINE_MS): void {
    this.post(calls)
    const pending = this.#pending
    if (pending === undefined) return
    const stoppedAt = this.#receive(deadlineMs, pending)
    const memory = arena()
    try {
      if (stoppedAt === undefined) return
      const index = Number(stoppedAt - memory.address(pending.start)) / OPERATION_BYTES
      const failed = calls[index]
      if (failed !== undefined) throw errorOf(failed, resultAt(memory, pending.start, index), index)
      throw new TspodError('INTERNAL', 'a batch that should end in execve did not')
    } finally {
      this.#settle()
    }
  }

  /** Performs calls of which the last executes the stub: the same mailbox is served, by another program. */
  become(stubCalls: readonly Call[], deadlineMs = DEFAULT_DEADLINE_MS): void {
    this.post(stubCalls)
    const pending = this.#pending
    if (pending === undefined) return
    try {
      const word = this.#read(deadlineMs)
      if (word === STUB_IN_PLACE) return
      if (word === undefined) throw new ServantGone(stubCalls)
      const index = Number(word - arena().address(pending.start)) / OPERATION_BYTES
      const failed = stubCalls[index]
      if (failed !== undefined) throw errorOf(failed, resultAt(arena(), pending.start, index), index)
    } finally {
      this.#settle()
    }
  }

  /** Ends the servant: it sees end of file and exits with 127. Whoever is its parent reaps it. */
  close(): void {
    if (!this.#socket.isOpen) return
    this.#socket.close()
    if (this.#pending !== undefined) this.#settle()
    arena().giveMailbox(this.#mailbox)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #settle(): void {
    this.#pending = undefined
    arena().endBatch()
  }

  #receive(deadlineMs: number, pending: Pending): bigint | undefined {
    try {
      return this.#read(deadlineMs)
    } catch (error) {
      if (!(error instanceof TspodError) || error.code !== 'INTERNAL') throw error
      // the servant may still be in the call: its memory must not be used again
      trySyscall('kill', this.pid, 9)
      this.#pending = undefined
      throw new TspodError('INTERNAL', `${describe(pending.calls[0])} did not end within ${deadlineMs / 1000} s`, {
        hint: 'a file server that does not answer, or a very slow disk',
      })
    }
  }

  /** Eight bytes from the servant; `undefined` at end of file. */
  #read(deadlineMs: number): bigint | undefined {
    const fd = this.#socket.number
    const word = new BigUint64Array(1)
    const end = performance.now() + deadlineMs
    for (;;) {
      const left = end - performance.now()
      if (left <= 0) throw new TspodError('INTERNAL', 'deadline')
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

const ALL_SIGNALS = new BigUint64Array([0xffff_ffff_ffff_ffffn])

/** Puts a batch into a mailbox, for a child that begins with it. */
function presetBatch(memory: Arena, mailbox: number, calls: readonly Call[]): number {
  const start = encodeBatch(memory, calls)
  memory.words[mailbox / 8 + 1] = memory.address(start)
  return start
}

function errorOf(failed: Call, result: number, index = 0): SystemCallError {
  const errno = errnoName(-result)
  const error = new SystemCallError(failed.name, errno, errnoText(errno), failed.args.map(describeArgument).join(', '))
  error.callIndex = index
  return error
}

function describe(one: Call | undefined): string {
  return one === undefined ? 'a call' : `${one.name}(${one.args.map(describeArgument).join(', ')})`
}

function describeArgument(argument: Argument): string {
  if (argument === null) return 'NULL'
  if (typeof argument === 'string') return argument
  if (typeof argument === 'number') return argument > 9 ? `0x${argument.toString(16)}` : `${argument}`
  if (typeof argument === 'bigint') return `0x${argument.toString(16)}`
  if ('memory' in argument) return `<${argument.memory.byteLength} bytes>`
  if ('resultOf' in argument) return `<result ${argument.resultOf}>`
  return JSON.stringify(argument)
}
