// What a loop over Poller should do later: one moment per subject.

export class Deadlines {
  readonly #moments = new Map<string, { at: number; action: () => void }>()

  /** Calls `action` in `ms` milliseconds, instead of what was set for this subject before. */
  set(subject: string, ms: number, action: () => void): void {
    this.#moments.set(subject, { at: performance.now() + ms, action })
  }

  clear(subject: string): void {
    this.#moments.delete(subject)
  }

  /** True where something is set for this subject. */
  has(subject: string): boolean {
    return this.#moments.has(subject)
  }

  /** Milliseconds until the next one is due; -1 when nothing is set. */
  nextMs(): number {
    let next = Number.POSITIVE_INFINITY
    for (const { at } of this.#moments.values()) next = Math.min(next, at)
    return next === Number.POSITIVE_INFINITY ? -1 : Math.max(0, next - performance.now())
  }

  /** Does what is due. */
  run(): void {
    if (this.#moments.size === 0) return
    const now = performance.now()
    for (const [subject, { at, action }] of this.#moments) {
      if (at > now) continue
      this.#moments.delete(subject)
      action()
    }
  }
}
