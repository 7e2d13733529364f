// container.json, the record of one container: what was asked for and decided when it was made. Immutable but for its name and ports.
// Read without locks by every command; written to a temporary name and renamed.
import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { during, errnoOf, TspodError } from '#errors.ts'
import { randomHex } from '#host/bun.ts'
import type { PortMapping } from '#network/ports/mapping.ts'
import type { IdMappingSpec } from '#oci/runtime-spec.ts'
import type { Healthcheck } from './healthcheck.ts'
import type { PodId } from './pod/record.ts'
import type { ContainerRequest, NetworkRequest } from './request.ts'

/** 64 hexadecimal digits. */
export type ContainerId = string & { readonly brand: 'ContainerId' }

export interface ContainerRecord {
  version: 1
  id: ContainerId
  name: string
  createdMs: number
  request: ContainerRequest
  /** absent for --rootfs */
  image?: { name: string; id: string; digest: string }
  /** the chain id of the image's uppermost layer, by storage's driver */
  layer?: string
  storageDriver: string
  /** whom files belong to where that is not as the image says: ids of the container and of the user's namespace */
  rootIds?: { uid: readonly IdMappingSpec[]; gid: readonly IdMappingSpec[] }
  mounts: RecordedMount[]
  network: NetworkRequest
  /** published: `port add` and `port rm` change them. Absent for none */
  ports?: PortMapping[]
  /** of EXPOSE and --expose, `80/tcp`. Absent for none */
  exposed?: string[]
  /** the pod it is in; pods are never renamed */
  pod?: RecordedPod
  /** ids of containers whose namespaces or volumes it uses: they cannot be removed before it */
  dependsOn: ContainerId[]
  hostname?: string
  entrypoint: string[]
  command: string[]
  workdir: string
  user: { uid: number; gid: number }
  labels: Record<string, string>
  stopSignal: number
  stopTimeoutSeconds: number
  /** of the image and what the request makes of it; absent: none */
  healthcheck?: Healthcheck
  logDriver: string
  /** absent for drivers that write no file */
  logPath?: string
}

/** A pod as its containers know it. */
export interface RecordedPod {
  id: PodId
  name: string
  /** absent for a pod without one */
  infraId?: ContainerId
  isInfra?: true
  /** the end of its last member is that of its infra container */
  endsWithMembers?: true
}

/** A mount of the user's with its source found, as inspect shows it. */
export interface RecordedMount {
  type: 'bind' | 'volume' | 'tmpfs' | 'image' | 'devpts' | 'mqueue' | 'ramfs'
  /** of a volume; anonymous ones too */
  name?: string
  /** an unnamed volume, which goes when the container is removed */
  anonymous?: boolean
  source: string
  destination: string
  readWrite: boolean
  options: string[]
  propagation?: string
  /** a part of the volume or image, links resolved beneath it */
  subpath?: string
  /** a writable layer over the source: gone when the container ends, or kept in folders of the user's */
  overlay?: 'scratch' | { upper: string; work: string }
  /** the source is given to the container's user whenever it starts */
  chown?: true
  /** of an image: the chain id of its uppermost layer */
  layer?: string
}

/** True where what was written over a source goes with the container's end. */
export function hasScratch(mounts: readonly RecordedMount[]): boolean {
  return mounts.some(({ type, overlay, readWrite }) => overlay === 'scratch' || (type === 'image' && readWrite))
}

const idPattern = /^[0-9a-f]{64}$/

/** A new random id. */
export function newContainerId(): ContainerId {
  return randomHex(32) as ContainerId
}

export function isContainerId(text: string): text is ContainerId {
  return idPattern.test(text)
}

/** `containers/<id>`, where everything of one container lies. */
export function containerDir(graphRoot: string, id: ContainerId): string {
  return join(graphRoot, 'containers', id)
}

/** Writes the record into the container's folder, which exists. What is removed at its end need not survive a power cut. */
export function writeRecord(graphRoot: string, record: ContainerRecord): void {
  const path = join(containerDir(graphRoot, record.id), 'container.json')
  const staged = `${path}.${process.pid}`
  try {
    const fd = openSync(staged, 'wx', 0o600)
    try {
      writeAll(fd, Buffer.from(JSON.stringify(record)))
      if (!record.request.remove) fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(staged, path)
  } catch (error) {
    rmSync(staged, { force: true })
    throw during(`recording container "${record.name}"`, error)
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
}

/** The record of a container. Throws NOT_FOUND where there is none (any more), INVALID for one that cannot be read. */
export function readRecord(graphRoot: string, id: ContainerId): ContainerRecord {
  const path = join(containerDir(graphRoot, id), 'container.json')
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT')
      throw new TspodError('NOT_FOUND', `no container with ID "${id}" found: no such container`, { cause: error })
    throw during(`reading the record of container "${id}"`, error)
  }
  return parseRecord(text, id, path)
}

function parseRecord(text: string, id: ContainerId, path: string): ContainerRecord {
  const damaged = (why: string) =>
    new TspodError('INVALID', `reading "${path}": ${why}`, {
      hint: `the record is damaged; tspod rm --force ${id.slice(0, 12)} removes what is left of the container`,
    })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw damaged(text.trim() === '' ? 'it is empty' : 'it is no JSON')
  }
  const record = value as Partial<ContainerRecord> | null
  if (typeof record !== 'object' || record === null) throw damaged('it is no object')
  if (record.version !== 1) throw damaged(`its version is ${JSON.stringify(record.version)}, must be 1`)
  if (record.id !== id) throw damaged(`its id is ${JSON.stringify(record.id)}, must be "${id}"`)
  if (typeof record.name !== 'string' || typeof record.request !== 'object' || record.request === null)
    throw damaged('name or request is missing')
  return record as ContainerRecord
}

export interface RecordListing {
  records: ContainerRecord[]
  /** what cannot be read, for `check` and a warning; never keeps the others from being listed */
  damaged: { id: ContainerId; error: TspodError }[]
}

/** Every record, in no order. One that vanishes meanwhile, or is not yet complete, is no container. */
export function listRecords(graphRoot: string): RecordListing {
  const listing: RecordListing = { records: [], damaged: [] }
  for (const id of listContainerIds(graphRoot)) {
    try {
      listing.records.push(readRecord(graphRoot, id))
    } catch (error) {
      if (!(error instanceof TspodError)) throw error
      if (error.code !== 'NOT_FOUND') listing.damaged.push({ id, error })
    }
  }
  return listing
}

/** The ids of all folders of containers, complete or not. Costs one readdir(3). */
export function listContainerIds(graphRoot: string): ContainerId[] {
  try {
    return readdirSync(join(graphRoot, 'containers')).filter(isContainerId)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw during(`listing containers in "${graphRoot}"`, error)
  }
}
