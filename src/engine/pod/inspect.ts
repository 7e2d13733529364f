// pod inspect: all that is known of a pod, in podman's words (podman-pod-inspect(1)). Takes no lock.
import type { PodRecord } from '#container/pod/record.ts'
import { readRecord } from '#container/record.ts'
import type { ContainerRequest } from '#container/request.ts'
import { portBindings } from '#engine/container/inspect-network.ts'
import type { InspectObject } from '#engine/contracts/container.ts'
import type { PodName, PodSummary } from '#engine/contracts/pod.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { findPod, membersOf } from './find.ts'
import { summarize } from './list.ts'

/** The verb, of one. Throws NOT_FOUND. */
export async function inspectPod(name: PodName): Promise<InspectObject> {
  const engine = await openEngine()
  const pod = findPod(engine, name)
  const members = membersOf(engine, pod)
  return describe(engine, pod, summarize(engine, pod, members))
}

/** podman's names of namespaces, in its order. */
const shown = ['uts', 'ipc', 'net', 'pid', 'cgroup'] as const

function describe(engine: Engine, pod: PodRecord, summary: PodSummary): InspectObject {
  const { id, name, createdMs, request, infraId } = pod
  const { infra } = request
  return {
    Id: id,
    Name: name,
    Created: new Date(createdMs).toISOString(),
    ...(request.createCommand !== undefined && { CreateCommand: [process.argv0, ...request.createCommand] }),
    ExitPolicy: request.exitPolicy,
    State: capital(summary.status),
    Hostname: infra === undefined ? '' : (infra.hostname ?? name),
    ...(Object.keys(request.labels).length > 0 && { Labels: request.labels }),
    CreateCgroup: false,
    ...(request.cgroupParent !== undefined && { CgroupParent: request.cgroupParent }),
    CreateInfra: infraId !== undefined,
    ...(infraId !== undefined &&
      infra !== undefined && {
        InfraContainerID: infraId,
        InfraConfig: describeInfra(engine, pod, infra),
        SharedNamespaces: shown.filter(each => request.share.includes(each)),
      }),
    ...(request.restart !== undefined && {
      RestartPolicy: request.restart.name,
    }),
    NumContainers: summary.containers.length,
    ...(summary.containers.length > 0 && {
      Containers: summary.containers.map(member => ({ Id: member.id, Name: member.name, State: member.status })),
    }),
    ...(infra !== undefined && infra.mounts.length > 0 && { Mounts: mountsOf(engine, pod) }),
  }
}

function describeInfra({ graphRoot, config }: Engine, { infraId }: PodRecord, infra: ContainerRequest): InspectObject {
  const { network, dns, dnsSearch, dnsOptions, addHosts, noHosts } = infra
  const ports = infraId === undefined ? undefined : readRecord(graphRoot, infraId).ports
  const wishes = network.kind === 'networks' ? network.networks : []
  const names = wishes.map(({ name }) => (name === 'bridge' ? config.network.defaultNetwork : name))
  return {
    PortBindings: portBindings(ports),
    HostNetwork: network.kind === 'host',
    StaticIP: wishes[0]?.ip ?? '',
    StaticMAC: wishes[0]?.mac ?? '',
    NoManageResolvConf: false,
    DNSServer: orNull(dns),
    DNSSearch: orNull(dnsSearch),
    DNSOption: orNull(dnsOptions),
    NoManageHosts: noHosts,
    HostAdd: orNull(addHosts),
    Networks: orNull(names),
    NetworkOptions: 'options' in network && network.options.length > 0 ? { [network.kind]: network.options } : null,
    pid_ns: infra.pid.kind,
    userns: infra.userns.kind === 'default' ? 'private' : infra.userns.kind,
    uts_ns: infra.uts.kind,
  }
}

function mountsOf({ graphRoot }: Engine, { infraId }: PodRecord): InspectObject[] {
  if (infraId === undefined) return []
  return readRecord(graphRoot, infraId).mounts.map(({ type, name, source, destination, options, readWrite }) => ({
    Type: type,
    ...(name !== undefined && { Name: name }),
    Source: source,
    Destination: destination,
    Options: options,
    RW: readWrite,
  }))
}

function orNull<T>(list: readonly T[]): readonly T[] | null {
  return list.length === 0 ? null : list
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}
