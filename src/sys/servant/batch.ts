// Lists of system calls as data, and their layout in the arena (serve-*.inc reads it).

import { errnoNumber } from '#sys/errno.ts'
import type { SyscallName } from '#sys/numbers.ts'
import { syscallNumber } from '#sys/numbers.ts'
import type { Arena } from './arena.ts'

/** The result of an earlier call of the same batch, put in by the servant; at most two uses a call. */
export interface ResultOf {
  resultOf: number
}

/** Bytes the call points to; `patch` stores an earlier call's result (8 bytes, little endian) at an offset in them. */
export interface Memory {
  memory: NodeJS.ArrayBufferView
  patch?: { offset: number; resultOf: number }
  /** Addresses of other memory, stored at offsets in these bytes. */
  pointers?: { offset: number; to: Argument }[]
}

/** Numbers, NUL-terminated strings, NULL-terminated lists of strings, memory, an earlier result, NULL. */
export type Argument = number | bigint | string | readonly string[] | Memory | ResultOf | null

export interface Call {
  name: SyscallName
  args: readonly Argument[]
  /** An errno name after which the batch goes on, or `any`. */
  tolerate?: string
  /** For clone: offset of the mailbox that the new child serves. */
  childMailbox?: number
}

/** A call as data. */
export function call(name: SyscallName, ...args: Argument[]): Call {
  return { name, args }
}

/** The same call, after whose failure with this errno (or `any`) the batch goes on. */
export function tolerate(errno: string, tolerated: Call): Call {
  return { ...tolerated, tolerate: errno }
}

/** Bytes of one operation. */
export const OPERATION_BYTES = 96

const LINK = 7
const CHILD_MAILBOX = 8
const RESULT = 9
const TOLERATED = 10
const SECOND_LINK = 11

/** Writes calls into the arena; returns the offset of the first operation. */
export function encodeBatch(arena: Arena, calls: readonly Call[]): number {
  const start = arena.allocate(OPERATION_BYTES * (calls.length + 1), 16)
  const wordAt = (index: number): number => (start + OPERATION_BYTES * index) / 8
  const link = (from: number, target: bigint): void => {
    const word = wordAt(from)
    const slot = arena.words[word + LINK] === 0n ? LINK : SECOND_LINK
    if (arena.words[word + slot] !== 0n) throw new RangeError(`result ${from} is used more than twice`)
    arena.words[word + slot] = target
  }
  const addressOf = (argument: Argument): bigint => {
    if (argument === null) return 0n
    if (typeof argument === 'string') return arena.string(argument)
    if (typeof argument === 'number' || typeof argument === 'bigint') return BigInt(argument)
    if ('memory' in argument) {
      const { memory, patch, pointers } = argument
      const offset = arena.allocate(Math.max(8, memory.byteLength), 16)
      arena.bytes.set(new Uint8Array(memory.buffer, memory.byteOffset, memory.byteLength), offset)
      for (const pointer of pointers ?? []) arena.bytes.writeBigUInt64LE(addressOf(pointer.to), offset + pointer.offset)
      if (patch !== undefined) link(patch.resultOf, arena.address(offset + patch.offset))
      return arena.address(offset)
    }
    if ('resultOf' in argument) throw new RangeError('a result stands only for a whole argument')
    return arena.strings(argument)
  }
  calls.forEach(({ name, args, tolerate: tolerated, childMailbox }, index) => {
    const word = wordAt(index)
    arena.words[word] = BigInt(syscallNumber(name))
    args.forEach((argument, position) => {
      const target = word + 1 + position
      if (typeof argument === 'object' && argument !== null && 'resultOf' in argument)
        link(argument.resultOf, arena.address(target * 8))
      else arena.words[target] = BigInt.asIntN(64, addressOf(argument))
    })
    if (childMailbox !== undefined) arena.words[word + CHILD_MAILBOX] = arena.address(childMailbox)
    if (tolerated !== undefined)
      arena.words[word + TOLERATED] = tolerated === 'any' ? 1n : BigInt(-errnoNumber(tolerated))
  })
  arena.words[wordAt(calls.length)] = -1n
  return start
}

/** The kernel's result of the call at `index` of the batch at `start`. */
export function resultAt(arena: Arena, start: number, index: number): number {
  return Number(arena.words[(start + OPERATION_BYTES * index) / 8 + RESULT])
}
