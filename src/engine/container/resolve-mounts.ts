// From the mounts a user asked for to sources on this machine: folders checked or made, volumes found or created.
import { existsSync, mkdirSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { ResolvedMount } from '#container/inputs.ts'
import type { RecordedMount } from '#container/record.ts'
import type { ContainerRequest, MountRequest } from '#container/request.ts'
import type { Engine } from '#engine/open.ts'
import { during, TspodError } from '#errors.ts'
import type { OpenedVolume, VolumeKeeper } from './volume-keeper.ts'

export interface ResolvedMounts {
  resolved: ResolvedMount[]
  recorded: RecordedMount[]
}

/**
 * Resolves every mount of a request, with the image's VOLUMEs. Later ones win over earlier ones at the same place. `makeFolder` makes
 * the source of a bind that is not there.
 */
export async function resolveMounts(
  _engine: Engine,
  request: ContainerRequest,
  imageVolumes: readonly string[],
  inherited: readonly RecordedMount[],
  volumes: VolumeKeeper,
  makeFolder: (path: string) => void = path => mkdirSync(path, { recursive: true }),
): Promise<ResolvedMounts> {
  const byDestination = new Map<string, { resolved: ResolvedMount; recorded: RecordedMount }>()
  for (const mount of inherited) byDestination.set(mount.destination, { resolved: fromRecord(mount), recorded: mount })
  for (const mount of request.mounts)
    byDestination.set(mount.destination, await resolveMount(mount, volumes, makeFolder))
  for (const destination of request.imageVolumes === 'ignore' ? [] : imageVolumes) {
    if (byDestination.has(destination)) continue
    const wanted: MountRequest =
      request.imageVolumes === 'tmpfs'
        ? { type: 'tmpfs', destination, options: ['nosuid', 'nodev', 'rw'], copyUp: true }
        : anonymousVolume(destination)
    byDestination.set(destination, await resolveMount(wanted, volumes, makeFolder))
  }
  const all = [...byDestination.values()]
  return { resolved: all.map(({ resolved }) => resolved), recorded: all.map(({ recorded }) => recorded) }
}

function anonymousVolume(destination: string): MountRequest {
  return {
    type: 'volume',
    name: '',
    destination,
    readOnly: false,
    nosuid: true,
    nodev: true,
    noexec: false,
    chown: false,
    copyUp: true,
  }
}

/** A recorded mount again, for a later start and for --volumes-from. */
export function fromRecord(mount: RecordedMount): ResolvedMount {
  const type = mount.type === 'volume' || mount.type === 'image' ? 'bind' : mount.type
  return { destination: mount.destination, type, source: mount.source, options: mount.options }
}

async function resolveMount(
  mount: MountRequest,
  volumes: VolumeKeeper,
  makeFolder: (path: string) => void,
): Promise<{ resolved: ResolvedMount; recorded: RecordedMount }> {
  switch (mount.type) {
    case 'bind':
      return bindMount(mount, makeFolder)
    case 'volume': {
      const volume = await volumes.open(mount.name, mount.destination, mount.copyUp)
      return volumeMount(mount, volume)
    }
    case 'image':
      throw new TspodError('UNSUPPORTED', `--mount type=image: "${mount.image}": image mounts are not implemented yet`)
    case 'tmpfs':
      return both('tmpfs', 'tmpfs', mount.destination, tmpfsOptions(mount), !mount.options.includes('ro'))
    case 'devpts':
    case 'mqueue':
    case 'ramfs':
      return both(mount.type, mount.type, mount.destination, mount.options, true)
  }
}

/** A volume's folder, another folder it stands for, or memory of the container's own. */
function volumeMount(
  mount: Extract<MountRequest, { type: 'volume' }>,
  { name, anonymous, folder, mount: kind }: OpenedVolume,
): { resolved: ResolvedMount; recorded: RecordedMount } {
  const propagation = mount.propagation ?? 'rprivate'
  const { destination, readOnly } = mount
  if (kind.kind === 'tmpfs') {
    const options = [...kind.options, ...(readOnly ? ['ro'] : [])]
    return both('tmpfs', 'tmpfs', destination, options, !readOnly, { name, anonymous })
  }
  const top = kind.kind === 'bind' ? kind.device : folder
  const source = mount.subpath === undefined ? top : subfolder(name, top, mount.subpath)
  const words = kind.kind === 'bind' ? kind.options : []
  const options = bindOptions({ ...mount, readOnly: readOnly || words.includes('ro') }, propagation, true)
  const more = words.filter(word => ['nosuid', 'nodev', 'noexec'].includes(word) && !options.includes(word))
  return both('volume', source, destination, [...options, ...more], !options.includes('ro'), {
    name,
    anonymous,
    propagation,
  })
}

/** A folder inside the volume, however its links lead. */
function subfolder(name: string, top: string, subpath: string): string {
  const path = join(top, subpath)
  try {
    const real = realpathSync(path)
    if (real.startsWith(`${realpathSync(top)}/`)) return real
  } catch (error) {
    throw during(`mounting volume "${name}": the subpath "${subpath}"`, error)
  }
  throw new TspodError('INVALID', `mounting volume "${name}": the subpath "${subpath}" leads out of the volume`)
}

function bindMount(
  mount: Extract<MountRequest, { type: 'bind' }>,
  makeFolder: (path: string) => void,
): {
  resolved: ResolvedMount
  recorded: RecordedMount
} {
  const refusals: [boolean, string][] = [
    [mount.overlay, 'the option O (overlay)'],
    [mount.chown, 'the option U (chown)'],
  ]
  for (const [isAsked, what] of refusals)
    if (isAsked)
      throw new TspodError(
        'UNSUPPORTED',
        `mounting "${mount.source}" on "${mount.destination}": ${what} is not implemented yet`,
      )
  if (!existsSync(mount.source)) {
    if (!mount.createSource)
      throw new TspodError(
        'NOT_FOUND',
        `mounting "${mount.source}" on "${mount.destination}": statfs ${mount.source}: no such file or directory`,
        {
          hint: `make it first: mkdir -p ${mount.source}`,
          exitCode: 125,
        },
      )
    try {
      makeFolder(mount.source)
    } catch (error) {
      throw during(`making the folder "${mount.source}" to mount it on "${mount.destination}"`, error)
    }
  }
  const propagation = mount.propagation ?? 'rprivate'
  const options = bindOptions(mount, propagation, mount.recursive && isFolder(mount.source))
  return both('bind', mount.source, mount.destination, options, !mount.readOnly, { propagation })
}

/** A source that has yet to be made will be a folder. */
function isFolder(source: string): boolean {
  return statSync(source, { throwIfNoEntry: false })?.isDirectory() ?? true
}

/** Filled with what lies beneath, unless that was refused. */
function tmpfsOptions({ options, copyUp }: Extract<MountRequest, { type: 'tmpfs' }>): string[] {
  return copyUp ? [...options, 'tmpcopyup'] : options
}

function bindOptions(
  mount: { readOnly: boolean; nosuid: boolean; nodev: boolean; noexec: boolean },
  propagation: string,
  isRecursive: boolean,
): string[] {
  return [
    isRecursive ? 'rbind' : 'bind',
    propagation,
    mount.readOnly ? 'ro' : 'rw',
    ...(mount.nosuid ? ['nosuid'] : []),
    ...(mount.nodev ? ['nodev'] : []),
    ...(mount.noexec ? ['noexec'] : []),
  ]
}

function both(
  type: RecordedMount['type'],
  source: string,
  destination: string,
  options: string[],
  readWrite: boolean,
  more: Partial<RecordedMount> = {},
): { resolved: ResolvedMount; recorded: RecordedMount } {
  const recorded: RecordedMount = { type, source, destination, readWrite, options, ...more }
  return { resolved: fromRecord(recorded), recorded }
}
