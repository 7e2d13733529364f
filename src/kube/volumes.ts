// `volumes` of a pod, and where its containers mount them. Pure.
import { posix } from 'node:path'
import type { MountRequest } from '#container/request.ts'
import { findData } from './environment.ts'
import type { KubeField } from './field.ts'
import type { HostPathCheck, PlayInputs, PodVolume } from './inputs.ts'
import { quantityOf } from './quantity.ts'

/** Where a volume of a pod comes from. */
export type VolumeSource =
  | { kind: 'path'; path: string }
  | { kind: 'device'; path: string }
  /** lasts: of a claim, or of a hostPath without a slash */
  | { kind: 'named'; name: string; readOnly: boolean }
  /** goes with the pod */
  | { kind: 'own'; name: string; readOnly: boolean }
  | { kind: 'memory'; size?: number; users: number }
  | { kind: 'image'; image: string }
  /** optional, and not there: is not mounted */
  | { kind: 'absent' }

export interface PodVolumes {
  sources: ReadonlyMap<string, VolumeSource>
  hostPaths: HostPathCheck[]
  own: PodVolume[]
}

const kinds = 'hostPath emptyDir persistentVolumeClaim configMap secret image'
const unsupported =
  `awsElasticBlockStore azureDisk azureFile cephfs cinder csi downwardAPI ephemeral fc flexVolume flocker
  gcePersistentDisk gitRepo glusterfs iscsi nfs photonPersistentDisk portworxVolume projected quobyte rbd scaleIO storageos
  vsphereVolume`.split(/\s+/)
const rules = {
  honoured: `name ${kinds}`,
  refused: Object.fromEntries(unsupported.map(kind => [kind, `use one of ${kinds.replaceAll(' ', ', ')}`])),
}

/** Throws naming the field; `spec` is that of the pod. */
export function planVolumes(pod: string, spec: KubeField, inputs: PlayInputs): PodVolumes {
  const sources = new Map<string, VolumeSource>()
  const plan: PodVolumes = { sources, hostPaths: [], own: [] }
  for (const volume of spec.objects('volumes')) {
    volume.check(rules, inputs.warn)
    const name = volume.neededText('name')
    if (sources.has(name)) throw volume.needed('name').error(`is "${name}": there is another volume of this name`)
    sources.set(name, sourceOf(pod, name, volume, spec, plan, inputs))
  }
  return plan
}

function sourceOf(
  pod: string,
  name: string,
  volume: KubeField,
  spec: KubeField,
  plan: PodVolumes,
  inputs: PlayInputs,
): VolumeSource {
  const given = kinds.split(' ').filter(kind => volume.child(kind) !== undefined)
  // as Kubernetes has it, a volume of nothing is an empty one
  const kind = given[0] ?? 'emptyDir'
  if (given.length > 1) throw volume.error(`has more than one of ${given.join(', ')}`)
  const source = volume.objectOrEmpty(kind)
  const own = `${pod}-${name}`
  switch (kind) {
    case 'hostPath':
      return hostPath(source, plan, inputs)
    case 'persistentVolumeClaim':
      source.check({ honoured: 'claimName readOnly' }, inputs.warn)
      return { kind: 'named', name: source.neededText('claimName'), readOnly: source.boolean('readOnly') ?? false }
    case 'image':
      source.check({ honoured: 'reference', idle: 'pullPolicy' }, inputs.warn)
      return { kind: 'image', image: source.neededText('reference') }
    case 'configMap':
    case 'secret': {
      const files = filesOf(kind, source, inputs)
      if (files === undefined) return { kind: 'absent' }
      plan.own.push({ name: own, place: volume.place, files })
      return { kind: 'own', name: own, readOnly: true }
    }
    default:
      return emptyFolder(own, name, source, volume, spec, plan, inputs)
  }
}

function emptyFolder(
  own: string,
  name: string,
  source: KubeField,
  volume: KubeField,
  spec: KubeField,
  plan: PodVolumes,
  { warn }: PlayInputs,
): VolumeSource {
  source.check({ honoured: 'medium sizeLimit' }, warn)
  const limit = source.child('sizeLimit')
  const size = limit === undefined ? undefined : quantityOf(limit)
  if (source.choice('medium', ['', 'Memory']) !== 'Memory') {
    if (limit !== undefined) warn(`${limit.place} is passed over: folders on disk have no limit`)
    plan.own.push({ name: own, place: volume.place })
    return { kind: 'own', name: own, readOnly: false }
  }
  const users = ['containers', 'initContainers']
    .flatMap(key => spec.objects(key))
    .filter(container => container.objects('volumeMounts').some(mount => mount.text('name') === name)).length
  if (users > 1)
    throw source
      .needed('medium')
      .error(
        'is "Memory": one of several containers is not supported',
        'UNSUPPORTED',
        'leave "medium" out, or mount it in one container',
      )
  return { kind: 'memory', ...(size !== undefined && { size }), users }
}

const pathTypes = [
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
  'CharDevice',
  'BlockDevice',
] as const

function hostPath(source: KubeField, plan: PodVolumes, { warn }: PlayInputs): VolumeSource {
  source.check({ honoured: 'path type' }, warn)
  const path = source.neededText('path')
  const type = source.text('type') === '' ? undefined : source.choice('type', pathTypes)
  // podman takes a word for the name of a volume
  if (!path.includes('/')) return { kind: 'named', name: path, readOnly: false }
  if (!path.startsWith('/')) throw source.needed('path').error(`is "${path}", must be an absolute path`)
  if (type !== undefined) plan.hostPaths.push({ path, type, place: source.place })
  return type === 'CharDevice' || type === 'BlockDevice' ? { kind: 'device', path } : { kind: 'path', path }
}

