// The memory that master and servants share: lists of calls, their strings and structures, mailboxes. Mapped before the first clone.
import { TspodError } from '#errors.ts'
import { syscall, trySyscall } from '#sys/call.ts'
import { Fd } from '#sys/fd.ts'
import { memoryAt } from '#sys/koffi.ts'

const ARENA_BYTES = 4 << 20
/** Bytes at the start for mailboxes, 32 each: {descriptor, address of the batch, address of the last batch, –}. */
const MAILBOX_BYTES = 16384
const MAILBOX_SIZE = 32

/**
 * Where the first arena is tried, and how far on the next: the stub maps the arena where the master has it, in an address space of its
 * own, so it must be a place that is free in both; all lie in the 39 bits that the smallest arm64 configuration has.
 */
const FIRST_ADDRESS = 0x20_0000_0000n
const ADDRESS_STEP = 0x100_0000n
const ADDRESSES = 1024n

const PROT_READ_WRITE = 3
const MAP_SHARED_FIXED_NOREPLACE = 0x100001

export class Arena {
  readonly fd: Fd
  readonly base: bigint
  readonly byteLength = ARENA_BYTES
  readonly words: BigInt64Array
  readonly bytes: Buffer
  /** What lies below is in use for ever. */
  #floor = MAILBOX_BYTES
  #top = MAILBOX_BYTES
  #freeMailboxes: number[] = []
  #nextMailbox = 0
  #batches = 0

  constructor() {
    this.fd = new Fd(syscall('memfd_create', 'tspod-arena', 1))
    syscall('ftruncate', this.fd.number, ARENA_BYTES)
    this.base = mapAt(this.fd.number)
    const memory = memoryAt(this.base, ARENA_BYTES)
    this.words = new BigInt64Array(memory)
    this.bytes = Buffer.from(memory)
  }

  /** The address a servant sees for an offset. */
  address(offset: number): bigint {
    return this.base + BigInt(offset)
  }

  /** Room in the arena, as an offset; zeroed. It stays until no batch is under way. */
  allocate(byteLength: number, align = 8): number {
    const start = Math.ceil(this.#top / align) * align
    if (start + byteLength > ARENA_BYTES)
      throw new TspodError('INVALID', `a list of system calls needs more than ${ARENA_BYTES >> 20} MiB`, {
        hint: 'the command, its environment or its options are too long',
      })
    this.#top = start + byteLength
    this.bytes.fill(0, start, this.#top)
    return start
  }

  /** Room that is never used for anything else, as an offset. */
  reserve(byteLength: number): number {
    this.beginBatch()
    const offset = this.allocate(byteLength, 16)
    this.abandonBatch()
    return offset
  }

  /** A NUL-terminated copy of a string; returns its address. */
  string(text: string): bigint {
    if (text.includes('\0')) throw new TspodError('INVALID', `${JSON.stringify(text)} contains a NUL byte`)
    const length = Buffer.byteLength(text)
    const offset = this.allocate(length + 1, 1)
    this.bytes.write(text, offset)
    return this.address(offset)
  }

  /** A NULL-terminated array of strings, as execve(2) wants; returns its address. */
  strings(texts: readonly string[]): bigint {
    const pointers = texts.map(text => this.string(text))
    const offset = this.allocate(8 * (pointers.length + 1))
    pointers.forEach((pointer, index) => {
      this.words[offset / 8 + index] = pointer
    })
    return this.address(offset)
  }

  /** A batch is about to be written; everything allocated from here on lives until `endBatch` of the last one. */
  beginBatch(): void {
    this.#batches++
  }

  endBatch(): void {
    if (--this.#batches === 0) this.#top = this.#floor
  }

  /** The same where a servant may still be in the batch: its memory is never used again. */
  abandonBatch(): void {
    this.#floor = this.#top
    this.endBatch()
  }

  /** A mailbox, as an offset. */
  takeMailbox(): number {
    const free = this.#freeMailboxes.pop()
    if (free !== undefined) {
      this.words.fill(0n, free / 8, (free + MAILBOX_SIZE) / 8)
      return free
    }
    if (this.#nextMailbox + MAILBOX_SIZE > MAILBOX_BYTES) throw new TspodError('INTERNAL', 'too many servants at once')
    this.#nextMailbox += MAILBOX_SIZE
    return this.#nextMailbox - MAILBOX_SIZE
  }

  giveMailbox(offset: number): void {
    this.#freeMailboxes.push(offset)
  }
}

function mapAt(fd: number): bigint {
  for (let index = 0n; index < ADDRESSES; index++) {
    const address = FIRST_ADDRESS + index * ADDRESS_STEP
    const got = trySyscall('mmap', address, ARENA_BYTES, PROT_READ_WRITE, MAP_SHARED_FIXED_NOREPLACE, fd, 0)
    if (got === Number(address)) return address
    if (got > 0) trySyscall('munmap', got, ARENA_BYTES) // a kernel before 4.17 takes the address as a hint
  }
  throw new TspodError('INTERNAL', 'no room in the address space for the arena shared with servants')
}

let shared: Arena | undefined

/** The arena of this process, made at the first use. */
export function arena(): Arena {
  shared ??= new Arena()
  return shared
}
