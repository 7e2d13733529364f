// A tmpfs that begins with what lies beneath it (podman-run(1), tmpcopyup): what is there is looked up first, so that the usual case, an
// empty folder or none, costs one look. Pure.

import { COPY_SOURCE, COPY_TARGET, TARGET } from '#runtime/slots.ts'
import { joinCalls, type Step } from '#runtime/step.ts'
import { AT_EMPTY_PATH, MS_RDONLY, O_DIRECTORY, O_PATH, O_RDONLY } from '#sys/flags.ts'
import { call, tolerate } from '#sys/servant/batch.ts'
import type { MountFlags } from './mounts.ts'
import { openBeneath, placeAt, targetCalls } from './paths.ts'
import { readOnlyAttributes } from './root.ts'

/** The mount of such a tmpfs. */
export interface CopyUp {
  destination: string
  flags: MountFlags
}

/** Opens the folder beneath as COPY_SOURCE and reads in it: `readCopyUpSource` understands the results. */
export function planCopyUpLookup({ destination }: CopyUp): Step {
  return {
    actor: 'init',
    doing: `looking at "${destination}"`,
    shell: '',
    calls: [
      tolerate('any', openBeneath(destination, O_RDONLY | O_DIRECTORY)),
      ...placeAt(0, COPY_SOURCE).map(each => tolerate('any', each)),
      tolerate('any', call('getdents64', COPY_SOURCE, { memory: new Uint8Array(1024) }, 1024)),
    ],
  }
}

/** Bytes of the entries `.` and `..` (getdents(2)): an empty folder has no others. */
const EMPTY_FOLDER_BYTES = 48

/** What a lookup has found. */
export function readCopyUpSource([opened = -1, , , entryBytes = 0]: readonly number[]): 'absent' | 'empty' | 'filled' {
  if (opened < 0) return 'absent'
  return entryBytes > EMPTY_FOLDER_BYTES ? 'filled' : 'empty'
}

/** Makes the folder where there is none, with the mode that a tmpfs has by itself: another start finds it, and mounts the same. */
export function planCopyUpFolder({ destination }: CopyUp): Step {
  return {
    actor: 'init',
    doing: `making the folder "${destination}"`,
    shell: '',
    target: { path: destination, kind: 'folder' },
    calls: [...targetCalls(destination, 'folder'), call('fchmodat', TARGET, '.', 0o1777)],
  }
}

/** Mounts it, with the mode of the folder beneath unless another is asked for; writable, and open as COPY_TARGET. */
export function planCopyUpMount({ destination, flags }: CopyUp, mode: number): Step {
  const words = flags.data === '' ? [] : flags.data.split(',')
  if (!words.some(word => word.startsWith('mode='))) words.push(`mode=${mode.toString(8)}`)
  return {
    actor: 'init',
    doing: `mounting tmpfs on "${destination}"`,
    shell: '',
    target: { path: destination, kind: 'folder' },
    calls: joinCalls([
      targetCalls(destination, 'folder'),
      [call('fchdir', TARGET), call('mount', 'tmpfs', '.', 'tmpfs', flags.flags & ~MS_RDONLY, words.join(','))],
      [openBeneath(destination, O_PATH | O_DIRECTORY), ...placeAt(0, COPY_TARGET)],
    ]),
  }
}

/** After it was filled: propagation, write protection, no open folders. */
export function planCopyUpEnd({ destination, flags }: CopyUp): Step {
  const freeze = call('mount_setattr', COPY_TARGET, '', AT_EMPTY_PATH, { memory: readOnlyAttributes() }, 32)
  return {
    actor: 'init',
    doing: `finishing the tmpfs on "${destination}"`,
    shell: '',
    calls: [
      call('fchdir', COPY_TARGET),
      ...flags.propagation.map(kind => call('mount', null, '.', null, kind, null)),
      ...((flags.flags & MS_RDONLY) === 0 ? [] : [freeze]),
      call('close', COPY_TARGET),
      call('close', COPY_SOURCE),
    ],
  }
}
