// A tar file with a table of its members: only headers are read, then any member from any offset. Host namespaces.
import { closeSync, createReadStream, fstatSync, openSync, readSync } from 'node:fs'
import { posix } from 'node:path'
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
      if (offset >= member.size) return nothing()
      const start = member.offset + offset
      const end = member.offset + member.size - 1
      return createReadStream('', { fd, start, end, autoClose: false, highWaterMark: 1 << 20 })
    },
    async [Symbol.asyncDispose]() {
      closeSync(fd)
    },
  }
}

async function* nothing(): AsyncIterable<Uint8Array> {}

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
