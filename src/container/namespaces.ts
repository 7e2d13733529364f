// Which namespaces a container makes, joins or shares with the host. Pure.
import { TspodError } from '#errors.ts'
import type { NamespaceSpec, NamespaceType } from '#oci/runtime-spec.ts'
import type { PlanInputs } from './inputs.ts'
import type { NamespaceMode } from './request.ts'

type Inputs = Pick<PlanInputs, 'request' | 'joined' | 'network' | 'userNamespace'>

/** The namespaces of a spec, in the order crun and runc list them; one that is shared with the host is absent. */
export function planNamespaces({ request, joined, network, userNamespace }: Inputs): NamespaceSpec[] {
  const namespaces: NamespaceSpec[] = []
  const add = (type: NamespaceType, mode: NamespaceMode['kind'], path: string | undefined) => {
    if (mode === 'host') return
    if (mode === 'private') namespaces.push({ type })
    else if (path !== undefined) namespaces.push({ type, path })
    else throw new TspodError('INTERNAL', `the ${type} namespace to join was not looked up`)
  }
  const kindOfUser = userNamespace.kind === 'new' ? 'private' : userNamespace.kind === 'join' ? 'path' : 'host'
  add('user', kindOfUser, joined.user)
  add('pid', request.pid.kind, joined.pid)
  add('network', network === 'host' ? 'host' : network === 'joined' ? 'path' : 'private', joined.network)
  add('ipc', request.ipc.kind, joined.ipc)
  add('uts', request.uts.kind, joined.uts)
  add('cgroup', request.cgroupns.kind, joined.cgroup)
  namespaces.push({ type: 'mount' })
  return namespaces
}
