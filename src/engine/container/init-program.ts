// The small init of --init: which program it is, on the host.
import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { ContainerRequest } from '#container/request.ts'
import { TspodError } from '#errors.ts'
import { ownInit } from '#runtime/own-init.ts'

export interface InitProgram {
  path: string
  /** To be written there before the container starts: tspod's own. */
  content?: Uint8Array
}

/** `--init-path` or containers.conf's init_path; otherwise tspod's own, in the container's folder. */
export function initProgram({ initPath }: Pick<ContainerRequest, 'initPath'>, folder: string): InitProgram {
  if (initPath === undefined) return { path: join(folder, 'init'), content: ownInit() }
  const facts = statSync(initPath, { throwIfNoEntry: false })
  if (facts?.isFile() !== true)
    throw new TspodError(
      'NOT_FOUND',
      `--init-path "${initPath}": ${facts === undefined ? 'no such file or directory' : 'it is not a file'}`,
      { hint: 'leave it out, and tspod uses an init of its own' },
    )
  return { path: initPath }
}
