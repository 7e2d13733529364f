// From the mounts a user asked for to sources on this machine: folders checked or made, volumes found or created.
import { existsSync, mkdirSync, statSync } from 'node:fs'
import type { RecordedMount } from '#container/record.ts'
import type { ContainerRequest, MountRequest } from '#container/request.ts'
import { during, type ErrorCode, errnoOf, TspodError } from '#errors.ts'
import type { ChosenImage } from './choose-image.ts'
import type { OpenedVolume, VolumeKeeper } from './volume-keeper.ts'

/** What finding sources takes besides the request. */
export interface MountFinders {
  volumes: VolumeKeeper
  /** Finds the image of a mount, or pulls it. */
  image: (text: string) => Promise<Pick<ChosenImage, 'chain'>>
  /** Makes the source of a bind that is not there. */
  makeFolder?: (path: string) => void
}

/** Finds the source of every mount of a request, with the image's VOLUMEs. Later ones win over earlier ones at the same place. */
export async function resolveMounts(
  request: ContainerRequest,
  imageVolumes: readonly string[],
  inherited: readonly RecordedMount[],
  finders: MountFinders,
): Promise<RecordedMount[]> {
  const byDestination = new Map<string, RecordedMount>()
  for (const mount of inherited) byDestination.set(mount.destination, mount)
  for (const mount of request.mounts) byDestination.set(mount.destination, await resolveMount(mount, finders))
  for (const destination of request.imageVolumes === 'ignore' ? [] : imageVolumes) {
    if (byDestination.has(destination)) continue
    const wanted: MountRequest =
      request.imageVolumes === 'tmpfs'
        ? { type: 'tmpfs', destination, options: ['nosuid', 'nodev', 'rw'], copyUp: true }
        : anonymousVolume(destination)
    byDestination.set(destination, await resolveMount(wanted, finders))
  }
  return [...byDestination.values()]
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
    overlay: false,
    copyUp: true,
  }
}

async function resolveMount(mount: MountRequest, finders: MountFinders): Promise<RecordedMount> {
  switch (mount.type) {
    case 'bind':
      return bindMount(mount, finders.makeFolder ?? (path => mkdirSync(path, { recursive: true })))
    case 'volume': {
      const volume = await finders.volumes.open(mount.name, mount.destination, mount.copyUp)
      return volumeMount(mount, volume)
    }
    case 'image':
      return imageMount(mount, await finders.image(mount.image))
    case 'tmpfs':
      return recorded('tmpfs', 'tmpfs', mount.destination, tmpfsOptions(mount), !mount.options.includes('ro'))
    case 'devpts':
    case 'mqueue':
    case 'ramfs':
      return recorded(mount.type, mount.type, mount.destination, mount.options, true)
  }
}

function imageMount(
  { image, destination, readWrite, subpath }: Extract<MountRequest, { type: 'image' }>,
  { chain }: Pick<ChosenImage, 'chain'>,
): RecordedMount {
  const layer = chain.at(-1)
  if (layer === undefined)
    throw new TspodError('INVALID', `mounting image "${image}" on "${destination}": the image has no layers`)
  return recorded('image', image, destination, ['rbind', 'rprivate', readWrite ? 'rw' : 'ro'], readWrite, {
    layer,
    ...(subpath !== undefined && { subpath }),
  })
}

/** A volume's folder, another folder it stands for, or memory of the container's own. */
function volumeMount(
  mount: Extract<MountRequest, { type: 'volume' }>,
  { name, anonymous, folder, mount: kind }: OpenedVolume,
): RecordedMount {
  const propagation = mount.propagation ?? 'rprivate'
  const { destination, readOnly } = mount
  if (kind.kind === 'tmpfs') {
    const options = [...kind.options, ...(readOnly ? ['ro'] : [])]
    return recorded('tmpfs', 'tmpfs', destination, options, !readOnly, { name, anonymous })
  }
  const top = kind.kind === 'bind' ? kind.device : folder
  const words = kind.kind === 'bind' ? kind.options : []
  const options = bindOptions({ ...mount, readOnly: readOnly || words.includes('ro') }, propagation, true)
  const more = words.filter(word => ['nosuid', 'nodev', 'noexec'].includes(word) && !options.includes(word))
  return recorded('volume', top, destination, [...options, ...more], !options.includes('ro'), {
    name,
    anonymous,
    propagation,
    ...(mount.subpath !== undefined && { subpath: mount.subpath }),
    ...sourceChanges(mount, top),
  })
}

