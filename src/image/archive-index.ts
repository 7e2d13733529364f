// A tar file with a table of its members: only headers are read, then any member from any offset. Host namespaces.
import { closeSync, fstatSync, openSync, read, readSync } from 'node:fs'
import { posix } from 'node:path'
import { promisify } from 'node:util'
import { during, TspodError } from '#errors.ts'
import type { ArchiveFiles } from './archive-files.ts'
import { BLOCK_BYTES } from './tar-entry.ts'
import { TarReader } from './tar-reader.ts'

interface Member {
  /** where its content is in the file */
  offset: number
  size: number
  /** another member that this one is a link to */
  target?: string
}

/** An image archive with more members than this is none. */
const mostMembers = 200_000
const mostLinks = 8

/** Indexes the tar file at `path`; `shownAs` is its name in errors. Throws INVALID. */
export function openArchiveFiles(path: string, shownAs: string): ArchiveFiles {
  const fd = openSync(path, 'r')
  const description = `archive "${shownAs}"`
  let members: Map<string, Member>
  try {
    members = indexMembers(fd)
  } catch (error) {
    closeSync(fd)
    throw during(`reading ${description}`, error)
  }
  return {
    description,
    sizeOf: name => find(members, name)?.size,
    open(name, offset = 0) {
      const member = find(members, name)
      if (member === undefined) throw new TspodError('NOT_FOUND', `${description} has no file "${name}"`)
      return readRange(fd, member.offset + offset, member.size - offset)
    },
    async [Symbol.asyncDispose]() {
      closeSync(fd)
    },
  }
}

const readAsync = promisify(read)

/** Part of an open file; several can be read at once. A stream of node:fs would close the file when it is left early. */
async function* readRange(fd: number, start: number, length: number): AsyncIterable<Uint8Array> {
  for (let done = 0; done < length; ) {
    const buffer = Buffer.allocUnsafeSlow(Math.min(1 << 20, length - done))
    const { bytesRead } = await readAsync(fd, buffer, 0, buffer.byteLength, start + done)
    if (bytesRead === 0) return
    done += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}

/** Reads headers and jumps over content. */
function indexMembers(fd: number): Map<string, Member> {
  const members = new Map<string, Member>()
  let position = 0
  const reader = new TarReader({
    entry(entry) {
      if (members.size >= mostMembers) throw new TspodError('INVALID', `it has more than ${mostMembers} members`)
      const name = posix.normalize(`/${entry.path}`).slice(1)
      const isLink = entry.type === 'link' || entry.type === 'symlink'
      const base = entry.type === 'symlink' ? posix.dirname(`/${name}`) : '/'
      const target = isLink ? posix.resolve(base, entry.linkPath).slice(1) : undefined
      if (entry.type === 'file' && entry.sparse === undefined) members.set(name, { offset: position, size: entry.size })
      else if (target !== undefined) members.set(name, { offset: 0, size: 0, target })
    },
    data() {},
    end() {},
  })
  const block = Buffer.alloc(BLOCK_BYTES)
  while (!reader.isAtEnd) {
    const got = readSync(fd, block, 0, BLOCK_BYTES, position)
    if (got === 0) break
    position += got
    reader.push(block.subarray(0, got))
    position += reader.contentLeft
    reader.skipContent()
  }
  reader.finish()
  const size = fstatSync(fd).size
  if (position > size)
    throw new TspodError('INVALID', `it is cut off after ${size} bytes`, {
      hint: 'the download or the file is incomplete',
    })
  return members
}

function find(members: ReadonlyMap<string, Member>, name: string): Member | undefined {
  let member = members.get(name)
  for (let links = 0; member?.target !== undefined && links < mostLinks; links++) member = members.get(member.target)
  return member?.target === undefined ? member : undefined
}