/** The files of a ConfigMap or Secret; `undefined` for an optional one that is not there. */
function filesOf(kind: 'configMap' | 'secret', source: KubeField, inputs: PlayInputs): PodVolume['files'] | undefined {
  const nameKey = kind === 'secret' ? 'secretName' : 'name'
  source.check({ honoured: `${nameKey} items defaultMode optional` }, inputs.warn)
  const data = findData(inputs.data, kind === 'secret' ? 'Secret' : 'ConfigMap', source, nameKey)
  if (data === undefined) return undefined
  const usual = source.integer('defaultMode', 0, 0o777) ?? 0o644
  const items = source.objects('items')
  if (items.length === 0) return [...data].map(([path, bytes]) => ({ path, bytes, mode: usual }))
  return items.flatMap(item => {
    item.check({ honoured: 'key path mode' }, inputs.warn)
    const key = item.neededText('key')
    const path = inside(item, 'path') ?? ''
    const bytes = data.get(key)
    if (bytes !== undefined) return [{ path, bytes, mode: item.integer('mode', 0, 0o777) ?? usual }]
    if (source.boolean('optional') === true) return []
    throw item.needed('key').error(`is "${key}": "${source.neededText(nameKey)}" has no such key`, 'NOT_FOUND')
  })
}

/** What a container mounts, and its devices. `expand` replaces references to its variables. */
export function planMounts(
  container: KubeField,
  { sources }: PodVolumes,
  expand: (text: string) => string,
  warn: (text: string) => void,
): { mounts: MountRequest[]; devices: string[] } {
  const mounts: MountRequest[] = []
  const devices: string[] = []
  for (const mount of container.objects('volumeMounts')) {
    mount.check(
      {
        honoured: 'name mountPath readOnly recursiveReadOnly mountPropagation subPath subPathExpr',
      },
      warn,
    )
    const name = mount.neededText('name')
    const source = sources.get(name)
    if (source === undefined) throw mount.needed('name').error(`is "${name}": the pod has no such volume`)
    const destination = mount.neededText('mountPath')
    if (!destination.startsWith('/') || destination.includes(':'))
      throw mount.needed('mountPath').error(`is "${destination}", must be an absolute path without ":"`)
    if (source.kind === 'device') devices.push(`${source.path}:${destination}`)
    else if (source.kind !== 'absent') mounts.push(mountOf(source, posix.normalize(destination), mount, expand))
  }
  return { mounts, devices }
}

const propagations = { None: 'rprivate', HostToContainer: 'rslave', Bidirectional: 'rshared' } as const

function mountOf(
  source: Exclude<VolumeSource, { kind: 'device' | 'absent' }>,
  destination: string,
  mount: KubeField,
  expand: (text: string) => string,
): MountRequest {
  const subpath = inside(mount, 'subPath') ?? inside(mount, 'subPathExpr', expand)
  const readOnly = mount.boolean('readOnly') ?? false
  const propagation = mount.choice('mountPropagation', ['None', 'HostToContainer', 'Bidirectional'])
  const isWholeTree = mount.choice('recursiveReadOnly', ['Disabled', 'IfPossible', 'Enabled']) ?? 'Disabled'
  const said = {
    destination,
    readOnly,
    ...(readOnly && isWholeTree !== 'Disabled' && { readOnlyTree: true as const }),
    ...(propagation !== undefined && { propagation: propagations[propagation] }),
    noexec: false,
    chown: false,
    overlay: false,
  }
  switch (source.kind) {
    case 'path':
      return {
        ...said,
        type: 'bind',
        source: subpath === undefined ? source.path : posix.join(source.path, subpath),
        recursive: true,
        nosuid: false,
        nodev: false,
        relabel: 'shared',
        createSource: false,
      }
    case 'named':
    case 'own':
      return {
        ...said,
        type: 'volume',
        name: source.name,
        readOnly: readOnly || source.readOnly,
        ...(subpath !== undefined && { subpath }),
        nosuid: true,
        nodev: true,
        copyUp: source.kind === 'named',
      }
    case 'image':
      return {
        type: 'image',
        image: source.image,
        destination,
        readWrite: false,
        ...(subpath !== undefined && { subpath }),
      }
    case 'memory':
      if (subpath !== undefined)
        throw mount.error('has "subPath", which is not supported for a volume in memory', 'UNSUPPORTED')
      return {
        type: 'tmpfs',
        destination,
        options: [
          'mode=1777',
          ...(source.size === undefined ? [] : [`size=${Math.floor(source.size)}`]),
          ...(readOnly ? ['ro'] : []),
        ],
        copyUp: false,
      }
  }
}

/** A path that stays below where it begins. */
function inside(field: KubeField, key: string, expand = (text: string) => text): string | undefined {
  const given = field.text(key)
  const text = given === undefined || given === '' ? undefined : expand(given)
  if (text === undefined) return undefined
  if (text.startsWith('/') || text.split('/').includes('..'))
    throw field.needed(key).error(`is "${text}", must be a relative path without ".."`)
  return posix.normalize(text).replace(/\/$/, '')
}
