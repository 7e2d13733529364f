// By which a change of the context during a copy is seen: names, sizes and times, on the host's side before and in the worker after.
import type { WalkedFile } from '#build/context/walk.ts'
import { S_IFDIR } from '#sys/file-status.ts'

/** One file's line of the digest; a folder's size and time change with what other builds do in it, and count for nothing. */
export function fingerprintLine(source: string, { path, status }: WalkedFile): string {
  const { size, mode, type, modified } = status
  const length = type === S_IFDIR ? 0 : size
  const time = type === S_IFDIR ? '' : `${modified.seconds}.${modified.nanoseconds}`
  return `${source}\0${path}\0${type}\0${mode}\0${length}\0${time}\n`
}
