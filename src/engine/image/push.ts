// push: an image to a registry, or into an archive or folder that a transport names.
import type { PushedImage, PushImageOptions, SaveOptions } from '#engine/contracts/image.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { hasCode, TspodError } from '#errors.ts'
import { expectLongLife } from '#host/bun.ts'
import { defaultLevel, highestLevel } from '#image/compress.ts'
import type { Packing } from '#image/convert.ts'
import { findList } from '#image/manifest-list.ts'
import { pushImage as sendImage } from '#image/push.ts'
import { RegistrySink } from '#image/registry/registry-sink.ts'
import { fullTagName } from '#image/store.ts'
import type { StoredImage } from '#image/stored-image.ts'
import type { Digest } from '#oci/digest.ts'
import { formatReference, parseReference, parseTypedName, type Reference, withDefaultTag } from '#oci/reference.ts'
import { findLeftovers, openStaging, sweepStaging } from '#storage/staging.ts'
import { registryAccess } from './registry-access.ts'

/** The verb: `destination` is a registry's name for it, by default its own, or `oci:FOLDER`, `docker-archive:FILE`, … */
export async function pushImage(
  name: string,
  destination: string | undefined,
  options: PushImageOptions,
): Promise<PushedImage> {
  const local = destination === undefined ? undefined : parseTransport(destination)
  if (local !== undefined) return await writeArchive(name, local, options)
  const engine = await openEngine()
  expectLongLife()
  // what pushes left that were killed
  if (findLeftovers(engine.graphRoot).length > 0) await sweepStaging(engine.graphRoot, () => engine.namespace())
  if (findList(engine.graphRoot, name) !== undefined) return await pushWholeList(name, destination, options)
  const found = await engine.images.resolve(name)
  const reference = destinationOf(destination ?? found.name ?? name)
  const digest = engine.images.digestOf(found)
  const { manifest, config } = engine.images.open({ digest })
  const access = await registryAccess(engine, reference, options)
  await using sink = new RegistrySink(access.reference, access.options)
  await using staging = openStaging(engine.graphRoot, 'push', () => engine.namespace())
  const places = repositoriesWith(engine, access.reference.registry)
  const pushed = await sendImage(
    sink,
    access.reference,
    { root: engine.graphRoot, digest, manifest, diffIds: config.rootfs.diff_ids },
    {
      family: options.format,
      layers: packingOf(options),
      scratch: staging.path,
      openNamespace: () => engine.namespace(),
      parallel: engine.config.engine.imageParallelCopies || 3,
      mountFrom: diffId => places(diffId).filter(each => each !== access.reference.repository),
      isNew: diffId => places(diffId).length === 0,
      onProgress: options.onProgress ?? (() => undefined),
      signal: access.options.signal,
    },
  )
  if (options.sign !== undefined) {
    const { signAt } = await import('./sign.ts')
    await signAt(access, reference, [pushed.digest], options.sign)
  }
  await engine.images.notePush(found.image, `${reference.registry}/${reference.repository}`)
  const pushedName = formatReference(reference)
  const { id, labels } = found.image
  engine.journal({ type: 'image', status: 'push', id, name: pushedName, attributes: labels })
  return { id, name: pushedName, digest: pushed.digest }
}

/** A list goes with its images, as `manifest push` sends it. */
async function pushWholeList(
  name: string,
  destination: string | undefined,
  options: PushImageOptions,
): Promise<PushedImage> {
  if (options.sign !== undefined)
    throw new TspodError('UNSUPPORTED', `signing "${name}" while it is pushed is not implemented yet: it is a list`, {
      hint: 'push it, then "tspod image sign --all"',
    })
  const { pushList } = await import('#engine/manifest/push.ts')
  return { name: destination ?? name, ...(await pushList(name, destination, { ...options, all: true, remove: false })) }
}

