// Quadlet files to services of systemd (podman-systemd.unit(5)), the files seen together, since they refer to each other. Pure.
import { extname } from 'node:path/posix'
import { TspodError } from '#errors.ts'
import { UnitFile } from '#systemd/unit-file.ts'
import { draftBuild } from './build.ts'
import { containerName, draftContainer } from './container.ts'
import { type Draft, type SourceUnit, type Surroundings, type UnitInfo, wrong } from './draft.ts'
import { type Kind, type KindName, kindOf, kinds } from './kinds.ts'
import { draftKube } from './kube.ts'
import { draftPod, podName } from './pod.ts'
import { draftImage, draftNetwork, draftVolume, resourceName } from './resources.ts'

/** A service made from a file. */
export interface Service {
  /** `web.service` */
  name: string
  source: SourceUnit
  unit: UnitFile
}

export interface Translation {
  services: Service[]
  /** files that cannot be a service, each with the reason */
  failures: { source: SourceUnit; error: TspodError }[]
  /** a service that waits for the network of the machine, where one of the services wants it */
  networkWaiter: UnitFile | undefined
}

/** The user's manager does not know network-online.target; this stands for it. */
export const networkWaiterName = 'tspod-user-wait-network-online.service'

const dependencyKeys = `After Before BindsTo Conflicts OnFailure OnSuccess PartOf PropagatesReloadTo PropagatesStopTo
  ReloadPropagatedFrom Requires Requisite StopPropagatedFrom Upholds Wants`.split(/\s+/)

const drafts: Record<KindName, (draft: Draft) => void> = {
  container: draftContainer,
  volume: draftVolume,
  network: draftNetwork,
  image: draftImage,
  build: draftBuild,
  kube: draftKube,
  pod: draftPod,
}

/** Translates them all; one that cannot be does not keep the others. */
export function translateUnits(sources: readonly SourceUnit[], surroundings: Omit<Surroundings, 'known'>): Translation {
  const known = new Map(sources.map(source => [source.name, unitInfo(source)]))
  const services: Service[] = []
  const failures: Translation['failures'] = []
  for (const source of sources) {
    try {
      services.push(translateUnit(source, { ...surroundings, known }))
    } catch (error) {
      if (!(error instanceof TspodError)) throw error
      const { code, message, hint } = error
      failures.push({ source, error: new TspodError(code, `translating "${source.path}": ${message}`, { hint }) })
    }
  }
  const wants = services.some(({ unit }) => unit.words('Unit', 'After').includes(networkWaiterName))
  return { services, failures, networkWaiter: wants ? networkWaiter() : undefined }
}

function unitInfo(source: SourceUnit): UnitInfo {
  const kindName = kindOf(source.name)
  if (kindName === undefined) throw new TspodError('INTERNAL', `"${source.name}" is no Quadlet file`)
  const { group, suffix } = kinds[kindName]
  const base = source.unit.text(group, 'ServiceName') ?? source.name.slice(0, -extname(source.name).length) + suffix
  return {
    service: `${base}.service`,
    resource: resourceOf(source, kindName, base),
    ...(kindName === 'container' && { pod: podWithStart(source) }),
  }
}

/** The `.pod` file that starts this container with its own service. */
function podWithStart({ unit }: SourceUnit): string | undefined {
  return unit.boolean('Container', 'StartWithPod') === false ? undefined : unit.text('Container', 'Pod')
}

function resourceOf({ name, unit }: SourceUnit, kind: KindName, base: string): string | undefined {
  switch (kind) {
    case 'container': {
      const resolved = containerName(name, unit.text('Container', 'ContainerName')).replaceAll('%N', base)
      return resolved.includes('%') ? undefined : resolved
    }
    case 'volume':
      return unit.text('Volume', 'VolumeName') ?? resourceName(name)
    case 'network':
      return unit.text('Network', 'NetworkName') ?? resourceName(name)
    case 'image':
      return unit.text('Image', 'ImageTag') ?? unit.text('Image', 'Image')
    case 'build':
      return unit.all('Build', 'ImageTag')[0]
    case 'pod':
      return podName(name, unit.text('Pod', 'PodName'))
    case 'kube':
      return undefined
  }
}

function translateUnit(source: SourceUnit, surroundings: Surroundings): Service {
  const kindName = kindOf(source.name) as KindName
  const kind: Kind = kinds[kindName]
  requireKnownKeys(source, kind)
  const service = source.unit.clone()
  translateDependencies(service, surroundings.known)
  addDefaultDependencies(service, surroundings.isUser)
  service.add('Unit', 'SourcePath', source.path)
  service.add('Unit', 'RequiresMountsFor', '%t')
  service.rename(kind.group, `X-${kind.group}`)
  service.rename('Quadlet', 'X-Quadlet')
  drafts[kindName]({ ...surroundings, source, group: kind.group, service })
  return { name: surroundings.known.get(source.name)?.service ?? '', source, unit: service }
}

function requireKnownKeys({ unit }: SourceUnit, { group, keys }: Kind): void {
  if (!unit.hasGroup(group)) throw wrong(`there is no group [${group}]`)
  for (const [name, known] of [
    [group, keys],
    ['Quadlet', new Set(['DefaultDependencies'])],
  ] as const) {
    const unknown = unit.keys(name).find(key => !known.has(key))
    if (unknown !== undefined) throw wrong(`unsupported key '${unknown}' in group '${name}'`)
  }
}

/** Names of Quadlet files among the dependencies are those of their services. */
function translateDependencies(service: UnitFile, known: Surroundings['known']): void {
  for (const key of dependencyKeys) {
    const names = service.words('Unit', key)
    if (!names.some(name => kindOf(name) !== undefined)) continue
    const translated = names.map(name => {
      if (kindOf(name) === undefined) return name
      const info = known.get(name)
      if (info === undefined) throw wrong(`${key}=${name}: there is no Quadlet file "${name}"`)
      return info.service
    })
    service.set('Unit', key, translated.join(' '))
  }
}

function addDefaultDependencies(service: UnitFile, isUser: boolean): void {
  if (service.boolean('Quadlet', 'DefaultDependencies') === false) return
  const target = isUser ? networkWaiterName : 'network-online.target'
  service.prepend('Unit', 'After', target)
  service.prepend('Unit', 'Wants', target)
}

/** Waits for as long as the machine is still on its way to network-online.target; where nothing wants that, not at all. */
function networkWaiter(): UnitFile {
  return UnitFile.parse(
    `[Unit]
Description=Wait for the network of this machine
[Service]
Type=oneshot
RemainAfterExit=yes
TimeoutStartSec=90s
ExecStart=/bin/sh -c 'while systemctl list-jobs --no-legend | grep -q network-online.target; do sleep 0.2; done'
`,
    networkWaiterName,
  )
}
