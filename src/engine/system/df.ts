// system df: what images, containers and volumes take on the disk. Takes no lock.

import { commandOf } from '#engine/container/list.ts'
import { newestFirst } from '#engine/container/select.ts'
import { measureContainers } from '#engine/container/sizes.ts'
import { surveyContainers } from '#engine/container/survey.ts'
import type { DiskUsage } from '#engine/contracts/system.ts'
import { unpackedBytes } from '#engine/image/unpacked-layers.ts'
import { containersByImage } from '#engine/image/users.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { hasCode } from '#errors.ts'
import type { StoredImage } from '#image/stored-image.ts'
import type { ChainId } from '#oci/digest.ts'

/** The verb. */
export async function diskUsage(): Promise<DiskUsage> {
  const engine = await openEngine()
  return {
    images: imageUsage(engine),
    containers: await containerUsage(engine),
    volumes: await volumeUsage(engine),
  }
}

function imageUsage(engine: Engine): DiskUsage['images'] {
  const images = engine.images.list().toSorted((a, b) => b.createdMs - a.createdMs)
  const chains = new Map(images.map(image => [image.id, chainOf(engine, image)]))
  const users = new Map<ChainId, number>()
  for (const chainId of [...chains.values()].flat()) users.set(chainId, (users.get(chainId) ?? 0) + 1)
  const containers = containersByImage(engine)
  return images.map(image => {
    const shared = (chains.get(image.id) ?? []).filter(chainId => (users.get(chainId) ?? 0) > 1)
    const sharedBytes = shared.reduce((sum, chainId) => sum + (unpackedBytes(engine.graphRoot, chainId) ?? 0), 0)
    return {
      id: image.id,
      ...splitName(image.names[0]),
      createdMs: image.createdMs,
      sizeBytes: image.sizeBytes,
      sharedBytes,
      uniqueBytes: Math.max(0, image.sizeBytes - sharedBytes),
      containers: containers.get(image.id)?.length ?? 0,
    }
  })
}

/** A damaged image shares nothing that could be told. */
function chainOf({ images }: Engine, image: StoredImage): ChainId[] {
  try {
    return images.open(image).chain
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND', 'INVALID')) return []
    throw error
  }
}

function splitName(name: string | undefined): { repository: string; tag: string } {
  if (name === undefined) return { repository: '<none>', tag: '<none>' }
  const colon = name.lastIndexOf(':')
  return { repository: name.slice(0, colon), tag: name.slice(colon + 1) }
}

async function containerUsage(engine: Engine): Promise<DiskUsage['containers']> {
  const containers = newestFirst(surveyContainers(engine))
  const sizes = await measureContainers(engine, containers)
  return containers.map(({ id, status, record }) => {
    const { rootFsBytes = 0, writableBytes = 0 } = sizes.get(id) ?? {}
    return {
      id,
      image: record?.image?.id ?? '',
      command: record === undefined ? [] : commandOf(record),
      localVolumes: record?.mounts.filter(({ type }) => type === 'volume').length ?? 0,
      sizeBytes: rootFsBytes,
      writableBytes,
      createdMs: record?.createdMs ?? 0,
      status,
      name: record?.name ?? '',
    }
  })
}

async function volumeUsage(engine: Engine): Promise<DiskUsage['volumes']> {
  const { listVolumes } = await import('#engine/volume/list.ts')
  const { foldersBytes } = await import('#storage/disk-usage.ts')
  const volumes = await listVolumes([])
  const folders = volumes.map(({ mountpoint }) => mountpoint)
  const sizes = await foldersBytes(folders, () => engine.namespace())
  return volumes.map(({ name, mountCount }, index) => {
    const sizeBytes = sizes[index] ?? 0
    return { name, links: mountCount, sizeBytes, reclaimableBytes: mountCount === 0 ? sizeBytes : 0 }
  })
}
