// Which name servers are to be asked last: those that have not answered the last questions, until they have had time to come back. Pure
// but for the clock it is given.

/** One question may be unanswerable; two in a row without an answer in between are the server's own silence. */
const SILENT_AFTER = 2
const SILENT_MS = 10_000
/** Nobody has so many servers; what was known about them is then forgotten. */
const MOST_SERVERS = 64

interface Silence {
  unanswered: number
  sinceMs: number
}

export class ServerHealth {
  readonly #silences = new Map<string, Silence>()
  readonly #nowMs: () => number

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs
  }

  /** The same servers, in the same order, but for the silent ones, which come last. */
  order(servers: readonly string[]): string[] {
    const silent = servers.filter(server => this.#isSilent(server))
    return [...servers.filter(server => !silent.includes(server)), ...silent]
  }

  answered(server: string): void {
    this.#silences.delete(server)
  }

  unanswered(server: string): void {
    if (this.#silences.size >= MOST_SERVERS) this.#silences.clear()
    const before = this.#silences.get(server)?.unanswered ?? 0
    this.#silences.set(server, { unanswered: before + 1, sinceMs: this.#nowMs() })
  }

  #isSilent(server: string): boolean {
    const silence = this.#silences.get(server)
    return silence !== undefined && silence.unanswered >= SILENT_AFTER && this.#nowMs() - silence.sinceMs < SILENT_MS
  }
}
