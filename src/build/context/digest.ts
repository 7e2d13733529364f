// What the files of a COPY hold, as one digest for the cache; and the memory of files that were read before. Host namespaces.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fingerprintLine } from '#build/worker/fingerprint.ts'
import { TspodError } from '#errors.ts'
import { log } from '#log.ts'
import { openFile, readFd } from '#sys/fd.ts'
import { type FileStatus, S_IFDIR, S_IFLNK, S_IFREG } from '#sys/file-status.ts'
import { O_NONBLOCK, O_RDONLY } from '#sys/flags.ts'
import { openAt } from '#sys/make-at.ts'
import { readLinkAt } from '#sys/open-beneath.ts'
import { type Filter, findSources, type WalkedFile, walkSource } from './walk.ts'

/** A file changed as recently as this when it was read may change again without a trace in its times. */
const RACY_MS = 2000
const MOST_REMEMBERED = 200_000

/** Digests of files by device and inode, good for as long as size and times stay. Written back once, at the end of a build. */
export class DigestMemory {
  readonly #path: string
  #known: Map<string, [stamp: string, digest: string]> | undefined
  #isChanged = false

  constructor(graphRoot: string) {
    this.#path = join(graphRoot, 'build', 'digests.json')
  }

  digest(status: FileStatus, read: () => string): string {
    this.#known ??= this.#load()
    const key = `${status.device} ${status.inode}`
    const { size, modified, changed } = status
    const stamp = `${size} ${modified.seconds}.${modified.nanoseconds} ${changed.seconds}.${changed.nanoseconds}`
    const known = this.#known.get(key)
    if (known?.[0] === stamp) return known[1]
    const digest = read()
    const isRacy = Math.max(modified.seconds, changed.seconds) * 1000 > Date.now() - RACY_MS
    if (!isRacy) {
      this.#known.set(key, [stamp, digest])
      this.#isChanged = true
    }
    return digest
  }

  /** A lost memory costs a second reading, no more. */
  save(): void {
    if (!this.#isChanged || this.#known === undefined) return
    try {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 })
      const staged = `${this.#path}.${process.pid}.tmp`
      writeFileSync(staged, JSON.stringify([...this.#known].slice(-MOST_REMEMBERED)), { mode: 0o600 })
      renameSync(staged, this.#path)
    } catch (error) {
      log.debug(`remembering what the context holds: ${String(error)}`)
    }
  }

  #load(): Map<string, [string, string]> {
    try {
      return new Map(JSON.parse(readFileSync(this.#path, 'utf8')) as [string, [string, string]][])
    } catch {
      return new Map() // none yet, or damaged: it is read again
    }
  }
}

export interface SourcesDigest {
  /** of names, kinds, modes and contents */
  digest: string
  /** of names, sizes and times, to be compared with what was copied later */
  fingerprint: string
}

/** Of all files that patterns mean beneath an open root. Throws NOT_FOUND where one means nothing. */
export function digestSources(
  root: number,
  patterns: readonly string[],
  filter: Filter,
  memory: DigestMemory,
): SourcesDigest {
  const digest = createHash('sha256')
  const fingerprint = createHash('sha256')
  for (const pattern of patterns) {
    const sources = findSources(root, pattern, filter)
    if (sources.length === 0)
      throw new TspodError('NOT_FOUND', `"${pattern}": no such file or directory`, {
        hint: filter.ignore.length > 0 ? 'perhaps the ignore file leaves it out' : undefined,
      })
    for (const source of sources) {
      digest.update(`${source.path}\0${source.kept}\n`)
      for (const file of walkSource(root, source, filter)) {
        if (!(source.isFolder && file.path === '')) fingerprint.update(fingerprintLine(source.path, file))
        digest.update(`${file.path}\0${file.status.type}\0${file.status.mode}\0${contentOf(file, memory)}\n`)
      }
    }
  }
  return { digest: digest.digest('hex'), fingerprint: fingerprint.digest('hex') }
}

function contentOf(file: WalkedFile, memory: DigestMemory): string {
  const { folder, name, status } = file
  if (status.type === S_IFDIR) return ''
  if (status.type === S_IFLNK) return readLinkAt(folder, name)
  return status.type === S_IFREG ? memory.digest(status, () => hashFile(folder, name)) : ''
}

const buffer = Buffer.allocUnsafe(1 << 20)

function hashFile(folder: number, name: string): string {
  using file = name === '' ? openFile(`/proc/self/fd/${folder}`, O_RDONLY) : openAt(folder, name, O_RDONLY | O_NONBLOCK)
  const hash = createHash('sha256')
  for (;;) {
    const count = readFd(file.number, buffer)
    if (count === 0) return hash.digest('hex')
    hash.update(buffer.subarray(0, count))
  }
}
