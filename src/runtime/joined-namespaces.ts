// Namespaces of others that a container is in: opened in the command line, joined by the stager.
import { during, errnoOf, SystemCallError, TspodError } from '#errors.ts'
import type { LinuxSpec, NamespaceType } from '#oci/runtime-spec.ts'
import { type Fd, openFile } from '#sys/fd.ts'
import { O_RDONLY } from '#sys/flags.ts'
import { call } from '#sys/servant/batch.ts'
import type { Servant } from '#sys/servant/servant.ts'
import { planNamespaces } from './plan/namespaces.ts'

export interface JoinedNamespace {
  type: NamespaceType
  /** Its file, `/proc/PID/ns/net`. */
  path: string
  flag: number
  fd: Fd
}

/** Those of the spec, in the order in which they can be joined. Throws, naming it, where one cannot be opened. */
export function openJoinedNamespaces(linux: LinuxSpec, resources: DisposableStack): JoinedNamespace[] {
  return planNamespaces(linux).join.map(namespace => {
    try {
      return { ...namespace, fd: resources.use(openFile(namespace.path, O_RDONLY)) }
    } catch (error) {
      throw during(joining(namespace), error)
    }
  })
}

/** setns(2) to each. Throws INVALID for a file that is none of such a namespace. */
export function joinNamespaces(stager: Servant, joined: readonly JoinedNamespace[]): void {
  if (joined.length === 0) return
  try {
    stager.do(joined.map(({ fd, flag }) => call('setns', fd.number, flag)))
  } catch (error) {
    const failed = error instanceof SystemCallError ? joined[error.callIndex ?? -1] : undefined
    if (failed === undefined) throw error
    if (errnoOf(error) !== 'EINVAL') throw during(joining(failed), error)
    throw new TspodError('INVALID', `${joining(failed)}: it is no file of a ${failed.type} namespace`, { cause: error })
  }
}

function joining({ type, path }: Pick<JoinedNamespace, 'type' | 'path'>): string {
  return `joining the ${type} namespace "${path}"`
}
