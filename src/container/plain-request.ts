// A request that asks for nothing: what those begin with who make containers without a command line. Pure.
import type { ContainerRequest } from './request.ts'

/** Private namespaces, the default network, no limits; what containers.conf may decide is left to it. */
export function plainRequest(): ContainerRequest {
  return {
    unsaid: ['envHost', 'httpProxy', 'init', 'noHosts', 'privileged', 'readOnly', 'pid', 'ipc', 'uts', 'cgroupns'],
    command: [],
    env: [],
    envFiles: [],
    envHost: false,
    envMerge: [],
    unsetEnv: [],
    unsetEnvAll: false,
    httpProxy: true,
    groupAdd: [],
    labels: {},
    annotations: {},
    interactive: false,
    tty: false,
    remove: false,
    detach: false,
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

/** The request with these fields, which containers.conf decides nothing about any more. */
export function requestWith(said: Partial<ContainerRequest>): ContainerRequest {
  const plain = plainRequest()
  return { ...plain, ...said, unsaid: plain.unsaid.filter(field => said[field] === undefined) }
}
