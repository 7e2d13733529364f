// Performs steps where the kernel has no mount_setattr(2) (before Linux 5.12): flags and propagation of a tree are changed by mount(2) as
// soon as it is attached. A remount sets all flags at once, so those the mount has are asked for and said again: locked ones must stay
// (mount_namespaces(7)). Host namespaces; the servants do it.
import { SystemCallError, TspodError } from '#errors.ts'
import {
  AT_RECURSIVE,
  MS_BIND,
  MS_NOATIME,
  MS_NODIRATIME,
  MS_NOSYMFOLLOW,
  MS_REC,
  MS_RELATIME,
  MS_REMOUNT,
  MS_STRICTATIME,
} from '#sys/flags.ts'
import { mountFlagsIn } from '#sys/mount-flags.ts'
import type { Argument, Call } from '#sys/servant/batch.ts'
import type { Servant } from '#sys/servant/servant.ts'
import { type Actor, type Step, stepError } from './step.ts'

/** What a call of mount_setattr(2) asks for. */
interface Change {
  isRecursive: boolean
  /** MOUNT_ATTR_… */
  set: number
  clear: number
  /** MS_PRIVATE and its kin */
  propagation: number
}

/** Steps of one container, in order, by whichever servant; it remembers what each descriptor's tree still waits for. */
export class MountEmulation {
  /** Changes by the descriptor of a tree that has yet to be attached. */
  readonly #waiting = new Map<number, Change[]>()

  /** As performSteps. */
  perform(servant: Servant, steps: readonly Step[]): number[][] {
    return steps.map(step => {
      try {
        return this.#performStep(servant, step)
      } catch (error) {
        throw stepError(error, [step])
      }
    })
  }

  #performStep(servant: Servant, { calls, actor }: Step): number[] {
    const results: number[] = []
    let begun = 0
    const settle = (end: number): void => {
      if (end > begun) results.push(...performPart(servant, calls, begun, end, results))
      begun = end
    }
    for (const [index, one] of calls.entries()) {
      const [first, second] = one.args
      if (one.name === 'dup3' && typeof second === 'number') this.#place(second, isTree(first, calls))
      if (typeof first !== 'number') continue
      if (one.name === 'mount_setattr') {
        settle(index)
        this.#change(servant, first, changeOf(one, actor))
        results.push(0)
        begun = index + 1
      } else if (one.name === 'move_mount') {
        settle(index + 1)
        this.#attach(servant, first)
      }
    }
    settle(calls.length)
    return results
  }

  /** A descriptor gets its number. */
  #place(slot: number, isDetached: boolean): void {
    if (isDetached) this.#waiting.set(slot, [])
    else this.#waiting.delete(slot)
  }

  #change(servant: Servant, slot: number, change: Change): void {
    const waiting = this.#waiting.get(slot)
    if (waiting === undefined) apply(servant, slot, change)
    else waiting.push(change)
  }

  #attach(servant: Servant, slot: number): void {
    const changes = this.#waiting.get(slot) ?? []
    this.#waiting.delete(slot)
    for (const change of changes) apply(servant, slot, change)
  }
}

/** True for a tree that is attached nowhere: one this step has copied, or one that another container has given. */
function isTree(source: Argument | undefined, calls: readonly Call[]): boolean {
  if (typeof source === 'number') return true
  if (typeof source !== 'object' || source === null || !('resultOf' in source)) return false
  return calls[source.resultOf]?.name === 'open_tree'
}

/** Performs some calls of a list whose earlier results are known. */
function performPart(
  servant: Servant,
  calls: readonly Call[],
  begin: number,
  end: number,
  results: readonly number[],
): number[] {
  const known = (argument: Argument): Argument => {
    if (typeof argument !== 'object' || argument === null || !('resultOf' in argument)) return argument
    const { resultOf } = argument
    return resultOf < begin ? (results[resultOf] ?? -1) : { resultOf: resultOf - begin }
  }
  try {
    return servant.do(calls.slice(begin, end).map(one => ({ ...one, args: one.args.map(known) })))
  } catch (error) {
    if (error instanceof SystemCallError && error.callIndex !== undefined) error.callIndex += begin
    throw error
  }
}

/** struct mount_attr: attr_set, attr_clr, propagation. */
function changeOf({ args }: Call, actor: Actor): Change {
  const [, , flags, attributes] = args
  if (typeof flags !== 'number' || typeof attributes !== 'object' || attributes === null || !('memory' in attributes))
    throw new RangeError('mount_setattr with other arguments than plans give it')
  const { buffer, byteOffset, byteLength } = attributes.memory
  const words = Buffer.from(buffer, byteOffset, byteLength)
  const word = (offset: number): number => Number(words.readBigUInt64LE(offset))
  const change = { isRecursive: (flags & AT_RECURSIVE) !== 0, set: word(0), clear: word(8), propagation: word(16) }
  // masks are content with the uppermost mount, but what the user asked for (`rro`) must hold everywhere
  if (actor === 'stager' && change.isRecursive && change.set + change.clear !== 0)
    throw new TspodError('UNSUPPORTED', 'options for all that is mounted below a source need mount_setattr(2)', {
      hint: 'it is there from Linux 5.12 on: leave out the option rro and its kin',
    })
  return change
}

function apply(servant: Servant, slot: number, { isRecursive, set, clear, propagation }: Change): void {
  const path = `/proc/self/fd/${slot}`
  if (propagation !== 0) servant.call('mount', null, path, null, propagation | (isRecursive ? MS_REC : 0), null)
  if (set === 0 && clear === 0) return
  const flags = changedFlags(mountFlagsIn(servant, slot), set, clear)
  servant.call('mount', null, path, null, MS_REMOUNT | MS_BIND | flags, null)
}

const ATIME_FIELD = 0x70
const ATIME_FLAGS = MS_NOATIME | MS_RELATIME | MS_STRICTATIME

/** MOUNT_ATTR_… that are the same bits in mount(2): read-only, nosuid, nodev, noexec. */
const SAME = 15

/** Flags of mount(2) after MOUNT_ATTR_… are set and cleared. Pure. */
export function changedFlags(flags: number, set: number, clear: number): number {
  const others: readonly (readonly [number, number])[] = [
    [0x80, MS_NODIRATIME],
    [0x20_0000, MS_NOSYMFOLLOW],
  ]
  let changed = (flags & ~(clear & SAME)) | (set & SAME)
  for (const [attribute, flag] of others) {
    if ((clear & attribute) !== 0) changed &= ~flag
    if ((set & attribute) !== 0) changed |= flag
  }
  if ((clear & ATIME_FIELD) === 0) return changed
  const atime = set & ATIME_FIELD
  return (changed & ~ATIME_FLAGS) | (atime === 0x10 ? MS_NOATIME : atime === 0x20 ? MS_STRICTATIME : MS_RELATIME)
}
