// Paths that the process must not read, or not write (config-linux.md, Masked Paths, Readonly Paths). Pure.
import { posix } from 'node:path'
import { TspodError } from '#errors.ts'
import type { LinuxSpec } from '#oci/runtime-spec.ts'

export interface MaskStep {
  /** hide: /dev/null bound over a file, an empty read-only tmpfs over a folder. freeze: bound on itself, then read-only */
  kind: 'hide' | 'freeze'
  path: string
}

/** All steps in order; a path that does not exist in the container is passed over when they are applied. */
export function planMasks(linux: LinuxSpec): MaskStep[] {
  const hidden = paths('maskedPaths', linux.maskedPaths)
  const frozen = paths('readonlyPaths', linux.readonlyPaths)
  return [
    // first, since a frozen folder would take its hidden places along only if they were hidden before
    ...hidden.map(path => ({ kind: 'hide' as const, path })),
    ...frozen.filter(path => !hidden.includes(path)).map(path => ({ kind: 'freeze' as const, path })),
  ]
}

function paths(what: string, list: readonly string[] = []): string[] {
  return [
    ...new Set(
      list.map(path => {
        const clean = posix.normalize(path).replace(/(?<=.)\/$/, '')
        if (!clean.startsWith('/') || clean === '/')
          throw new TspodError('INVALID', `linux.${what} holds "${path}", must be an absolute path below the root`)
        return clean
      }),
    ),
  ]
}
