// What containers take on the disk: their writable layers, and the images below.
import { join } from 'node:path'
import type { Engine } from '#engine/open.ts'
import type { SeenContainer } from './survey.ts'

export interface ContainerSize {
  /** everything the container sees: image and writable layer */
  rootFsBytes: number
  writableBytes: number
}

/** Measures them all at once; a worker is needed at most once. A root of the user's own (`--rootfs`) counts nothing. */
export async function measureContainers(
  engine: Engine,
  containers: readonly SeenContainer[],
): Promise<Map<string, ContainerSize>> {
  const { foldersBytes } = await import('#storage/disk-usage.ts')
  const imageBytes = new Map(engine.images.list().map(({ id, sizeBytes }) => [id, sizeBytes]))
  const folders = containers.map(({ folder, record }) =>
    join(folder, record?.storageDriver === 'copy' ? 'merged' : 'upper'),
  )
  const written = await foldersBytes(folders, () => engine.namespace())
  return new Map(
    containers.map(({ id, record }, index) => {
      const writableBytes = written[index] ?? 0
      const below = record?.storageDriver === 'copy' ? 0 : (imageBytes.get(record?.image?.id ?? '') ?? 0)
      return [id, { writableBytes, rootFsBytes: writableBytes + below }]
    }),
  )
}
