// What belongs to a folder beside what is in it. In the worker.
import { isDriverAttribute } from '#storage/whiteout.ts'
import { attributeNames, readAttribute, trySetAttribute } from '#sys/attributes.ts'
import { systemCallError } from '#sys/call.ts'
import type { Fd } from '#sys/fd.ts'
import type { FileStatus } from '#sys/file-status.ts'
import { changeMode, setTimes, tryChangeOwner } from '#sys/make-at.ts'

/** Attributes of the open folder `from`, and what its status was, for `to`. */
export function copyFacts(from: number, { uid, gid, mode, modified }: FileStatus, to: Fd): void {
  for (const attribute of attributeNames(from, '')) {
    if (isDriverAttribute(attribute) || attribute === 'security.selinux') continue
    const value = readAttribute(from, '', attribute)
    const result = value === undefined ? 0 : trySetAttribute(to.number, '', attribute, value)
    if (result < 0) throw systemCallError('setxattr', result, attribute)
  }
  const result = tryChangeOwner(to.number, '.', uid, gid)
  if (result < 0) throw systemCallError('fchownat', result, `${uid}:${gid}`)
  changeMode(to.number, '.', mode)
  setTimes(to.number, '.', modified, modified)
}
