// The container's root file system: opened by the stager, attached and made the root by process 1. Pure.

import type { LinuxSpec } from '#oci/runtime-spec.ts'
import { ROOT } from '#runtime/slots.ts'
import type { Step } from '#runtime/step.ts'
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_RECURSIVE,
  MNT_DETACH,
  MOVE_MOUNT_F_EMPTY_PATH,
  MS_PRIVATE,
  MS_REC,
  MS_SHARED,
  MS_SLAVE,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
} from '#sys/flags.ts'
import { call } from '#sys/servant/batch.ts'
import { placeAt, quoted } from './paths.ts'

/** Opens the mounted root as a tree of its own, which process 1 may attach although the rest of its mounts are locked. */
export function planOpenRoot(path: string): Step {
  return {
    actor: 'stager',
    doing: `opening the root file system "${path}"`,
    shell: '',
    calls: [call('open_tree', AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE), ...placeAt(0, ROOT)],
  }
}

/**
 * Stops propagation to and, unless asked for, from the host, then attaches the root. It goes over "/", the one place that can be
 * reached by whoever process 1 is: under a mapping without the caller it may not walk into the caller's home.
 */
export function planAttachRoot(path: string, propagation: LinuxSpec['rootfsPropagation']): Step[] {
  const receives =
    propagation === 'slave' || propagation === 'rslave' || propagation === 'shared' || propagation === 'rshared'
  return [
    {
      actor: 'init',
      doing: 'keeping mounts private',
      shell: `mount --make-r${receives ? 'slave' : 'private'} /`,
      calls: [call('mount', null, '/', null, MS_REC | (receives ? MS_SLAVE : MS_PRIVATE), null)],
    },
    {
      actor: 'init',
      doing: `attaching the root file system at "${path}"`,
      shell: `mount --rbind ${quoted(path)} ${quoted(path)}; cd ${quoted(path)}`,
      calls: [call('move_mount', ROOT, '', AT_FDCWD, '/', MOVE_MOUNT_F_EMPTY_PATH)],
    },
  ]
}

/** pivot_root(2) into it and forgets the old root (pivot_root(2), "pivot_root(".", ".")"). */
export function planEnterRoot(isReadOnly: boolean, propagation: LinuxSpec['rootfsPropagation']): Step[] {
  const steps: Step[] = []
  if (isReadOnly)
    steps.push({
      actor: 'init',
      doing: 'making the root file system read-only',
      shell: 'mount -o remount,bind,ro .',
      calls: [call('mount_setattr', ROOT, '', AT_EMPTY_PATH, { memory: readOnlyAttributes() }, 32)],
    })
  steps.push({
    actor: 'init',
    doing: 'changing the root',
    shell: 'pivot_root . .; hash -r; umount -l .; cd /',
    calls: [call('fchdir', ROOT), call('pivot_root', '.', '.'), call('umount2', '.', MNT_DETACH), call('chdir', '/')],
  })
  if (propagation === 'shared' || propagation === 'rshared')
    steps.push({
      actor: 'init',
      doing: 'sharing the mounts of the container',
      shell: 'mount --make-rshared /',
      calls: [call('mount', null, '/', null, MS_REC | MS_SHARED, null)],
    })
  return steps
}

/** struct mount_attr that sets MOUNT_ATTR_RDONLY. */
export function readOnlyAttributes(): BigUint64Array {
  return new BigUint64Array([1n, 0n, 0n, 0n])
}
