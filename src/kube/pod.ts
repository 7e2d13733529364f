// A pod's specification as the requests that make the pod and its containers. Pure.

import { requestWith } from '#container/plain-request.ts'
import type { PodNamespace, PodRequest } from '#container/pod/request.ts'
import type { ContainerRequest, NetworkRequest, NetworkWish } from '#container/request.ts'
import type { RestartPolicy } from '#container/restart-policy.ts'
import { planContainer } from './container.ts'
import type { KubeField } from './field.ts'
import type { PlayInputs, PodPlan } from './inputs.ts'
import type { Metadata } from './metadata.ts'
import { planPorts } from './ports.ts'
import { podSysctls } from './security.ts'
import { planVolumes } from './volumes.ts'

/** The network of pods that say nothing; podman's name for it. */
export const defaultNetwork = 'podman-default-kube-network'

/** The pods that a template is to become. */
export interface PodTemplate {
  metadata: Metadata
  spec: KubeField
  /** of a template without `restartPolicy`, and how often a failure is tried again */
  restart: { usual: 'Always' | 'OnFailure' | 'Never'; retries?: number }
}

const rules = {
  honoured: `containers initContainers volumes restartPolicy terminationGracePeriodSeconds hostname hostAliases dnsConfig
    dnsPolicy hostNetwork hostPID hostIPC hostUsers shareProcessNamespace securityContext os`,
  // there is one machine, and it has no scheduler and no API server
  idle: `nodeName nodeSelector affinity tolerations topologySpreadConstraints schedulerName schedulingGates priority
    priorityClassName preemptionPolicy overhead enableServiceLinks automountServiceAccountToken`,
  warned: {
    serviceAccountName: 'there is no API server',
    serviceAccount: 'there is no API server',
    imagePullSecrets: '`tspod login` or --creds says how to reach a registry',
    readinessGates: 'there is no service that would wait for it',
    setHostnameAsFQDN: 'put the full name into "hostname"',
    subdomain: 'put the full name into "hostname"',
    activeDeadlineSeconds: 'pods run for as long as they do',
  },
  refused: {
    runtimeClassName: 'there is one runtime',
    ephemeralContainers: '`tspod exec` looks into a container',
    resources: 'say what each container may use',
    resourceClaims: 'there are no devices to be claimed',
    hostnameOverride: 'use "hostname"',
  },
}

/** `index` counts the pods of a play. Throws naming the field. */
export function planPod({ metadata, spec, restart }: PodTemplate, index: number, inputs: PlayInputs): PodPlan {
  const { warn } = inputs
  const { name } = metadata
  spec.check(rules, warn)
  spec.object('os')?.choice('name', ['linux'])
  for (const key of Object.keys(metadata.annotations).filter(isForeignAnnotation))
    warn(`${spec.place}: the annotation "${key}" is kept, and does nothing`)
  const containers = spec.objects('containers')
  if (containers.length === 0) throw spec.error('has no containers')
  const initContainers = spec.objects('initContainers')
  requireDistinctNames([...initContainers, ...containers])
  const volumes = planVolumes(name, spec, inputs)
  const parts = { metadata, spec, volumes, restart: restartOf(spec, restart) }
  const initCtr = metadata.annotations[initTypeAnnotation] === 'always' ? 'always' : 'once'
  return {
    name,
    request: planPodRequest(metadata, spec, containers, index, inputs),
    containers: [
      ...initContainers.map(container => planContainer(container, { ...parts, initCtr }, inputs)),
      ...containers.map(container => planContainer(container, parts, inputs)),
    ],
    hostPaths: volumes.hostPaths,
    volumes: volumes.own,
  }
}

const initTypeAnnotation = 'io.podman.annotations.init.container.type'

/** podman's own among the annotations that tspod has no meaning for. */
function isForeignAnnotation(key: string): boolean {
  return (
    key.startsWith('io.podman.annotations.') &&
    key !== initTypeAnnotation &&
    !/^io\.podman\.annotations\.(ulimit|init\/.+)$/.test(key)
  )
}

function requireDistinctNames(containers: readonly KubeField[]): void {
  const seen = new Set<string>()
  for (const container of containers) {
    const name = container.neededText('name')
    if (seen.has(name)) throw container.needed('name').error(`is "${name}": there is another container of this name`)
    seen.add(name)
  }
}

