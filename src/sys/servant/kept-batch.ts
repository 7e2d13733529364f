// A batch that is encoded once and performed as often as is wanted. Its memory is never used for anything else.
import { arena } from './arena.ts'
import { type Call, encodeBatch } from './batch.ts'

export interface KeptBatch {
  calls: readonly Call[]
  /** Where it begins in the arena. */
  start: number
}

export function keepBatch(calls: readonly Call[]): KeptBatch {
  const memory = arena()
  memory.beginBatch()
  try {
    return { calls, start: encodeBatch(memory, calls) }
  } finally {
    memory.abandonBatch()
  }
}
