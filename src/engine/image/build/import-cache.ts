// `--cache-from`: what builds elsewhere remembered. Keys are fetched once for a build, layers when a step needs them.
import type { BuiltLayer, CacheRecord } from '#build/cache.ts'
import { readSharedRecords, type SharedRecord } from '#build/shared-cache.ts'
import { checkPolicy, dockerScopes, openPolicy } from '#config/policy.ts'
import type { CacheSource } from '#engine/contracts/build.ts'
import { openRemote } from '#engine/image/registry-access.ts'
import { TspodError } from '#errors.ts'
import { openImageArchive } from '#image/archive-open.ts'
import { digestOfBytes } from '#image/blobs.ts'
import type { ImageSource } from '#image/source.ts'
import type { Descriptor } from '#oci/descriptor.ts'
import { parseImageConfig } from '#oci/image-config.ts'
import { parseManifest } from '#oci/manifest.ts'
import { choosePlatform } from '#oci/platform.ts'
import { formatReference, parseReference, withDefaultTag } from '#oci/reference.ts'
import { placeLayer } from './place-layer.ts'
import type { BuildSession, FileState } from './session.ts'

type Session = Omit<BuildSession, 'filesOf' | 'shared'>

interface SharedStep {
  record: SharedRecord
  layer?: BuiltLayer
  source: ImageSource
}

const MOST_CONFIG_BYTES = 16 << 20

export class SharedCache implements AsyncDisposable {
  readonly #steps = new Map<string, SharedStep>()
  readonly #sources: AsyncDisposable[] = []

  /** Reads the keys of all sources; one that is not there or cannot be read is a warning. */
  static async open(session: Session): Promise<SharedCache> {
    const cache = new SharedCache()
    for (const from of session.request.cacheFrom)
      try {
        await cache.#add(session, await openSource(session, from))
      } catch (error) {
        session.request.signal.throwIfAborted()
        if (!(error instanceof TspodError) || error.code === 'DENIED') throw error
        const text = `[Warning] --cache-from ${nameOf(from)} is not used: ${error.message}`
        session.request.onEvent({ kind: 'warning', text })
      }
    return cache
  }

  /** The record of a step, its layer fetched and unpacked above the state's; `undefined` where nobody remembers it. */
  async find(session: BuildSession, key: string, state: FileState, step: number): Promise<CacheRecord | undefined> {
    const found = this.#steps.get(key)
    if (found === undefined) return undefined
    const { record, layer, source } = found
    const { createdMs, shown } = record
    const { cacheTtlMs, onEvent } = session.request
    if (cacheTtlMs !== undefined && createdMs < Date.now() - cacheTtlMs) return undefined
    if (layer === undefined) return { version: 1, chain: state.chain, createdMs, shown }
    const { digest, size: totalBytes } = layer.descriptor
    const chain = await placeLayer(session, state, layer, source, (phase, doneBytes) =>
      onEvent({
        kind: 'progress',
        step,
        event: { kind: 'blob', digest, role: 'layer', phase, doneBytes, totalBytes },
      }),
    )
    const sizeBytes = session.layers.sizeOf(chain.at(-1) ?? ('' as never)) ?? 0
    return { version: 1, chain, layer: { ...layer, sizeBytes }, createdMs, shown }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const source of this.#sources) await source[Symbol.asyncDispose]()
  }

  async #add({ platform }: Session, opened: { source: ImageSource; close: AsyncDisposable }): Promise<void> {
    const { source } = opened
    this.#sources.push(opened.close)
    const what = `the cache in ${source.description}`
    let top = await source.openManifest()
    let manifest = parseManifest(new TextDecoder().decode(top.bytes), top.mediaType || undefined, what)
    if (manifest.kind === 'index') {
      const [only] = manifest.manifests
      const chosen = choosePlatform(manifest.manifests, platform) ?? only
      if (chosen === undefined) return
      top = await source.openManifest(chosen)
      manifest = parseManifest(new TextDecoder().decode(top.bytes), chosen.mediaType, what)
    }
    if (manifest.kind === 'index') throw new TspodError('INVALID', `${what} is an index of indexes`)
    const { layers } = manifest
    const config = parseImageConfig(await readText(source, manifest.config), what, layers.length)
    for (const record of readSharedRecords(config, layers.length)) {
      const descriptor = record.layer === undefined ? undefined : layers[record.layer]
      const diffId = record.layer === undefined ? undefined : config.rootfs.diff_ids[record.layer]
      const layer = descriptor && diffId && { diffId, descriptor: bare(descriptor), sizeBytes: 0 }
      if (!this.#steps.has(record.key)) this.#steps.set(record.key, { record, source, ...(layer && { layer }) })
    }
  }
}

const bare = ({ mediaType, digest, size }: Descriptor): Descriptor => ({ mediaType, digest, size })

const nameOf = (from: CacheSource): string => (from.kind === 'registry' ? from.reference : from.path)

async function openSource(
  { engine, request, scratch }: Session,
  from: CacheSource,
): Promise<{ source: ImageSource; close: AsyncDisposable }> {
  if (from.kind === 'local') {
    const archive = await openImageArchive(from.path, scratch)
    const [image] = archive.images
    if (image === undefined) throw new TspodError('NOT_FOUND', `"${from.path}" holds no cache`)
    return { source: image.source, close: archive }
  }
  const reference = withDefaultTag(parseReference(from.reference))
  const name = formatReference(reference)
  const demand = checkPolicy(openPolicy(), 'docker', dockerScopes(reference), name)
  const { source, top } = await openRemote(engine, reference, { ...request.pullOptions, signal: request.signal })
  if (demand.signatures.length > 0) {
    const { verifySignatures } = await import('#image/signature/verify.ts')
    const { signaturePlace } = await import('#image/signature/place.ts')
    await verifySignatures(demand, reference, [top.digest], signaturePlace(source))
  }
  return { source, close: source }
}

async function readText(source: ImageSource, descriptor: Descriptor): Promise<string> {
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of await source.openBlob(descriptor, 0)) {
    length += piece.byteLength
    if (length > MOST_CONFIG_BYTES) break
    pieces.push(piece)
  }
  const bytes = Buffer.concat(pieces)
  if (digestOfBytes(bytes) !== descriptor.digest)
    throw new TspodError('INVALID', `${source.description}: configuration ${descriptor.digest} has other bytes`)
  return bytes.toString('utf8')
}
