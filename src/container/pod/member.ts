// A container that is asked for in a pod: its request with what it shares with the pod's infra container, and what it cannot ask for then
// (podman-run(1), --pod). Pure.
import type { ContainerRequest, NamespaceMode, NetworkRequest } from '#container/request.ts'
import { TspodError } from '#errors.ts'
import type { PodRecord } from './record.ts'
import type { PodNamespace } from './request.ts'

/** The member's request as a container of its own would be asked for. Throws INVALID, in podman's words, for what is the pod's to say. */
export function planMember(asked: ContainerRequest, pod: PodRecord): ContainerRequest {
  const { request, infraId } = pod
  checkUserNamespace(asked)
  const common: ContainerRequest = {
    ...asked,
    pod: pod.id,
    restart: asked.restart ?? (asked.remove || asked.initCtr !== undefined ? undefined : request.restart),
    devices: [...(request.infra?.devices ?? []), ...asked.devices],
    securityOpts: [...(request.infra?.securityOpts ?? []), ...asked.securityOpts],
    cgroupParent: asked.cgroupParent ?? (request.shareParent ? request.cgroupParent : undefined),
  }
  if (infraId === undefined) return common
  const infra = { kind: 'container' as const, container: infraId }
  const shares = (namespace: PodNamespace) => request.share.includes(namespace)
  const withVolumes = hasVolumes(pod) ? [infraId, ...common.volumesFrom] : common.volumesFrom
  if (request.share.length === 0) return { ...common, volumesFrom: withVolumes }
  /** What was asked for by name wins; the host's is the same for all. */
  const modeOf = (field: 'pid' | 'ipc' | 'uts' | 'cgroupns', namespace: PodNamespace): NamespaceMode => {
    if (!asked.unsaid.includes(field) || !shares(namespace)) return asked[field]
    return request.infra?.[field].kind === 'host' ? { kind: 'host' } : infra
  }
  const joined = {
    pid: modeOf('pid', 'pid'),
    ipc: modeOf('ipc', 'ipc'),
    uts: modeOf('uts', 'uts'),
    cgroupns: modeOf('cgroupns', 'cgroup'),
    network: asked.network.kind === 'default' && shares('net') ? networkOf(pod, infra) : asked.network,
  }
  if (shares('net')) checkNetwork(asked)
  if (joined.uts === infra && asked.hostname !== undefined)
    throw invalid('cannot set hostname when joining the pod UTS namespace: invalid configuration', '--hostname')
  const decided = new Set<string>(
    (['pid', 'ipc', 'uts', 'cgroupns'] as const).filter(name => joined[name] !== asked[name]),
  )
  return {
    ...common,
    ...joined,
    // whoever shares a namespace is in the user namespace that owns it
    userns: infra,
    unsaid: asked.unsaid.filter(field => !decided.has(field)),
    volumesFrom: withVolumes,
  }
}

function networkOf({ request }: PodRecord, infra: Extract<NetworkRequest, { kind: 'container' }>): NetworkRequest {
  return request.infra?.network.kind === 'host' ? { kind: 'host' } : infra
}

function hasVolumes({ request }: PodRecord): boolean {
  return (request.infra?.mounts.length ?? 0) > 0 || (request.infra?.volumesFrom.length ?? 0) > 0
}

function checkUserNamespace({ userns, uidMap, gidMap }: ContainerRequest): void {
  if (userns.kind !== 'default' || uidMap.length > 0 || gidMap.length > 0)
    throw new TspodError('INVALID', '--userns and --pod cannot be set together', {
      hint: 'the user namespace is that of the pod: give --userns to `tspod pod create`',
    })
}

const shared = 'network cannot be configured when it is shared with a pod'

function checkNetwork(asked: ContainerRequest): void {
  if (asked.publish.length > 0 || asked.publishAll)
    throw invalid(`published or exposed ports must be defined when the pod is created: ${shared}`, '--publish')
  if (asked.network.kind === 'networks')
    throw invalid(`networks must be defined when the pod is created: ${shared}`, '--network')
  if (asked.addHosts.length > 0)
    throw invalid(`extra host entries must be specified on the pod: ${shared}`, '--add-host')
}

function invalid(text: string, option: string): TspodError {
  return new TspodError('INVALID', `invalid config provided: ${text}`, {
    hint: `give ${option} to \`tspod pod create\``,
  })
}

/** A member's request split for `--pod new:NAME`: what the new pod takes from it, and what stays. */
export function splitForNewPod(asked: ContainerRequest): {
  member: ContainerRequest
  infra: Pick<
    ContainerRequest,
    | 'network'
    | 'publish'
    | 'publishAll'
    | 'portFallback'
    | 'addHosts'
    | 'noHosts'
    | 'dns'
    | 'dnsSearch'
    | 'dnsOptions'
    | 'hostname'
    | 'userns'
    | 'uidMap'
    | 'gidMap'
  >
} {
  const { network, publish, portFallback, addHosts, noHosts, dns, dnsSearch, dnsOptions } = asked
  const { hostname, userns, uidMap, gidMap } = asked
  if (asked.publishAll)
    throw invalid(`published or exposed ports must be defined when the pod is created: ${shared}`, '--publish')
  const member: ContainerRequest = {
    ...asked,
    network: { kind: 'default' },
    publish: [],
    addHosts: [],
    dns: [],
    dnsSearch: [],
    dnsOptions: [],
    userns: { kind: 'default' },
    uidMap: [],
    gidMap: [],
  }
  delete member.hostname
  return {
    member,
    infra: {
      network,
      publish,
      publishAll: false,
      portFallback,
      addHosts,
      noHosts,
      dns,
      dnsSearch,
      dnsOptions,
      ...(hostname !== undefined && { hostname }),
      userns,
      uidMap,
      gidMap,
    },
  }
}
