// How a layer says that something below it is gone: in archives (OCI image-spec layer.md) and on disk (overlay, fuse-overlayfs).
import { TspodError } from '#errors.ts'
import { readAttribute, trySetAttribute } from '#sys/attributes.ts'
import { type ByteName, nameText } from '#sys/byte-name.ts'
import { systemCallError } from '#sys/call.ts'
import { type FileStatus, findStatus, S_IFCHR, S_IFREG } from '#sys/file-status.ts'
import { O_CREAT, O_EXCL, O_WRONLY } from '#sys/flags.ts'
import { openAt, tryMakeWhiteout } from '#sys/make-at.ts'

export const whiteoutPrefix = '.wh.'
export const opaqueMarker = '.wh..wh..opq'

/** A folder with one of them, set to `y`, hides what is below it. */
export const opaqueAttributes = ['user.overlay.opaque', 'trusted.overlay.opaque', 'user.fuseoverlayfs.opaque']
const xattrWhiteout = 'user.overlay.whiteout'

/** Attributes that mean something to the drivers: never taken from an archive, never written into one. */
export function isDriverAttribute(name: ByteName): boolean {
  return /^(user|trusted)\.(overlay|fuseoverlayfs|containers)\./.test(name)
}

export type ArchiveWhiteout = { kind: 'opaque' } | { kind: 'remove'; name: ByteName } | { kind: 'other' }

/** What an archive member's last name means; `undefined` for an ordinary name. Throws INVALID for `.wh.`, `.wh..`, `.wh...`. */
export function parseWhiteout(base: ByteName): ArchiveWhiteout | undefined {
  if (!base.startsWith(whiteoutPrefix)) return undefined
  if (base === opaqueMarker) return { kind: 'opaque' }
  const name = base.slice(whiteoutPrefix.length)
  if (name === '' || name === '.' || name === '..')
    throw new TspodError('INVALID', `the whiteout "${nameText(base)}" removes "${name}", must name a file`)
  // aufs kept records of its own under such names
  return name.startsWith(whiteoutPrefix) ? { kind: 'other' } : { kind: 'remove', name }
}

/** Makes a whiteout on disk: a device 0/0; where the file system refuses it, the file that fuse-overlayfs understands. */
export function makeWhiteout(folder: number, name: ByteName): void {
  const result = tryMakeWhiteout(folder, name)
  if (result >= 0 || result === -17) return
  if (result !== -1 && result !== -22 && result !== -95) throw systemCallError('mknodat', result, nameText(name))
  openAt(folder, `${whiteoutPrefix}${name}`, O_WRONLY | O_CREAT | O_EXCL, 0).close()
}

/** Marks a folder: nothing below shows through. */
export function makeOpaque(folder: number, name: ByteName): void {
  const result = trySetAttribute(folder, name, 'user.overlay.opaque', Buffer.from('y'))
  if (result < 0) throw systemCallError('lsetxattr', result, `${nameText(name)} user.overlay.opaque`)
}

/** True for a folder on disk that hides what is below it, whichever driver marked it. */
export function isOpaque(folder: number, name: ByteName): boolean {
  if (opaqueAttributes.some(attribute => readAttribute(folder, name, attribute)?.toString('latin1') === 'y'))
    return true
  return findStatus(folder, name === '' ? opaqueMarker : `${name}/${opaqueMarker}`) !== undefined
}

/** True for a file on disk that stands for "gone" in one of the forms under its own name. */
export function isWhiteout(folder: number, name: ByteName, status: FileStatus): boolean {
  if (status.type === S_IFCHR) return status.deviceMajor === 0 && status.deviceMinor === 0
  return status.type === S_IFREG && status.size === 0 && readAttribute(folder, name, xattrWhiteout) !== undefined
}
