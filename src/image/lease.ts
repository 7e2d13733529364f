// While a pull or load is under way, what it relies on is not yet in the index: its lease keeps that from being swept. Host namespaces.
// A lease is a file of digests, locked with flock for as long as its process lives; a dead process' lease counts for nothing.
import { appendFileSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { during, errnoOf } from '#errors.ts'
import type { ChainId, Digest } from '#oci/digest.ts'
import { removeIfThere } from './durable-file.ts'
import { ensureLayout, lockFile } from './layout.ts'

export interface Lease extends AsyncDisposable {
  /** Takes effect before it returns: from then on no sweep removes these blobs and layers, whether they are there yet or not. */
  protect(digests: readonly (Digest | ChainId)[]): Promise<void>
}

const leasesFolder = (root: string) => join(root, 'tmp', 'leases')

/** Opens an empty lease; disposing it ends the protection. */
export async function openLease(root: string): Promise<Lease> {
  const { tryLock, withFileLock } = await import('#sys/lock.ts')
  ensureLayout(root)
  const path = join(leasesFolder(root), `${process.pid}-${Math.random().toString(36).slice(2)}`)
  const lock = await withFileLock(lockFile(root), async () => {
    await readLeases(root) // which removes those of the dead
    return tryLock(path)
  })
  if (lock === undefined) throw during('opening a lease', new Error(`"${path}" is locked by another process`))
  return {
    async protect(digests) {
      // under the store's lock: a sweep has either ended, or will read this line
      await withFileLock(lockFile(root), () => appendFileSync(path, digests.map(each => `${each}\n`).join('')))
    },
    async [Symbol.asyncDispose]() {
      removeIfThere(path)
      lock.close()
    },
  }
}

/** Everything that live leases protect; leases of the dead are removed. The caller holds the store's lock. */
export async function readLeases(root: string): Promise<Set<string>> {
  const { tryLock } = await import('#sys/lock.ts')
  const digests = new Set<string>()
  for (const name of listNames(leasesFolder(root))) {
    const path = join(leasesFolder(root), name)
    using lock = tryLock(path)
    if (lock !== undefined) removeIfThere(path)
    else for (const line of readLines(path)) digests.add(line)
  }
  return digests
}

/** A lease that ends at this moment protects nothing any more. */
function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter(line => line !== '')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw during(`reading the lease "${path}"`, error)
  }
}

/** Names in a folder; none where there is no folder. */
export function listNames(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw during(`reading the folder "${folder}"`, error)
  }
}
