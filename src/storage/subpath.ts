// A part of a volume or an image as the source of a mount: found beneath its top, wherever links in there lead.
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf } from '#errors.ts'
import { byteName } from '#sys/byte-name.ts'
import { openFile } from '#sys/fd.ts'
import { S_IFDIR, statusOf } from '#sys/file-status.ts'
import {
  AT_EMPTY_PATH,
  AT_RECURSIVE,
  MOVE_MOUNT_F_EMPTY_PATH,
  O_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
} from '#sys/flags.ts'
import { findBeneath } from '#sys/open-beneath.ts'
import { type Call, call } from '#sys/servant/batch.ts'

/** Calls by which a servant in the user's namespace mounts `subpath` of the folder `top` on `place`; one batch. */
export function planSubpath(top: string, subpath: string, place: string): Call[] {
  const how = new BigUint64Array([BigInt(O_PATH | O_CLOEXEC), 0n, BigInt(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)])
  return [
    call('openat', -100, top, O_PATH | O_DIRECTORY | O_CLOEXEC, 0),
    call('openat2', { resultOf: 0 }, subpath, { memory: how }, 24),
    call('open_tree', { resultOf: 1 }, '', OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE),
    call('move_mount', { resultOf: 2 }, '', -100, place, MOVE_MOUNT_F_EMPTY_PATH),
    ...[0, 1, 2].map(index => call('close', { resultOf: index })),
  ]
}

export type SubpathKind = 'folder' | 'file' | 'missing' | 'unknown'

/** What lies at `subpath` of the first of some folders that has it; `unknown` where that is not for us to see. */
export function subpathKind(tops: readonly string[], subpath: string): SubpathKind {
  let kind: SubpathKind = 'missing'
  for (const top of tops) {
    try {
      using root = openFile(top, O_PATH | O_DIRECTORY)
      using found = findBeneath(root.number, byteName(subpath), O_PATH)
      if (found !== undefined) return statusOf(found.number).type === S_IFDIR ? 'folder' : 'file'
    } catch (error) {
      const errno = errnoOf(error)
      if (errno !== 'ENOENT') kind = 'unknown'
    }
  }
  return kind
}

/** Makes a place in the store where such a part can be mounted: a folder, or a file. */
export function makePlace(folder: string, kind: 'folder' | 'file'): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const place = join(folder, kind)
  if (kind === 'folder') mkdirSync(place, { recursive: true, mode: 0o700 })
  else closeSync(openSync(place, 'a', 0o600))
  return place
}
