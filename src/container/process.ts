// What a container runs, where and as whom it is called: command, folder, host name. Pure.
import { posix } from 'node:path'
import { TspodError } from '#errors.ts'
import type { ImageDefaults, JoinedNamespaces } from './inputs.ts'
import type { ContainerRequest } from './request.ts'

/** Where the init program is bound, for --init. */
export const initDestination = '/dev/init'

/** Entrypoint and command as docker combines them: a new --entrypoint drops the image's command. INVALID when nothing is left. */
export function planArguments(
  request: Pick<ContainerRequest, 'entrypoint' | 'command' | 'init'>,
  image: Pick<ImageDefaults, 'entrypoint' | 'command'>,
): string[] {
  const entrypoint = (request.entrypoint ?? image.entrypoint ?? []).filter((each, index) => index > 0 || each !== '')
  const imageCommand = request.entrypoint === undefined ? (image.command ?? []) : []
  const args = [...entrypoint, ...(request.command.length > 0 ? request.command : imageCommand)]
  if (args.length === 0)
    throw new TspodError('INVALID', 'no command or entrypoint provided, and no CMD or ENTRYPOINT from image', {
      hint: 'name a program after the image, such as sh',
    })
  return request.init ? [initDestination, '--', ...args] : args
}

/** The first folder; --workdir must be absolute, an image's relative one is taken from the root. */
export function planWorkdir(request: Pick<ContainerRequest, 'workdir'>, image: Pick<ImageDefaults, 'workdir'>): string {
  if (request.workdir !== undefined && !request.workdir.startsWith('/'))
    throw new TspodError(
      'INVALID',
      `the working directory "${request.workdir}" is invalid, it needs to be an absolute path`,
    )
  return posix
    .normalize(`/${request.workdir ?? image.workdir ?? ''}`)
    .replace(/^\/+/, '/')
    .replace(/(?<=.)\/$/, '')
}

/** The host name that the container's own UTS namespace gets; `undefined` where it shares another's. */
export function planHostname(
  id: string,
  request: Pick<ContainerRequest, 'hostname' | 'uts'>,
  joined: Pick<JoinedNamespaces, 'uts'>,
): string | undefined {
  const isShared = request.uts.kind === 'host' || joined.uts !== undefined
  if (isShared && request.hostname !== undefined)
    throw new TspodError(
      'INVALID',
      `cannot set hostname "${request.hostname}" when sharing the UTS namespace of ${request.uts.kind === 'host' ? 'the host' : 'a container'}`,
    )
  if (isShared) return undefined
  const hostname = request.hostname ?? id.slice(0, 12)
  if (hostname === '' || hostname.length > 64 || !/^[^\s/]+$/.test(hostname))
    throw new TspodError(
      'INVALID',
      `the hostname "${hostname}" is invalid, must be 1 to 64 characters without spaces and slashes`,
    )
  return hostname
}