/** What is done with a source: given to the container's user, or covered with a writable layer. */
function sourceChanges(
  {
    destination,
    chown,
    overlay,
    overlayFolders,
  }: { destination: string; chown: boolean; overlay: boolean; overlayFolders?: { upper: string; work: string } },
  source: string,
): Partial<RecordedMount> {
  const refuse = (why: string): never => {
    throw new TspodError('INVALID', `mounting "${source}" on "${destination}": ${why}`)
  }
  if (!overlay) return chown ? { chown } : {}
  if (chown) refuse('the options O and U contradict each other: a source under an overlay is not changed')
  if (!isFolder(source)) refuse('the option O is for folders')
  for (const path of Object.values(overlayFolders ?? {}))
    if (!existsSync(path)) refuse(`the folder "${path}" for the overlay does not exist`)
  return { overlay: overlayFolders ?? 'scratch' }
}

function bindMount(mount: Extract<MountRequest, { type: 'bind' }>, makeFolder: (path: string) => void): RecordedMount {
  requireSource(mount, makeFolder)
  const propagation = mount.propagation ?? 'rprivate'
  const options = bindOptions(mount, propagation, mount.recursive && isFolder(mount.source))
  return recorded('bind', mount.source, mount.destination, options, !mount.readOnly, {
    propagation,
    ...sourceChanges(mount, mount.source),
  })
}

/** A source that is not there is made where that was asked for; one that we may not see could not be mounted either. */
function requireSource(
  { source, destination, createSource }: Extract<MountRequest, { type: 'bind' }>,
  makeFolder: (path: string) => void,
): void {
  let errno: string | undefined
  try {
    statSync(source)
    return
  } catch (error) {
    errno = errnoOf(error)
    if (errno === undefined) throw error
  }
  const refusal = (code: ErrorCode, why: string, hint?: string): TspodError =>
    new TspodError(code, `mounting "${source}" on "${destination}": statfs ${source}: ${why}`, { hint, exitCode: 125 })
  if (errno === 'ENOENT' && !createSource)
    throw refusal('NOT_FOUND', 'no such file or directory', `make it first: mkdir -p ${source}`)
  if (errno === 'EACCES') throw refusal('DENIED', 'permission denied')
  if (errno === 'ENOTDIR') throw refusal('INVALID', 'not a directory')
  if (errno !== 'ENOENT') throw refusal('INTERNAL', errno)
  try {
    makeFolder(source)
  } catch (error) {
    throw during(`making the folder "${source}" to mount it on "${destination}"`, error)
  }
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
  mount: { readOnly: boolean; readOnlyTree?: true; nosuid: boolean; nodev: boolean; noexec: boolean },
  propagation: string,
  isRecursive: boolean,
): string[] {
  return [
    isRecursive ? 'rbind' : 'bind',
    propagation,
    mount.readOnly ? 'ro' : 'rw',
    ...(mount.readOnlyTree === true ? ['rro'] : []),
    ...(mount.nosuid ? ['nosuid'] : []),
    ...(mount.nodev ? ['nodev'] : []),
    ...(mount.noexec ? ['noexec'] : []),
  ]
}

function recorded(
  type: RecordedMount['type'],
  source: string,
  destination: string,
  options: string[],
  readWrite: boolean,
  more: Partial<RecordedMount> = {},
): RecordedMount {
  return { type, source, destination, readWrite, options, ...more }
}
