// names/<name>, symbolic links to ids of containers and pods, which share their names: they make a name unique and finding it cheap.
// A link counts only if the record it leads to bears that name; anything else is left over from a crash. Links are made by anyone, since
// symlink(2) has one winner, and removed by their own container, or by whoever holds the lock: a hundred containers at once do not wait for
// each other.
import { existsSync, mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { during, errnoOf, hasCode, TspodError } from '#errors.ts'
import { withFileLock } from '#sys/lock.ts'
import { checkName, isName, randomName } from './name.ts'
import { isAbandoned, type PodId, readPodRecord } from './pod/record.ts'
import { type ContainerId, containerDir, isContainerId, listContainerIds, readRecord, writeRecord } from './record.ts'

/** Who may have a name. */
type Bearer = ContainerId | PodId

/** Gives the name, whose record is written already, to the container or pod. Throws CONFLICT where another has it. */
export async function claimName(graphRoot: string, name: string, id: Bearer): Promise<void> {
  checkName('container', name)
  mkdirSync(join(graphRoot, 'names'), { recursive: true, mode: 0o700 })
  if (tryLink(graphRoot, name, id)) return
  await withNamesLock(graphRoot, () => takeName(graphRoot, name, id))
}

async function withNamesLock(graphRoot: string, body: () => void): Promise<void> {
  for (const folder of ['locks', 'names']) mkdirSync(join(graphRoot, folder), { recursive: true, mode: 0o700 })
  await withFileLock(join(graphRoot, 'locks', 'names'), body)
}

/** Only while the lock is held. */
function takeName(graphRoot: string, name: string, id: Bearer): void {
  while (!tryLink(graphRoot, name, id)) {
    const holder = bearerOf(graphRoot, name)
    if (holder?.id === id) return
    if (holder !== undefined) throw nameInUse(name, holder)
    // left over from a crash: it was there before us, and nobody else may remove it
    rmSync(join(graphRoot, 'names', name), { force: true })
  }
}

/** False where there is a link of this name. */
function tryLink(graphRoot: string, name: string, id: Bearer): boolean {
  try {
    symlinkSync(id, join(graphRoot, 'names', name))
    return true
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false
    throw during(`giving the name "${name}" to "${id}"`, error)
  }
}

/** Whose a name is. */
export type NameBearer = { kind: 'container'; id: ContainerId } | { kind: 'pod'; id: PodId }

/** The error for a name that another has, in podman's words. */
export function nameInUse(name: string, { kind, id }: NameBearer): TspodError {
  if (kind === 'pod')
    return new TspodError('CONFLICT', `name "${name}" is in use: pod already exists`, {
      hint: `pods and containers share their names; it is that of pod ${id.slice(0, 12)}`,
    })
  return new TspodError(
    'CONFLICT',
    `the container name "${name}" is already in use by ${id}. You have to remove that container to be able to reuse that name: that name is already in use`,
    { hint: 'use --replace to have the new container take its place' },
  )
}

/** The container or pod that has this name, `undefined` for none. */
export function bearerOf(graphRoot: string, name: string): NameBearer | undefined {
  const id = holderOf(graphRoot, name)
  if (id !== undefined) return { kind: 'container', id }
  const podId = podOfName(graphRoot, name)
  return podId === undefined ? undefined : { kind: 'pod', id: podId }
}

/** The pod that has this name, also one that is just being made. */
export function podOfName(graphRoot: string, name: string): PodId | undefined {
  const id = isName(name) ? (readLink(join(graphRoot, 'names', name)) as PodId | undefined) : undefined
  if (id === undefined) return undefined
  try {
    const record = readPodRecord(graphRoot, id)
    return record?.name === name && !isAbandoned(graphRoot, id) ? id : undefined
  } catch (error) {
    if (hasCode(error, 'INVALID')) return id // damaged, and still there
    throw error
  }
}

/** The container that has this name, `undefined` for none. */
export function holderOf(graphRoot: string, name: string): ContainerId | undefined {
  const id = isName(name) ? readLink(join(graphRoot, 'names', name)) : undefined
  if (id === undefined) return undefined
  try {
    return readRecord(graphRoot, id).name === name ? id : undefined
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return undefined
    // a damaged record: its container is there, and so is its name
    if (hasCode(error, 'INVALID')) return id
    throw error
  }
}

function readLink(link: string): ContainerId | undefined {
  try {
    const target = readlinkSync(link)
    return isContainerId(target) ? target : undefined
  } catch (error) {
    if (['ENOENT', 'EINVAL'].includes(errnoOf(error) ?? '')) return undefined
    throw during(`looking up the container name "${link}"`, error)
  }
}

/** Gives up a name, if this container still has it. */
export async function releaseName(graphRoot: string, name: string, id: Bearer): Promise<void> {
  await withNamesLock(graphRoot, () => dropName(graphRoot, name, id))
}

/**
 * Gives up the name of a container or pod whose record is gone, without the lock: a hundred containers that end at once do not wait for each
 * other. Somebody who takes the name at this moment has replaced the link; should it be moved away all the same, it is put back.
 */
export function releaseNameOfGone(graphRoot: string, name: string, id: Bearer): void {
  const link = join(graphRoot, 'names', name)
  if (!isName(name) || readLink(link) !== id) return
  const taken = join(graphRoot, 'names', `.${id}`)
  try {
    renameSync(link, taken)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return
    throw during(`giving up the name "${name}" of container "${id}"`, error)
  }
  const owner = readLink(taken)
  if (owner !== undefined && owner !== id) tryLink(graphRoot, name, owner)
  rmSync(taken, { force: true })
}

function dropName(graphRoot: string, name: string, id: Bearer): void {
  const link = join(graphRoot, 'names', name)
  if (readLink(link) === id) rmSync(link, { force: true })
}

/** Another name for a container. Throws CONFLICT where it is taken; a crash in the middle leaves the old one. */
export async function renameContainer(graphRoot: string, id: ContainerId, name: string): Promise<void> {
  checkName('container', name)
  await withNamesLock(graphRoot, () => {
    const record = readRecord(graphRoot, id)
    if (record.name === name) throw nameInUse(name, { kind: 'container', id })
    takeName(graphRoot, name, id)
    writeRecord(graphRoot, { ...record, name })
    dropName(graphRoot, record.name, id)
  })
}

/** A random name that nobody has at this moment. */
export function freeRandomName(graphRoot: string): string {
  for (let attempt = 0; ; attempt++) {
    const name = randomName(attempt)
    if (bearerOf(graphRoot, name) === undefined) return name
  }
}

/** The container of this name, id, or unambiguous beginning of an id. Throws NOT_FOUND or CONFLICT in podman's words. */
export function findContainer(graphRoot: string, text: string): ContainerId {
  const named = holderOf(graphRoot, text)
  if (named !== undefined) return named
  if (isContainerId(text) && existsSync(containerDir(graphRoot, text))) return text
  const matches = /^[0-9a-f]{1,63}$/.test(text) ? listContainerIds(graphRoot).filter(id => id.startsWith(text)) : []
  if (matches.length > 1)
    throw new TspodError(
      'CONFLICT',
      `more than one result for container name or ID "${text}": ${matches.length} ids begin so, among them ${matches
        .slice(0, 3)
        .map(id => id.slice(0, 12))
        .join(', ')}`,
    )
  const [only] = matches
  if (only !== undefined) return only
  throw new TspodError('NOT_FOUND', `no container with name or ID "${text}" found: no such container`)
}
