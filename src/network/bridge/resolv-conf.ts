// The resolv.conf of a running container whose networks change. It is bound into the container, so it is written in place; it may belong
// to the container's root, whom only the service may write for.
import { readFileSync, writeFileSync } from 'node:fs'
import { errnoOf } from '#errors.ts'

/** Has name servers of networks that the container left go, and those of its networks come first. Pure. */
export function exchangeServers(text: string, before: readonly string[], after: readonly string[]): string {
  const lines = text.split('\n')
  const isServer = (line: string, among: readonly string[]): boolean => {
    const [key, address = ''] = line.trim().split(/\s+/)
    return key === 'nameserver' && among.includes(address)
  }
  const kept = lines.filter(line => !isServer(line, [...before, ...after]))
  const first = kept.findIndex(line => line.startsWith('nameserver') || line.trim() === '')
  const at = first < 0 ? kept.length : first
  return [...kept.slice(0, at), ...after.map(address => `nameserver ${address}`), ...kept.slice(at)].join('\n')
}

/** Does nothing where the container was made without the file. */
export function updateResolvConf(path: string, before: readonly string[], after: readonly string[]): void {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return
    throw error
  }
  const changed = exchangeServers(text, before, after)
  if (changed !== text) writeFileSync(path, changed)
}
