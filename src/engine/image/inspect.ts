// image inspect: all that is known of an image, in podman's words (podman-image-inspect(1)). Takes no lock.
import type { InspectObject } from '#engine/contracts/container.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import type { StoredImage } from '#image/stored-image.ts'
import type { ChainId } from '#oci/digest.ts'
import { unpackedFolders } from './unpacked-layers.ts'

/** The verb: each in order; fails on the first unknown name. */
export async function inspectImages(names: string[]): Promise<InspectObject[]> {
  const engine = await openEngine()
  const objects: InspectObject[] = []
  for (const name of names) objects.push(await describeImage(engine, (await engine.images.resolve(name)).image))
  return objects
}

async function describeImage(engine: Engine, image: StoredImage): Promise<InspectObject> {
  const { manifest, config, chain } = engine.images.open(image)
  const { ImageFamilies } = await import('./family.ts')
  const { Healthcheck, ...execution } = config.config ?? {}
  return {
    Id: image.id,
    Digest: image.digest,
    RepoTags: image.names,
    RepoDigests: image.repoDigests,
    Parent: new ImageFamilies(engine.images).parentOf(image)?.id ?? '',
    Comment: config.comment ?? config.history?.at(-1)?.comment ?? '',
    Created: config.created ?? '0001-01-01T00:00:00Z',
    Config: execution,
    Version: config.docker_version ?? '',
    Author: config.author ?? '',
    Architecture: config.architecture,
    ...(config.variant !== undefined && { Variant: config.variant }),
    Os: config.os,
    Size: image.sizeBytes,
    VirtualSize: image.sizeBytes,
    GraphDriver: { Name: engine.config.storage.driver ?? 'overlay', Data: layerFolders(engine.graphRoot, chain) },
    RootFS: { Type: 'layers', Layers: config.rootfs.diff_ids },
    Labels: execution.Labels ?? null,
    Annotations: manifest.annotations ?? {},
    ManifestType: manifest.mediaType,
    User: execution.User ?? '',
    History: config.history ?? [],
    NamesHistory: [...image.names, ...image.formerNames],
    ...(Healthcheck !== undefined && { Healthcheck }),
  }
}

/** Where the unpacked layers lie: the uppermost one, and those below it, uppermost first. */
function layerFolders(graphRoot: string, chain: readonly ChainId[]): Record<string, string> {
  const [upper, ...lower] = unpackedFolders(graphRoot, chain)
  if (upper === undefined) return {}
  return { ...(lower.length > 0 && { LowerDir: lower.join(':') }), UpperDir: upper }
}
