// How much one container may ask. Whoever asks more is not heard for a while, ever longer, so that its neighbours are. Pure but for the
// clock it is given.

/** Questions in so many milliseconds. */
const MOST = 2000
const WINDOW_MS = 250
/** For the first time; twice as long each time after that, until it has kept quiet for as long. */
const SILENCE_MS = 1000
const LONGEST_MS = 16_000

interface Asker {
  windowMs: number
  count: number
  silenceMs: number
  /** until then it is not heard */
  silentUntilMs: number
}

export class AskQuota {
  readonly #askers = new Map<string, Asker>()
  readonly #nowMs: () => number

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs
  }

  /** 0 where the question may be answered; else for how many milliseconds its asker is not to be heard. */
  ask(ip: string): number {
    const now = this.#nowMs()
    const asker = this.#askers.get(ip) ?? { windowMs: now, count: 0, silenceMs: 0, silentUntilMs: 0 }
    this.#askers.set(ip, asker)
    if (now < asker.silentUntilMs) return asker.silentUntilMs - now
    if (now - asker.windowMs >= WINDOW_MS) {
      asker.windowMs = now
      asker.count = 0
    }
    asker.count++
    if (asker.count <= MOST) return 0
    const isFirst = asker.silenceMs === 0 || now - asker.silentUntilMs > asker.silenceMs
    asker.silenceMs = isFirst ? SILENCE_MS : Math.min(2 * asker.silenceMs, LONGEST_MS)
    asker.silentUntilMs = now + asker.silenceMs
    asker.count = 0
    return asker.silenceMs
  }
}
