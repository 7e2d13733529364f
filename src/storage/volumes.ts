// Named volumes: a folder with `_data` and volume.json each. Host namespaces. Whoever relies on a volume before it is recorded anywhere
// holds the lock shared; whoever removes one holds it alone.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { during, errnoOf, TspodError } from '#errors.ts'
import { randomHex } from '#host/bun.ts'
import { log } from '#log.ts'
import type { Fd } from '#sys/fd.ts'
import { openLock } from '#sys/lock.ts'
import { giveInside } from './inside-owner.ts'
import { type OpenNamespace, removeTree } from './remove-tree.ts'
import { parseVolumeOptions, type VolumeMount } from './volume-options.ts'

export interface VolumeRecord {
  name: string
  driver: 'local'
  createdMs: number
  labels: Record<string, string>
  options: Record<string, string>
  /** owner of `_data` when it was made, as containers see it */
  uid: number
  gid: number
  /** goes with its container */
  anonymous: boolean
  /** the first container that uses it fills it from its image */
  needsCopyUp: boolean
}

/** Where volumes lie. */
export interface VolumePlace {
  graphRoot: string
  /** `graphRoot/volumes`, or volume_path of containers.conf */
  folder: string
  openNamespace: OpenNamespace
}

export const volumeData = (place: Pick<VolumePlace, 'folder'>, name: string): string =>
  join(place.folder, name, '_data')

/** A random name for an anonymous volume. */
export function randomVolumeName(): string {
  return randomHex(32)
}

/** The lock of all volumes; the caller closes it. */
export async function lockVolumes(place: Pick<VolumePlace, 'graphRoot'>, shared: boolean): Promise<Fd> {
  mkdirSync(join(place.graphRoot, 'locks'), { recursive: true, mode: 0o700 })
  return await openLock(join(place.graphRoot, 'locks', 'volumes'), { shared })
}

/** One volume's record; `undefined` where there is none. Takes no lock. Throws INVALID for a damaged one. */
export function readVolume(place: Pick<VolumePlace, 'folder'>, name: string): VolumeRecord | undefined {
  const path = join(place.folder, name, 'volume.json')
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as VolumeRecord
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return undefined
    if (error instanceof SyntaxError) throw new TspodError('INVALID', `volume "${name}": "${path}" is damaged`)
    throw during(`reading volume "${name}"`, error)
  }
}

/** All volumes by name. Takes no lock; a damaged one is left out with a warning. */
export function listVolumeRecords(place: Pick<VolumePlace, 'folder'>): VolumeRecord[] {
  return namesIn(place.folder)
    .filter(name => !name.startsWith('.'))
    .toSorted()
    .flatMap(name => {
      try {
        return readVolume(place, name) ?? []
      } catch (error) {
        log.warn(`${error instanceof Error ? error.message : String(error)}; "tspod system check" says more`)
        return []
      }
    })
}

export interface NewVolume {
  name: string
  labels: Record<string, string>
  options: Record<string, string>
  uid?: number
  gid?: number
  anonymous: boolean
}

/** Makes a volume, visible by one rename. The name has been checked. Throws CONFLICT where there is one of this name. */
export async function createVolume(place: VolumePlace, wanted: NewVolume): Promise<VolumeRecord> {
  const { name, labels, options, anonymous } = wanted
  const mount = parseVolumeOptions(name, options)
  const { uid = 0, gid = 0 } = { ...(mount.kind === 'folder' ? mount : {}), ...defined(wanted) }
  const needsCopyUp = mount.kind === 'folder'
  const record: VolumeRecord = {
    name,
    driver: 'local',
    createdMs: Date.now(),
    labels,
    options,
    uid,
    gid,
    anonymous,
    needsCopyUp,
  }
  const target = join(place.folder, name)
  const unfinished = join(place.folder, `.new-${randomHex(6)}`)
  try {
    mkdirSync(join(unfinished, '_data'), { recursive: true, mode: 0o755 })
    writeRecord(unfinished, record)
    if (uid !== 0 || gid !== 0) await giveInside(place.openNamespace, join(unfinished, '_data'), uid, gid)
    renameSync(unfinished, target)
    return record
  } catch (error) {
    await removeTree(unfinished, place.openNamespace)
    const errno = errnoOf(error)
    if (errno === 'EEXIST' || errno === 'ENOTEMPTY')
      throw new TspodError('CONFLICT', `volume with name ${name} already exists: volume already exists`)
    throw during(`creating volume "${name}"`, error)
  }
}

const defined = ({ uid, gid }: NewVolume): { uid?: number; gid?: number } => ({
  ...(uid === undefined ? {} : { uid }),
  ...(gid === undefined ? {} : { gid }),
})

/** Makes a volume vanish by one rename. The caller holds the lock alone, and calls `removeTree` on what is returned afterwards. */
export function hideVolume(place: VolumePlace, name: string): string | undefined {
  const trash = join(place.folder, `.trash-${randomHex(6)}`)
  try {
    renameSync(join(place.folder, name), trash)
    return trash
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw during(`removing volume "${name}"`, error)
  }
}

/** Removes what killed commands were making. Whoever makes a volume holds the lock shared, so that with the lock nobody is. */
export async function sweepUnfinishedVolumes(place: VolumePlace): Promise<void> {
  const unfinished = namesIn(place.folder).filter(name => name.startsWith('.new-'))
  if (unfinished.length === 0) return
  using _lock = await lockVolumes(place, false)
  for (const name of namesIn(place.folder).filter(each => unfinished.includes(each)))
    await removeTree(join(place.folder, name), place.openNamespace)
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw during(`reading "${folder}"`, error)
  }
}

/** The volume has been filled, or never will be. */
export function endCopyUp(place: VolumePlace, record: VolumeRecord): void {
  writeRecord(join(place.folder, record.name), { ...record, needsCopyUp: false })
}

/** What a container mounts for it. */
export function volumeMount(record: VolumeRecord): VolumeMount {
  return parseVolumeOptions(record.name, record.options)
}

function writeRecord(folder: string, record: VolumeRecord): void {
  const path = join(folder, 'volume.json')
  const unfinished = `${path}.${process.pid}`
  try {
    writeFileSync(unfinished, JSON.stringify(record), { mode: 0o600, flush: true })
    renameSync(unfinished, path)
  } catch (error) {
    rmSync(unfinished, { force: true })
    throw error
  }
}
