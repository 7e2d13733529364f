// pod.json, the record of one pod: what was asked for and decided when it was made. Immutable. Read without locks; written to a temporary
// name and renamed. A pod is there from the moment its infra container is, and until that is gone; one without, while its record is.
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { replaceFile } from '#container/exit-record.ts'
import { type ContainerId, containerDir } from '#container/record.ts'
import { during, errnoOf, TspodError } from '#errors.ts'
import { randomHex } from '#host/bun.ts'
import { tryLock } from '#sys/lock.ts'
import type { PodRequest } from './request.ts'

/** 64 hexadecimal digits. */
export type PodId = string & { readonly brand: 'PodId' }

export interface PodRecord {
  version: 1
  id: PodId
  name: string
  createdMs: number
  request: PodRequest
  /** decided before it is made; absent for a pod without one */
  infraId?: ContainerId
}

/** A new random id. */
export function newPodId(): PodId {
  return randomHex(32) as PodId
}

export function isPodId(text: string): text is PodId {
  return /^[0-9a-f]{64}$/.test(text)
}

/** `pods/<id>`: the record and the lock of one pod. */
export function podDir(graphRoot: string, id: PodId): string {
  return join(graphRoot, 'pods', id)
}

/** Held while members are added and while all of it is removed. */
export function podLock(graphRoot: string, id: PodId): string {
  return join(podDir(graphRoot, id), 'lock')
}

/** Writes the record; on return it survives a power cut. */
export function writePod(graphRoot: string, record: PodRecord): void {
  const folder = podDir(graphRoot, record.id)
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    replaceFile(join(folder, 'pod.json'), JSON.stringify(record), true)
  } catch (error) {
    throw during(`recording pod "${record.name}"`, error)
  }
}

/** The record, also of a pod that is only just being made or removed; `undefined` where there is none. Throws INVALID for a damaged one. */
export function readPodRecord(graphRoot: string, id: PodId): PodRecord | undefined {
  const path = join(podDir(graphRoot, id), 'pod.json')
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return undefined
    throw during(`reading the record of pod "${id}"`, error)
  }
  const record = parse(text)
  if (record?.version === 1 && record.id === id && typeof record.name === 'string' && record.request !== undefined)
    return record
  throw new TspodError('INVALID', `reading "${path}": it is no record of this pod`, {
    hint: `the record is damaged; its containers are still there: tspod ps -a --filter pod=${id.slice(0, 12)}`,
  })
}

function parse(text: string): PodRecord | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as PodRecord) : undefined
  } catch {
    return undefined
  }
}

/** The record of a pod that is there. */
export function readPod(graphRoot: string, id: PodId): PodRecord | undefined {
  const record = readPodRecord(graphRoot, id)
  return record !== undefined && isWhole(graphRoot, record) ? record : undefined
}

function isWhole(graphRoot: string, { infraId }: PodRecord): boolean {
  return infraId === undefined || existsSync(join(containerDir(graphRoot, infraId), 'container.json'))
}

/** The folders of pods, whole or not. */
export function listPodIds(graphRoot: string): PodId[] {
  try {
    return readdirSync(join(graphRoot, 'pods')).filter(isPodId)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw during(`listing pods in "${graphRoot}"`, error)
  }
}

/** What commands left that were killed while they made or removed a pod: nobody holds its lock. */
export function isAbandoned(graphRoot: string, id: PodId): boolean {
  if (isThere(graphRoot, id)) return false
  try {
    using lock = tryLock(podLock(graphRoot, id))
    // its maker may have finished between the two looks
    return lock !== undefined && !isThere(graphRoot, id)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false
    throw error
  }
}

/** A damaged record is one. */
function isThere(graphRoot: string, id: PodId): boolean {
  try {
    return readPod(graphRoot, id) !== undefined
  } catch {
    return true
  }
}
