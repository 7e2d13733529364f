// Masked and read-only paths (config-linux.md), in two rounds: what is there is looked up first, so that only an absent path is passed over. Pure.

import { TARGET } from '#runtime/slots.ts'
import { joinCalls, type Step } from '#runtime/step.ts'
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_RECURSIVE,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_RDONLY,
  O_DIRECTORY,
  O_PATH,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
} from '#sys/flags.ts'
import { call, tolerate } from '#sys/servant/batch.ts'
import type { MaskStep } from './masks.ts'
import { moveTo } from './mount-steps.ts'
import { openBeneath, placeAt, quoted } from './paths.ts'
import { readOnlyAttributes } from './root.ts'

/** What lies at a masked path. */
export type MaskTarget = 'absent' | 'file' | 'folder'

/** One step a mask that finds out what lies there: `readMaskTarget` understands its results. */
export function planMaskLookup(mask: MaskStep): Step {
  return {
    actor: 'init',
    doing: `looking at "${mask.path}"`,
    shell: '',
    calls: [
      tolerate('any', openBeneath(mask.path, O_PATH)),
      tolerate('any', openBeneath(mask.path, O_PATH | O_DIRECTORY)),
      tolerate('EBADF', call('close', { resultOf: 0 })),
      tolerate('EBADF', call('close', { resultOf: 1 })),
    ],
  }
}

const ENOENT = -2
const ENOTDIR = -20
const EACCES = -13

/** What the results of a lookup say; a path that cannot be reached is masked already. */
export function readMaskTarget([opened = ENOENT, openedFolder = ENOENT]: readonly number[]): MaskTarget {
  if (opened === ENOENT || opened === ENOTDIR || opened === EACCES) return 'absent'
  return openedFolder >= 0 ? 'folder' : 'file'
}

/** What a remount must say again of the kernel's own file systems, or it would be lost. */
function frozenWords(path: string): string {
  return /^\/(proc|sys)\//.test(path) ? 'ro,nosuid,nodev,noexec' : 'ro'
}

/** Hides or freezes one path, whatever is there: as a person would type it. */
export function maskText(mask: MaskStep): string {
  const path = `.${quoted(mask.path)}`
  const { shell } = planMask(mask, 'file', 0)
  if (mask.kind === 'freeze') return `[ ! -e ${path} ] || { ${shell}; }`
  return `if [ -d ${path} ]; then ${planMask(mask, 'folder', 0).shell}; elif [ -e ${path} ]; then ${shell}; fi`
}

/** Hides or freezes one path that exists. */
export function planMask(mask: MaskStep, target: 'file' | 'folder', slot: number): Step {
  const open = [openBeneath(mask.path, O_PATH), ...placeAt(0, TARGET)]
  const attach = moveTo(slot)
  if (mask.kind === 'freeze')
    return {
      actor: 'init',
      doing: `making "${mask.path}" read-only`,
      shell: `mount --rbind .${quoted(mask.path)} .${quoted(mask.path)}; mount -o remount,bind,${frozenWords(mask.path)} .${quoted(mask.path)}`,
      calls: joinCalls([
        open,
        [
          call('open_tree', TARGET, '', OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE),
          ...placeAt(0, slot),
        ],
        [call('mount_setattr', slot, '', AT_EMPTY_PATH | AT_RECURSIVE, { memory: readOnlyAttributes() }, 32), attach],
      ]),
    }
  if (target === 'folder')
    return {
      actor: 'init',
      doing: `hiding the folder "${mask.path}"`,
      shell: `mount -t tmpfs -o ro,nosuid,nodev,noexec,size=0k tmpfs .${quoted(mask.path)}`,
      calls: [
        ...open,
        call('fchdir', TARGET),
        call('mount', 'tmpfs', '.', 'tmpfs', MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, 'size=0k'),
      ],
    }
  return {
    actor: 'init',
    doing: `hiding the file "${mask.path}"`,
    shell: `mount --bind /dev/null .${quoted(mask.path)}`,
    calls: joinCalls([
      open,
      [call('open_tree', AT_FDCWD, '/dev/null', OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), ...placeAt(0, slot)],
      [attach],
    ]),
  }
}