/** A registry's name as typed, with docker.io and `latest` where they are left out. Throws INVALID. */
export function destinationOf(text: string): Reference {
  const name = text.replace(/^docker:\/\//, '')
  const reference = withDefaultTag(parseReference(name))
  if (
    reference.registry === 'localhost' &&
    parseTypedName(name).registry === 'localhost' &&
    !text.startsWith('docker://')
  )
    throw new TspodError('INVALID', `pushing to "${name}": localhost is what images are called that were made here`, {
      hint: 'say where to push it: tspod push IMAGE REGISTRY/NAME; for a registry on port 80 or 443 of this machine write docker://localhost/NAME',
    })
  return reference
}

/** What layers are to be compressed with. Throws INVALID. */
export function packingOf(
  options: Pick<PushImageOptions, 'compression' | 'compressionLevel' | 'forceCompression'>,
): Packing {
  const { compression, compressionLevel, forceCompression = false } = options
  const format = compression ?? 'gzip'
  const most = highestLevel[format]
  if (compressionLevel !== undefined && (compressionLevel < 1 || compressionLevel > most))
    throw new TspodError('INVALID', `--compression-level ${compressionLevel}: ${format} has the levels 1 to ${most}`)
  const isExplicit = forceCompression || compressionLevel !== undefined
  return {
    format,
    level: compressionLevel ?? defaultLevel[format],
    keep: isExplicit ? 'none' : compression === undefined ? 'any' : 'same',
  }
}

/** Other repositories of the registry that should have a layer. */
export function neighbours(engine: Engine, reference: Reference): (diffId: Digest) => string[] {
  const all = repositoriesWith(engine, reference.registry)
  return diffId => all(diffId).filter(each => each !== reference.repository)
}

/** Repositories of the registry from which local images with the same layer came, or to which they went. */
function repositoriesWith({ images }: Engine, registry: string): (diffId: Digest) => string[] {
  let known: Map<Digest, string[]> | undefined
  const look = () => {
    const found = new Map<Digest, Set<string>>()
    for (const image of images.list()) {
      const repositories = repositoriesOn(registry, image)
      if (repositories.length === 0) continue
      for (const diffId of diffIdsOf(images, image)) {
        const all = found.get(diffId) ?? new Set()
        found.set(diffId, all)
        for (const each of repositories) all.add(each)
      }
    }
    return new Map([...found].map(([diffId, all]) => [diffId, [...all]]))
  }
  return diffId => (known ??= look()).get(diffId) ?? []
}

function repositoriesOn(registry: string, image: StoredImage): string[] {
  const prefix = `${registry}/`
  const names = [...image.pushedTo, ...image.names.map(name => name.slice(0, name.lastIndexOf(':')))]
  return names.filter(name => name.startsWith(prefix)).map(name => name.slice(prefix.length))
}

/** A damaged image is nobody's neighbour. */
function diffIdsOf(images: Engine['images'], image: StoredImage): readonly Digest[] {
  try {
    return images.open(image).config.rootfs.diff_ids
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND', 'INVALID')) return []
    throw error
  }
}

interface LocalDestination {
  format: SaveOptions['format']
  path: string
  tag?: string
}

const formats: Record<string, SaveOptions['format']> = {
  'docker-archive': 'docker-archive',
  'oci-archive': 'oci-archive',
  oci: 'oci-dir',
  dir: 'docker-dir',
}

/** `undefined` for a registry's name (containers-transports(5)). Throws UNSUPPORTED for the places of other tools. */
function parseTransport(text: string): LocalDestination | undefined {
  const [, transport = '', rest = ''] = /^([a-z-]+):(?!\/\/)(.+)$/.exec(text) ?? []
  if (/^(docker-daemon|containers-storage|ostree|sif)$/.test(transport))
    throw new TspodError('UNSUPPORTED', `pushing to "${text}": ${transport}: is not implemented yet`)
  const format = formats[transport]
  if (format === undefined || (!/^[./]/.test(rest) && transport === 'oci')) return undefined
  const colon = format === 'docker-dir' ? -1 : rest.indexOf(':')
  return colon === -1 ? { format, path: rest } : { format, path: rest.slice(0, colon), tag: rest.slice(colon + 1) }
}

async function writeArchive(
  name: string,
  { format, path, tag }: LocalDestination,
  options: PushImageOptions,
): Promise<PushedImage> {
  if (options.compression !== undefined || options.compressionLevel !== undefined || options.format !== undefined)
    throw new TspodError('UNSUPPORTED', `pushing to "${path}": --format and --compression-* are for registries only`)
  const { saveImages } = await import('./save.ts')
  const engine = await openEngine()
  const { image } = await engine.images.resolve(name)
  const digests = await saveImages([name], {
    as: tag === undefined ? [] : [format === 'docker-archive' ? fullTagName(tag) : tag],
    format,
    output: { kind: 'file', path },
    multiImage: false,
    compress: false,
    uncompressed: false,
    onProgress: options.onProgress,
  })
  return { id: image.id, name: `${format}:${path}`, digest: digests[0] ?? image.digest }
}
