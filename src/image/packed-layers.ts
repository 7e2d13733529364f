// Layers that were compressed for a push or save are kept for the next one: packed/<diff id>.<format>-<level>.<digest>, whole files,
// which a sweep removes when nobody has wanted them for a week. Host namespaces.
import { readdirSync, statSync, utimesSync } from 'node:fs'
import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { during, errnoOf } from '#errors.ts'
import { type Digest, digestOf, hexOf } from '#oci/digest.ts'

export interface PackedLayer {
  path: string
  digest: Digest
  size: number
}

/** Which form of which layer. */
export interface PackedKey {
  diffId: Digest
  format: string
  level: number
}

export const packedFolder = (root: string): string => join(root, 'packed')

const prefixOf = ({ diffId, format, level }: PackedKey): string => `${hexOf(diffId)}.${format}-${level}.`

/** The layer in this form, where an earlier command has made it. */
export function findPackedLayer(root: string, key: PackedKey): PackedLayer | undefined {
  const folder = packedFolder(root)
  const prefix = prefixOf(key)
  try {
    const name = readdirSync(folder).find(each => each.startsWith(prefix))
    if (name === undefined) return undefined
    const path = join(folder, name)
    const { size } = statSync(path)
    const now = new Date()
    utimesSync(path, now, now)
    return { path, digest: digestOf(name.slice(prefix.length)), size }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined // never made, or swept at this moment
    throw during(`looking for packed layers in "${folder}"`, error)
  }
}

/** Keeps a complete, synced file under the name that tells what it is. */
export async function keepPackedLayer(root: string, key: PackedKey, made: PackedLayer): Promise<PackedLayer> {
  const folder = packedFolder(root)
  const path = join(folder, `${prefixOf(key)}${hexOf(made.digest)}`)
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await rename(made.path, path)
  } catch (error) {
    throw during(`keeping "${path}"`, error)
  }
  return { ...made, path }
}
