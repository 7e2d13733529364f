// The small init of --init: which program it is, on the host.
import { TspodError } from '#errors.ts'
import type { ContainerRequest } from '#container/request.ts'
import { findProgram } from '#host/helper-programs.ts'

/** `--init-path`, else catatonit or tini where one is installed. */
export function initProgram(request: ContainerRequest, _folder: string): string {
  const found = request.initPath ?? findProgram('catatonit') ?? findProgram('tini')
  if (found === undefined)
    throw new TspodError('NOT_FOUND', '--init: no init program is installed', {
      hint: 'install the package catatonit or tini, or name a program with --init-path',
    })
  return found
}
