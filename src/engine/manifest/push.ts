// manifest push: a list to a registry, its members first: those of the store as push sends them, others copied from their registry.
import type { OnProgress } from '#engine/contracts/image.ts'
import type { PushListOptions } from '#engine/contracts/manifest.ts'
import { destinationOf, neighbours, packingOf } from '#engine/image/push.ts'
import { openRemote, registryAccess } from '#engine/image/registry-access.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { expectLongLife } from '#host/bun.ts'
import { blobSize, digestOfBytes, readBlob } from '#image/blobs.ts'
import { formatIndex, type ManifestList, requireList } from '#image/manifest-list.ts'
import { pushBlobs } from '#image/push.ts'
import { RegistrySink } from '#image/registry/registry-sink.ts'
import type { RegistrySource } from '#image/registry/registry-source.ts'
import type { ManifestBytes } from '#image/source.ts'
import type { Descriptor } from '#oci/descriptor.ts'
import { hexOf } from '#oci/digest.ts'
import { parseManifest } from '#oci/manifest.ts'
import { dockerIndex, isIndexType } from '#oci/media-types.ts'
import { formatReference, parseReference, type Reference } from '#oci/reference.ts'
import { openStaging } from '#storage/staging.ts'

interface Journey {
  engine: Engine
  list: ManifestList
  sink: RegistrySink
  target: Reference
  scratch: string
  options: PushListOptions
  signal: AbortSignal
  onProgress: OnProgress
}

/** The verb: the digest of the list as it is at the registry. */
export async function pushList(
  text: string,
  destination: string | undefined,
  options: PushListOptions,
): Promise<{ digest: string; id: string }> {
  const engine = await openEngine()
  expectLongLife()
  const list = requireList(engine.graphRoot, text)
  const reference = destinationOf(destination ?? list.name)
  const access = await registryAccess(engine, reference, options)
  await using sink = new RegistrySink(access.reference, access.options)
  await using staging = openStaging(engine.graphRoot, 'push', () => engine.namespace())
  const onProgress = options.onProgress ?? (() => undefined)
  const signal = access.options.signal
  const journey = { engine, list, sink, target: access.reference, scratch: staging.path, options, signal, onProgress }
  const manifests: Descriptor[] = []
  for (const member of list.index.manifests) manifests.push(options.all ? await sendMember(journey, member) : member)
  const mediaType = options.format === 'docker' ? dockerIndex : list.index.mediaType
  const bytes = formatIndex({ ...list.index, mediaType, manifests: manifests.map(each => forFamily(each, options)) })
  const manifest: ManifestBytes = { bytes, mediaType, digest: digestOfBytes(bytes) }
  await sink.putManifest(manifest)
  onProgress({ kind: 'manifest', digest: manifest.digest })
  if (options.remove) await engine.images.removeList(list.name)
  engine.journal({
    type: 'image',
    status: 'push',
    id: hexOf(list.digest),
    name: formatReference(reference),
    attributes: {},
  })
  return { digest: manifest.digest, id: hexOf(list.digest) }
}

/** docker's lists have no annotations. */
function forFamily({ annotations, ...member }: Descriptor, { format }: PushListOptions): Descriptor {
  return annotations === undefined || format === 'docker' ? member : { ...member, annotations }
}

/** Sends one image and gives what the list says of it: its digest changes where its layers had to be compressed. */
async function sendMember(journey: Journey, member: Descriptor): Promise<Descriptor> {
  const { engine, sink } = journey
  const bytes = readBlob(engine.graphRoot, member.digest, `member ${member.digest}`)
  const manifest = parseManifest(new TextDecoder().decode(bytes), member.mediaType, `member ${member.digest}`)
  if (manifest.kind === 'index') throw new TspodError('UNSUPPORTED', `member ${member.digest} is a list itself`)
  const isHere = [manifest.config, ...manifest.layers].every(
    ({ digest, size }) => blobSize(engine.graphRoot, digest) === size,
  )
  const sent = isHere ? await sendStored(journey, member) : await sendFromAfar(journey, member, bytes)
  await sink.putManifestAs(sent, undefined)
  return { ...member, mediaType: sent.mediaType, digest: sent.digest, size: sent.bytes.byteLength }
}

async function sendStored(journey: Journey, { digest }: Descriptor): Promise<ManifestBytes> {
  const { engine, sink, scratch, options, target, signal, onProgress } = journey
  const { manifest, config } = engine.images.open({ digest })
  return await pushBlobs(
    sink,
    { root: engine.graphRoot, digest, manifest, diffIds: config.rootfs.diff_ids },
    {
      family: options.format,
      layers: packingOf(options),
      scratch,
      openNamespace: () => engine.namespace(),
      parallel: engine.config.engine.imageParallelCopies || 3,
      mountFrom: neighbours(engine, target),
      onProgress,
      signal,
    },
  )
}

/** Blobs that are at another registry go through this machine, and are not kept. */
async function sendFromAfar(journey: Journey, member: Descriptor, bytes: Uint8Array): Promise<ManifestBytes> {
  const { engine, list, sink, options, target, onProgress } = journey
  const repository = list.sources[member.digest]
  if (repository === undefined)
    throw new TspodError('NOT_FOUND', `pushing "${list.name}": the layers of ${member.digest} are not here`, {
      hint: 'the image was removed: pull or build it again, or take it out with "tspod manifest remove"',
    })
  if (options.format !== undefined || options.compression !== undefined)
    throw new TspodError(
      'UNSUPPORTED',
      `pushing "${list.name}": ${member.digest} is at ${repository} and cannot be converted`,
      {
        hint: 'pull it first, and add it again',
      },
    )
  const manifest = parseManifest(new TextDecoder().decode(bytes), member.mediaType, `member ${member.digest}`)
  if (manifest.kind === 'index' || isIndexType(member.mediaType))
    throw new TspodError('UNSUPPORTED', 'a list in a list')
  const origin = parseReference(repository)
  // credentials that were given are for the target
  const { source } = await openRemote(
    engine,
    { ...origin, digest: member.digest },
    { ...options, credentials: undefined },
  )
  const isNear = origin.registry === target.registry && origin.repository !== target.repository
  for (const [position, descriptor] of [manifest.config, ...manifest.layers].entries()) {
    const { digest, size: totalBytes } = descriptor
    const role = position === 0 ? 'config' : 'layer'
    const outcome = await sink.upload(descriptor, (offset = 0) => opened(source, descriptor, offset), {
      mountFrom: isNear ? [origin.repository] : [],
      onBytes: doneBytes => onProgress({ kind: 'blob', digest, role, phase: 'copying', doneBytes, totalBytes }),
    })
    const phase = outcome === 'sent' ? 'done' : 'exists'
    onProgress({ kind: 'blob', digest, role, phase, doneBytes: totalBytes, totalBytes })
  }
  return { bytes, mediaType: manifest.mediaType, digest: member.digest }
}

async function* opened(source: RegistrySource, descriptor: Descriptor, offset: number): AsyncIterable<Uint8Array> {
  yield* await source.openBlob(descriptor, offset)
}
