// The hosts file of a running container whose networks change: its own lines. It is bound into the container, so it is written in place;
// it may belong to the container's root, whom only the service may write for.
import { readFileSync, writeFileSync } from 'node:fs'
import { errnoOf } from '#errors.ts'
import type { HostNames } from './protocol.ts'

/** Has lines of addresses that the container gave up go, and those of new ones come, with the names that it has already. Pure. */
export function exchangeOwnLines(
  text: string,
  before: readonly string[],
  after: readonly string[],
  names: readonly string[],
): string {
  const lines = text.split('\n')
  const wordsOf = (line: string): string[] => line.trim().split(/\s+/)
  const isOwn = (line: string): boolean => before.includes(wordsOf(line)[0] ?? '')
  const own = lines.find(isOwn)
  const shown = own === undefined ? names : wordsOf(own).slice(1)
  const first = lines.findIndex(isOwn)
  const kept = lines.filter(line => !isOwn(line))
  const at = first < 0 ? kept.length - (kept.at(-1) === '' ? 1 : 0) : first
  return [...kept.slice(0, at), ...after.map(address => `${address}\t${shown.join(' ')}`), ...kept.slice(at)].join('\n')
}

/** Has a line of this machine come, with those of its names that are not there yet. Pure. */
export function enterHostNames(text: string, { address, names }: HostNames): string {
  const known = text.split('\n').flatMap(line => line.replace(/#.*/, '').trim().split(/\s+/).slice(1))
  const missing = names.filter(name => !known.includes(name))
  if (missing.length === 0) return text
  return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${address}\t${missing.join(' ')}\n`
}

/** Has every line of one address be of another. Pure. */
export function exchangeAddress(text: string, before: string, after: string): string {
  const lines = text.split('\n')
  return lines.map(line => (line.split(/\s/, 1)[0] === before ? after + line.slice(before.length) : line)).join('\n')
}

/** Changes a hosts file where it lies. Does nothing where the container was made without the file. */
export function updateHosts(path: string, change: (text: string) => string): void {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return
    throw error
  }
  const changed = change(text)
  if (changed !== text) writeFileSync(path, changed)
}
