// ids.json in a container's folder: the ids of the user's namespace that an `auto` container has for itself, from its creation to its
// removal. Host namespaces.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { during, errnoOf, TspodError } from '#errors.ts'
import { withFileLock } from '#sys/lock.ts'
import { type ContainerId, containerDir, listContainerIds } from './record.ts'
import type { HeldIds } from './user-namespace.ts'

/** What a container holds; `undefined` where it holds none. Throws INVALID for a damaged file. */
export function readHeldIds(folder: string): HeldIds | undefined {
  const path = join(folder, 'ids.json')
  try {
    const { from, count } = JSON.parse(readFileSync(path, 'utf8')) as HeldIds
    if (Number.isSafeInteger(from) && Number.isSafeInteger(count) && from > 0 && count > 0) return { from, count }
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return undefined
    if (!(error instanceof SyntaxError)) throw during(`reading "${path}"`, error)
  }
  throw new TspodError('INVALID', `reading "${path}": it holds no range of ids`, {
    hint: 'the record is damaged: remove the container, and make it again',
  })
}

/** What all containers hold. */
export function readTakenIds(graphRoot: string): HeldIds[] {
  return listContainerIds(graphRoot).flatMap(other => readHeldIds(containerDir(graphRoot, other)) ?? [])
}

/** Sets ids aside for a container whose folder exists; `choose` is told what all others hold. No two containers get the same. */
export async function holdIds(
  graphRoot: string,
  id: ContainerId,
  choose: (taken: readonly HeldIds[]) => HeldIds,
): Promise<HeldIds> {
  mkdirSync(join(graphRoot, 'locks'), { recursive: true, mode: 0o700 })
  return await withFileLock(join(graphRoot, 'locks', 'ids'), async () => {
    const held = choose(readTakenIds(graphRoot))
    const path = join(containerDir(graphRoot, id), 'ids.json')
    writeFileSync(`${path}.new`, JSON.stringify(held), { mode: 0o600, flush: true })
    renameSync(`${path}.new`, path)
    return held
  })
}
