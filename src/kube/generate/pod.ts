// Containers, pods and volumes that there are as objects of Kubernetes. Pure.
import type { PodRecord } from '#container/pod/record.ts'
import type { ContainerRecord } from '#container/record.ts'
import type { ContainerRequest } from '#container/request.ts'
import type { PortMapping } from '#network/ports/mapping.ts'
import { unfoldPorts } from '#network/ports/mapping.ts'
import { generateContainer, type KubeObject } from './container.ts'

/** What a pod is made of: a pod's members, or one container alone. */
export interface GeneratedSource {
  /** absent for a container alone */
  pod?: PodRecord
  infra?: ContainerRecord
  containers: ContainerRecord[]
}

export type GeneratedKind = 'pod' | 'deployment' | 'daemonset' | 'job'

export interface GenerateOptions {
  kind: GeneratedKind
  replicas?: number
  createdMs: number
  warn: (text: string) => void
}

/** Its name in the file: that of the pod; a container alone gets `-pod`. */
function podName({ pod, containers: [first] }: GeneratedSource): string {
  return pod?.name ?? `${first?.name ?? ''}-pod`
}

/** The object, of the kind that is wanted. */
export function generatePod(source: GeneratedSource, { kind, replicas, createdMs, warn }: GenerateOptions): KubeObject {
  const name = podName(source)
  const labels = { app: name, ...source.pod?.request.labels }
  const spec = podSpec(source, kind, warn)
  const metadata = { creationTimestamp: new Date(createdMs).toISOString().replace(/\.\d+Z$/, 'Z'), labels }
  const annotations = annotationsOf(source)
  const annotated = { ...metadata, ...(Object.keys(annotations).length > 0 && { annotations }) }
  if (kind === 'pod') return { apiVersion: 'v1', kind: 'Pod', metadata: { ...annotated, name }, spec }
  const template = { metadata: annotated, spec }
  const selector = { matchLabels: { app: name } }
  switch (kind) {
    case 'deployment':
      return {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { ...metadata, name: `${name}-deployment` },
        spec: { ...(replicas !== undefined && { replicas }), selector, template },
      }
    case 'daemonset':
      return {
        apiVersion: 'apps/v1',
        kind: 'DaemonSet',
        metadata: { ...metadata, name: `${name}-daemonset` },
        spec: { selector, template },
      }
    case 'job':
      return {
        apiVersion: 'batch/v1',
        kind: 'Job',
        metadata: { ...metadata, name: `${name}-job` },
        spec: { completions: 1, parallelism: 1, template },
      }
  }
}

/** A Service for what is published; `undefined` where that is nothing. `nodePort` gives the port of each. */
export function generateService(
  source: GeneratedSource,
  createdMs: number,
  nodePort: () => number,
): KubeObject | undefined {
  const name = podName(source)
  const ports = unfoldPorts(publishedOf(source))
  if (ports.length === 0) return undefined
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      creationTimestamp: new Date(createdMs).toISOString().replace(/\.\d+Z$/, 'Z'),
      labels: { app: name, ...source.pod?.request.labels },
      name,
    },
    spec: {
      ports: ports.map(({ containerPort, protocol }) => ({
        name: `${containerPort}${protocol === 'tcp' ? '' : `-${protocol}`}`,
        nodePort: nodePort(),
        port: containerPort,
        ...(protocol !== 'tcp' && { protocol: protocol.toUpperCase() }),
        targetPort: containerPort,
      })),
      selector: { app: name },
      type: 'NodePort',
    },
  }
}

/** A volume as the claim of one. */
export function generateClaim(volume: {
  name: string
  labels: Record<string, string>
  options: Record<string, string>
  createdMs: number
}): KubeObject {
  const { type, device, o } = volume.options
  const annotations = {
    'volume.podman.io/driver': 'local',
    ...(device !== undefined && { 'volume.podman.io/device': device }),
    ...(type !== undefined && { 'volume.podman.io/type': type }),
    ...(o !== undefined && { 'volume.podman.io/mount-options': o }),
  }
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      annotations,
      creationTimestamp: new Date(volume.createdMs).toISOString().replace(/\.\d+Z$/, 'Z'),
      ...(Object.keys(volume.labels).length > 0 && { labels: volume.labels }),
      name: volume.name,
    },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  }
}

function publishedOf({ infra, containers }: GeneratedSource): PortMapping[] {
  return infra?.ports ?? containers.flatMap(({ ports = [] }) => ports)
}

