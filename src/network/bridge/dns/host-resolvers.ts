// The host's name servers, as its resolv.conf(5) says at this moment: a laptop that joins another network gets other ones.
import { readFileSync, statSync } from 'node:fs'
import { formatServerAddress, parseServerAddress } from '#network/server-address.ts'

const LOOK_MS = 500

export class HostResolvers {
  readonly #path: string
  readonly #onChange: () => void
  #servers: string[] = []
  #version = ''
  #lookedMs = Number.NEGATIVE_INFINITY

  constructor(onChange: () => void, path = '/etc/resolv.conf') {
    this.#onChange = onChange
    this.#path = path
  }

  /** Addresses, in their order. Empty where there is none: then nobody is asked. */
  list(): readonly string[] {
    const now = performance.now()
    if (now - this.#lookedMs < LOOK_MS) return this.#servers
    this.#lookedMs = now
    const facts = statSync(this.#path, { throwIfNoEntry: false })
    const version = facts === undefined ? 'none' : `${facts.dev} ${facts.ino} ${facts.mtimeMs} ${facts.size}`
    if (version === this.#version) return this.#servers
    const isFirst = this.#version === ''
    this.#version = version
    this.#servers = parseServers(readOrEmpty(this.#path))
    if (!isFirst) this.#onChange()
    return this.#servers
  }
}

/** Empty where there is none, or not at this moment: whoever writes it anew makes it change once more. */
function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** The addresses of `nameserver` lines, with their scopes. */
export function parseServers(text: string): string[] {
  return text.split('\n').flatMap(line => {
    const [key, value = ''] = line.trim().split(/\s+/)
    const address = key === 'nameserver' ? parseServerAddress(value) : undefined
    return address === undefined ? [] : [formatServerAddress(address)]
  })
}
