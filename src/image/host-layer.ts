// A root file system made of files of this machine, as a tar archive: what HostFiles found, and the folders and files any system has.
import { closeSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { byteName } from '#sys/byte-name.ts'
import { readFd } from '#sys/fd.ts'
import type { HostFiles } from './host-files.ts'
import type { TarEntry } from './tar-entry.ts'
import { tarEnd, tarHeader, tarPadding } from './tar-writer.ts'

const folders: [path: string, mode: number][] = [
  ['dev', 0o755],
  ['etc', 0o755],
  ['home', 0o755],
  ['proc', 0o555],
  ['root', 0o700],
  ['run', 0o755],
  ['sys', 0o555],
  ['tmp', 0o1777],
  ['var', 0o755],
  ['var/tmp', 0o1777],
]

const texts: [path: string, text: string][] = [
  ['etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n'],
  ['etc/group', 'root:x:0:\ntty:x:5:\nnogroup:x:65534:\n'],
  ['etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n'],
  ['etc/os-release', 'NAME="mini"\nID=mini\nPRETTY_NAME="files of the machine this image was made on"\n'],
  ['etc/profile', 'export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n'],
]

/** The archive, in order: the same files make the same bytes. Files keep their permissions but belong to root. */
export async function* packHostLayer(files: HostFiles): AsyncGenerator<Uint8Array> {
  const made = new Set<string>()
  for (const [path, mode] of folders) yield* folder(path, made, mode)
  for (const [path, text] of texts) {
    const bytes = Buffer.from(text)
    yield Buffer.concat([
      tarHeader({ ...blank('file', path), size: bytes.byteLength }),
      bytes,
      tarPadding(bytes.byteLength),
    ])
  }
  const paths = [...files.paths].sort(([a], [b]) => (a < b ? -1 : 1))
  // links first: folders of the machine may be links themselves, and a folder made in their place would be in the way
  for (const [path, target] of paths) {
    if (target === undefined) continue
    yield* parents(path, made, files)
    yield tarHeader({ ...blank('symlink', path.slice(1)), mode: 0o777, linkPath: byteName(target) })
  }
  for (const [path, target] of paths) {
    if (target !== undefined) continue
    yield* parents(path, made, files)
    yield* fileOf(path)
  }
  yield tarEnd
}

function* parents(path: string, made: Set<string>, files: HostFiles): Generator<Uint8Array> {
  const parent = dirname(path)
  if (parent === '/' || files.paths.has(parent)) return
  yield* parents(parent, made, files)
  yield* folder(parent.slice(1), made, 0o755)
}

function* folder(path: string, made: Set<string>, mode: number): Generator<Uint8Array> {
  if (made.has(path)) return
  made.add(path)
  yield tarHeader({ ...blank('directory', path), mode })
}

function* fileOf(path: string): Generator<Uint8Array> {
  const fd = openSync(path, 'r')
  try {
    const { size, mode, mtimeMs } = statSync(path)
    const modified = { seconds: Math.floor(mtimeMs / 1000), nanoseconds: 0 }
    yield tarHeader({ ...blank('file', path.slice(1)), size, mode: mode & 0o755, modified })
    for (let left = size; left > 0; ) {
      const piece = Buffer.alloc(Math.min(left, 1 << 20))
      const count = readFd(fd, piece)
      left -= count === 0 ? piece.byteLength : count
      yield count === 0 ? piece : piece.subarray(0, count)
    }
    yield tarPadding(size)
  } finally {
    closeSync(fd)
  }
}

function blank(type: TarEntry['type'], path: string): TarEntry {
  return {
    type,
    path: byteName(path),
    linkPath: '',
    mode: 0o644,
    uid: 0,
    gid: 0,
    userName: '',
    groupName: '',
    size: 0,
    modified: { seconds: 0, nanoseconds: 0 },
    deviceMajor: 0,
    deviceMinor: 0,
  }
}