function restartOf(spec: KubeField, { usual, retries }: PodTemplate['restart']): RestartPolicy | undefined {
  switch (spec.choice('restartPolicy', ['Always', 'OnFailure', 'Never']) ?? usual) {
    case 'Always':
      return { name: 'always' }
    case 'OnFailure':
      return { name: 'on-failure', ...(retries !== undefined && retries > 0 && { maximumRetries: retries }) }
    case 'Never':
      return undefined
  }
}

function planPodRequest(
  metadata: Metadata,
  spec: KubeField,
  containers: readonly KubeField[],
  index: number,
  inputs: PlayInputs,
): PodRequest {
  const isOnHost = spec.boolean('hostNetwork') === true
  const share: PodNamespace[] = [
    ...(spec.boolean('hostIPC') === true ? [] : ['ipc' as const]),
    'net',
    ...(spec.boolean('shareProcessNamespace') === true && spec.boolean('hostPID') !== true ? ['pid' as const] : []),
    ...(isOnHost ? [] : ['uts' as const]),
  ]
  const { shape } = inputs
  return {
    name: metadata.name,
    labels: metadata.labels,
    share,
    infra: requestWith({
      labels: metadata.labels,
      annotations: { ...metadata.annotations, ...shape.annotations },
      ...(isOnHost ? { uts: { kind: 'host' as const } } : { hostname: spec.text('hostname') ?? metadata.name }),
      network: networkOf(metadata, spec, index, inputs),
      publish: isOnHost ? [] : planPorts(containers, inputs),
      ...namesOf(spec, inputs),
      sysctls: podSysctls(spec, inputs.warn),
      ...usernsOf(spec, inputs),
      sdnotify: 'ignore',
    }),
    exitPolicy: 'stop',
    shareParent: true,
    replace: false,
  }
}

function networkOf({ name }: Metadata, spec: KubeField, index: number, { shape }: PlayInputs): NetworkRequest {
  const { network, ips, macs } = shape
  if (spec.boolean('hostNetwork') === true) return { kind: 'host' }
  const asked: NetworkRequest = network ?? { kind: 'networks', networks: [{ name: defaultNetwork, aliases: [] }] }
  if (asked.kind !== 'networks') return asked
  const address = ips[index]
  const mac = macs[index]
  const placed = (wish: NetworkWish, isFirst: boolean): NetworkWish => ({
    ...wish,
    aliases: [...wish.aliases, ...(wish.aliases.includes(name) ? [] : [name])],
    ...(isFirst && address !== undefined && (address.includes(':') ? { ip6: address } : { ip: address })),
    ...(isFirst && mac !== undefined && { mac }),
  })
  return { kind: 'networks', networks: asked.networks.map((wish, at) => placed(wish, at === 0)) }
}

/** Name servers and lines of /etc/hosts. */
function namesOf(
  spec: KubeField,
  { shape, warn }: PlayInputs,
): Pick<ContainerRequest, 'dns' | 'dnsSearch' | 'dnsOptions' | 'addHosts'> & { noHosts?: boolean } {
  const aliases = spec.objects('hostAliases')
  if (shape.noHosts && aliases[0] !== undefined) throw aliases[0].error('will not work with --no-hosts')
  const addHosts = aliases.flatMap(alias => {
    alias.check({ honoured: 'ip hostnames' }, warn)
    const ip = alias.neededText('ip')
    return alias.texts('hostnames').map(host => `${host}:${ip}`)
  })
  const dns = spec.objectOrEmpty('dnsConfig')
  dns.check({ honoured: 'nameservers searches options' }, warn)
  const policy = spec.choice('dnsPolicy', ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'])
  if (policy === 'None' && dns.texts('nameservers').length === 0)
    throw spec.needed('dnsPolicy').error('is "None", which needs "dnsConfig.nameservers"')
  return {
    addHosts,
    ...(shape.noHosts && { noHosts: true }),
    dns: dns.texts('nameservers'),
    dnsSearch: dns.texts('searches'),
    dnsOptions: dns.objects('options').map(option => {
      option.check({ honoured: 'name value' }, warn)
      const value = option.text('value')
      return value === undefined ? option.neededText('name') : `${option.neededText('name')}:${value}`
    }),
  }
}

/** `hostUsers: false` asks for ids of the pod's own. */
function usernsOf(spec: KubeField, { shape }: PlayInputs): Pick<Partial<ContainerRequest>, 'userns'> {
  if (shape.userns !== undefined) return { userns: shape.userns }
  return spec.boolean('hostUsers') === false ? { userns: { kind: 'auto' } } : {}
}
