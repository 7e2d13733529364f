// Archives for tests, made entry by entry.

import type { TarEntry } from '#image/tar-entry.ts'
import { TarReader, type TarSink } from '#image/tar-reader.ts'
import { tarEnd, tarHeader, tarPadding } from '#image/tar-writer.ts'

/** An entry with everything that is not said left plain. */
export function entry(path: string, more: Partial<TarEntry> = {}): TarEntry {
  return {
    type: 'file',
    path,
    linkPath: '',
    mode: more.type === 'directory' ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    userName: '',
    groupName: '',
    size: 0,
    modified: { seconds: 1_700_000_000, nanoseconds: 0 },
    deviceMajor: 0,
    deviceMinor: 0,
    ...more,
  }
}

export type Member = TarEntry | [TarEntry, string | Buffer]

/** A whole archive. */
export function archive(...members: Member[]): Buffer {
  const parts: Uint8Array[] = []
  for (const member of members) {
    const [about, content] = Array.isArray(member) ? member : [member, '']
    const bytes = Buffer.from(content)
    parts.push(tarHeader({ ...about, size: bytes.byteLength }), bytes, tarPadding(bytes.byteLength))
  }
  return Buffer.concat([...parts, tarEnd])
}

export interface ReadMember extends TarEntry {
  content: string
  pieces: [offset: number, length: number][]
}

/** Reads an archive, handed over in chunks of `chunkBytes`. */
export function readArchive(bytes: Uint8Array, chunkBytes = bytes.byteLength): ReadMember[] {
  const members: ReadMember[] = []
  let ended = 0
  const sink: TarSink = {
    entry: about => members.push({ ...about, content: '', pieces: [] }),
    data(chunk, offset) {
      const last = members.at(-1)
      if (last === undefined) throw new Error('content without an entry')
      last.content += chunk.toString('latin1')
      const piece = last.pieces.at(-1)
      if (piece !== undefined && piece[0] + piece[1] === offset) piece[1] += chunk.byteLength
      else last.pieces.push([offset, chunk.byteLength])
    },
    end: () => ended++,
  }
  const reader = new TarReader(sink)
  for (let at = 0; at < bytes.byteLength; at += chunkBytes) reader.push(bytes.subarray(at, at + chunkBytes))
  reader.finish()
  if (ended !== members.length) throw new Error(`${members.length} entries began, ${ended} ended`)
  return members
}
