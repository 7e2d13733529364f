// The infra container of a pod: an ordinary container that keeps the namespaces of the others, as `create` would be asked for it. Pure.
import type { ContainerRequest, NetworkRequest } from '#container/request.ts'
import { TspodError } from '#errors.ts'
import type { PodId } from './record.ts'
import type { PodRequest } from './request.ts'

/** A request that asks for nothing: what options and kinds of pods add to it is theirs. */
export function bareRequest(): ContainerRequest {
  return {
    unsaid: ['pid', 'ipc', 'uts', 'cgroupns', 'noHosts'],
    command: [],
    env: [],
    envFiles: [],
    envHost: false,
    envMerge: [],
    unsetEnv: [],
    unsetEnvAll: false,
    httpProxy: false,
    groupAdd: [],
    labels: {},
    annotations: {},
    interactive: false,
    tty: false,
    remove: false,
    detach: true,
    init: false,
    privileged: false,
    readOnly: false,
    readOnlyTmpfs: true,
    capAdd: [],
    capDrop: [],
    securityOpts: [],
    sysctls: {},
    ulimits: [],
    devices: [],
    mounts: [],
    volumesFrom: [],
    imageVolumes: 'anonymous',
    userns: { kind: 'default' },
    uidMap: [],
    gidMap: [],
    pid: { kind: 'private' },
    ipc: { kind: 'private' },
    uts: { kind: 'private' },
    cgroupns: { kind: 'private' },
    network: { kind: 'default' },
    dns: [],
    dnsSearch: [],
    dnsOptions: [],
    addHosts: [],
    noHosts: false,
    noHostname: false,
    publish: [],
    publishAll: false,
    portFallback: false,
    expose: [],
    logOpts: {},
    replace: false,
    pull: 'missing',
    hooksDirs: [],
    preserveFds: 0,
    passwd: true,
    hostUsers: [],
  }
}

/** The request the infra container is made from. `pauseImage` is the built-in one's name. */
export function planInfra(pod: { id: PodId; name: string; request: PodRequest }, pauseImage: string): ContainerRequest {
  const { infra = bareRequest(), cgroupParent, createCommand, monitorPidFile } = pod.request
  const hasHostname = infra.hostname !== undefined || infra.uts.kind === 'host' || infra.network.kind === 'host'
  return {
    ...infra,
    name: infra.name ?? `${pod.id.slice(0, 12)}-infra`,
    ...(infra.image === undefined && infra.rootfs === undefined && { image: pauseImage }),
    ...(hasHostname ? {} : { hostname: pod.name }),
    network: withAlias(infra.network, pod.name),
    ...(cgroupParent !== undefined && { cgroupParent }),
    ...(createCommand !== undefined && { createCommand }),
    ...(monitorPidFile !== undefined && { monitorPidFile }),
    remove: false,
    detach: true,
  }
}

/** On networks of the user's it is found by the pod's name. */
function withAlias(network: NetworkRequest, alias: string): NetworkRequest {
  if (network.kind !== 'networks') return network
  return { ...network, networks: network.networks.map(wish => ({ ...wish, aliases: [...wish.aliases, alias] })) }
}

/** Throws INVALID, in podman's words, for what does not go together. */
export function checkPodRequest({ infra, share, replace, name }: PodRequest): void {
  if (replace && name === undefined) throw new TspodError('INVALID', 'cannot replace pod without --name being set')
  if (infra === undefined && share.length > 0)
    throw new TspodError('INVALID', 'cannot set share(s) without an infra container', {
      hint: 'the infra container is who has the namespaces that are shared',
    })
  if (infra?.network.kind === 'host' && infra.publish.length > 0)
    throw new TspodError(
      'INVALID',
      'published ports must not be asked for with --network host: there, every port is that of this machine',
    )
}