function podSpec(source: GeneratedSource, kind: GeneratedKind, warn: (text: string) => void): KubeObject {
  const { pod, infra, containers } = source
  const members = containers.filter(({ request }) => request.initCtr === undefined)
  const init = containers.filter(({ request }) => request.initCtr !== undefined)
  const volumes = new Map<string, KubeObject>()
  const made = (record: ContainerRecord, ports: readonly PortMapping[]) => {
    const generated = generateContainer(record, memberName(record, pod), ports, warn)
    for (const [name, volume] of generated.volumes) volumes.set(name, volume)
    return generated.container
  }
  const published = publishedOf(source)
  const holder = infra?.request ?? members[0]?.request
  return {
    ...(init.length > 0 && { initContainers: init.map(record => made(record, [])) }),
    // of all that a pod publishes nobody knows whose it is: its first container has it
    containers: members.map((record, index) => made(record, index === 0 ? published : [])),
    ...networkOf(holder, infra?.hostname ?? members[0]?.request.hostname, podName(source)),
    ...namespacesOf(pod, members),
    ...restartOf(members, kind),
    ...graceOf(members),
    ...(holder !== undefined &&
      Object.keys(holder.sysctls).length > 0 && {
        securityContext: { sysctls: Object.entries(holder.sysctls).map(([name, value]) => ({ name, value })) },
      }),
    ...(volumes.size > 0 && { volumes: [...volumes.values()] }),
  }
}

/** Without the pod's name before it, which a play puts there again. */
function memberName({ name }: ContainerRecord, pod: PodRecord | undefined): string {
  const prefix = `${pod?.name ?? ''}-`
  return pod !== undefined && name.startsWith(prefix) && name.length > prefix.length ? name.slice(prefix.length) : name
}

function networkOf(request: ContainerRequest | undefined, hostname: string | undefined, name: string): KubeObject {
  if (request === undefined) return {}
  const { dns, dnsSearch, dnsOptions, addHosts } = request
  const dnsConfig = {
    ...(dns.length > 0 && { nameservers: dns }),
    ...(dnsSearch.length > 0 && { searches: dnsSearch }),
    ...(dnsOptions.length > 0 && {
      options: dnsOptions.map(option => {
        const [key = '', ...value] = option.split(':')
        return { name: key, ...(value.length > 0 && { value: value.join(':') }) }
      }),
    }),
  }
  const aliases = addHosts.map(line => {
    const colon = line.indexOf(':')
    return { ip: line.slice(colon + 1), hostnames: line.slice(0, colon).split(';') }
  })
  const isOnHost = request.network.kind === 'host'
  return {
    ...(request.userns.kind === 'auto' && { hostUsers: false }),
    ...(isOnHost && { hostNetwork: true }),
    ...(!isOnHost && hostname !== undefined && hostname !== name && { hostname }),
    ...(aliases.length > 0 && { hostAliases: aliases }),
    ...(Object.keys(dnsConfig).length > 0 && { dnsConfig }),
  }
}

function namespacesOf(pod: PodRecord | undefined, members: readonly ContainerRecord[]): KubeObject {
  const onHost = (key: 'pid' | 'ipc') => members.some(({ request }) => request[key].kind === 'host')
  return {
    ...(onHost('pid') && { hostPID: true }),
    ...(onHost('ipc') && { hostIPC: true }),
    ...(pod?.request.share.includes('pid') === true && { shareProcessNamespace: true }),
  }
}

/** A container without a policy stays ended, and so must its pod. */
function restartOf(members: readonly ContainerRecord[], kind: GeneratedKind): KubeObject {
  if (kind === 'deployment' || kind === 'daemonset') return {}
  const names = new Set(members.map(({ request }) => request.restart?.name))
  if (kind === 'pod' && (names.has('always') || names.has('unless-stopped'))) return { restartPolicy: 'Always' }
  return { restartPolicy: names.has('on-failure') ? 'OnFailure' : 'Never' }
}

function graceOf(members: readonly ContainerRecord[]): KubeObject {
  const times = new Set(members.flatMap(({ request }) => request.stopTimeoutSeconds ?? []))
  const [first] = times
  return times.size === 1 && first !== undefined && first >= 0 ? { terminationGracePeriodSeconds: first } : {}
}

/** Ulimits and inits are annotations of podman's. */
function annotationsOf({ infra, containers }: GeneratedSource): Record<string, string> {
  const ulimits = containers.map(({ request }) => request.ulimits).find(list => list.length > 0)
  return {
    ...infra?.request.annotations,
    ...Object.assign({}, ...containers.map(({ request }) => request.annotations)),
    ...(ulimits !== undefined && { 'io.podman.annotations.ulimit': ulimits.join(',') }),
    ...Object.fromEntries(
      containers
        .filter(({ request }) => request.init)
        .map(({ name }) => [`io.podman.annotations.init/${name}`, 'TRUE']),
    ),
  }
}
