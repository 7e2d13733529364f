// The words that -v, --mount and --tmpfs share, gathered one by one into what was asked for.
import { posix } from 'node:path'
import { TspodError } from '#errors.ts'

export type Propagation = 'private' | 'rprivate' | 'shared' | 'rshared' | 'slave' | 'rslave'

/** What is still `undefined` was not said; saying two words of one kind is refused. */
export interface MountWords {
  readOnly?: boolean
  /** what is mounted below too */
  readOnlyTree?: boolean
  nosuid?: boolean
  nodev?: boolean
  noexec?: boolean
  recursive?: boolean
  propagation?: Propagation
  chown?: boolean
  relabel?: 'shared' | 'private'
  overlay?: boolean
  /** folders for an overlay to keep */
  upper?: string
  work?: string
  copyUp?: boolean
}

const words: Record<string, MountWords> = {
  ro: { readOnly: true },
  rro: { readOnly: true, readOnlyTree: true },
  rw: { readOnly: false },
  suid: { nosuid: false },
  nosuid: { nosuid: true },
  dev: { nodev: false },
  nodev: { nodev: true },
  exec: { noexec: false },
  noexec: { noexec: true },
  bind: { recursive: false },
  rbind: { recursive: true },
  private: { propagation: 'private' },
  rprivate: { propagation: 'rprivate' },
  shared: { propagation: 'shared' },
  rshared: { propagation: 'rshared' },
  slave: { propagation: 'slave' },
  rslave: { propagation: 'rslave' },
  U: { chown: true },
  z: { relabel: 'shared' },
  Z: { relabel: 'private' },
  O: { overlay: true },
  copy: { copyUp: true },
  nocopy: { copyUp: false },
}

/** Adds one word to what was said so far; false for a word it does not know. Throws INVALID for a contradiction. */
export function takeMountWord(said: MountWords, word: string, refuse: (why: string) => TspodError): boolean {
  refuseIdmap(word, refuse)
  const meaning = words[word]
  if (meaning === undefined) return false
  for (const [key, value] of Object.entries(meaning)) {
    const before = said[key as keyof MountWords]
    if (before !== undefined && before !== value) throw refuse(`the option "${word}" contradicts one before it`)
  }
  Object.assign(said, meaning)
  return true
}

/** Idmapped mounts need privilege over the file system's own user namespace (mount_setattr(2)). */
function refuseIdmap(word: string, refuse: (why: string) => TspodError): void {
  if (!/^r?idmap(?:$|=)/.test(word)) return
  throw new TspodError('UNSUPPORTED', refuse('"idmap" mounts need privilege over the source file system').message, {
    hint: "use --userns keep-id, or the option U to give the source to the container's user",
  })
}

/** A clean absolute path inside the container that is not its root. */
export function containerPath(text: string, refuse: (why: string) => TspodError): string {
  if (!text.startsWith('/')) throw refuse(`invalid container path "${text}", must be an absolute path`)
  const path = posix.normalize(text).replace(/(?<=.)\/$/, '')
  if (path === '/') throw refuse('invalid container path "/", must be a path below the root')
  return path
}
