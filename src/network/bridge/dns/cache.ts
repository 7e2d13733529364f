// Answers of name servers, for as long as they say. Pure but for the clock it is given.
import { lifetimeOf } from './wire.ts'

interface Kept {
  message: Buffer
  offsets: readonly number[]
  storedMs: number
  untilMs: number
}

/** Nobody's answer is kept longer, whatever it says. */
const LONGEST_SECONDS = 3600

export class AnswerCache {
  readonly #kept = new Map<string, Kept>()
  readonly #most: number
  readonly #nowMs: () => number

  constructor(most = 1000, nowMs: () => number = () => performance.now()) {
    this.#most = most
    this.#nowMs = nowMs
  }

  /** A copy whose records have aged, or `undefined`. */
  get(key: string): Buffer | undefined {
    const kept = this.#kept.get(key)
    if (kept === undefined) return undefined
    const now = this.#nowMs()
    if (kept.untilMs <= now) {
      this.#kept.delete(key)
      return undefined
    }
    const age = Math.floor((now - kept.storedMs) / 1000)
    const message = Buffer.from(kept.message)
    for (const offset of kept.offsets) message.writeUInt32BE(Math.max(0, message.readUInt32BE(offset) - age), offset)
    return message
  }

  /** Keeps an answer where it may be kept; the oldest goes for it. */
  put(key: string, message: Buffer): void {
    const lifetime = readLifetime(message)
    if (lifetime === undefined) return
    const now = this.#nowMs()
    this.#kept.delete(key)
    const [oldest] = this.#kept.keys()
    if (this.#kept.size >= this.#most && oldest !== undefined) this.#kept.delete(oldest)
    this.#kept.set(key, {
      message: Buffer.from(message),
      offsets: lifetime.offsets,
      storedMs: now,
      untilMs: now + 1000 * Math.min(lifetime.seconds, LONGEST_SECONDS),
    })
  }

  clear(): void {
    this.#kept.clear()
  }
}

function readLifetime(message: Buffer): ReturnType<typeof lifetimeOf> {
  try {
    return lifetimeOf(message)
  } catch (error) {
    if (error instanceof RangeError) return undefined // a damaged answer is passed on, not kept
    throw error
  }
}
