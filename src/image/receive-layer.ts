// One layer from a medium into the store: compressed bytes into the layout and, at the same time, into the unpacker. Host namespaces.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { hasCode, TspodError } from '#errors.ts'
import type { Descriptor } from '#oci/descriptor.ts'
import { type ChainId, type Digest, digestOf } from '#oci/digest.ts'
import { sniffCompression } from '#oci/media-types.ts'
import type { LayerStore, LayerUnpack } from '#storage/layers.ts'
import { blobPath, blobSize } from './blobs.ts'
import { removeIfThere } from './durable-file.ts'
import { openPartialBlob, type PartialBlob } from './partial-blob.ts'
import type { BlobPhase } from './progress.ts'
import { type ImageSource, SourceError } from './source.ts'

export interface LayerJob {
  root: string
  source: ImageSource
  layers: LayerStore
  descriptor: Descriptor
  diffId: Digest
  chainId: ChainId
  parent: ChainId | undefined
  signal: AbortSignal
  onPhase: (phase: BlobPhase, doneBytes: number) => void
}

/** A layer whose bytes are all here and verified, not yet visible. Disposing it before `commit` keeps what can be resumed. */
export interface ReceivedLayer extends AsyncDisposable {
  /** Bytes of the unpacked files. */
  sizeBytes: number
  /** Makes the layer, then its blob visible. The layer below has been committed. */
  commit(): Promise<void>
}

/** Fetches, verifies and unpacks what the store lacks of a layer. */
export async function receiveLayer(job: LayerJob): Promise<ReceivedLayer> {
  const { root, layers, descriptor, chainId, onPhase } = job
  const isStored = blobSize(root, descriptor.digest) === descriptor.size
  if (isStored && layers.has(chainId)) {
    onPhase('exists', descriptor.size)
    return { sizeBytes: layers.sizeOf(chainId) ?? 0, commit: async () => undefined, async [Symbol.asyncDispose]() {} }
  }
  if (isStored) {
    const received = await unpackStored(job)
    if (received !== undefined) return received
  }
  return await download(job)
}

/** A blob that is here but not unpacked; `undefined` where it turns out to be damaged, and has been removed. */
async function unpackStored(job: LayerJob): Promise<ReceivedLayer | undefined> {
  const path = blobPath(job.root, job.descriptor.digest)
  await using feed = new LayerFeed(job)
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) await feed.take(chunk as Uint8Array)
  if (feed.digest() !== job.descriptor.digest) {
    removeIfThere(path)
    return undefined
  }
  await feed.finish()
  return await feed.release()
}

async function download(job: LayerJob): Promise<ReceivedLayer> {
  const { root, descriptor, signal, onPhase } = job
  const partial = await openPartialBlob(root, descriptor.digest, {
    signal,
    onWait: size => onPhase('waiting', size),
  })
  if (partial === undefined) return await receiveLayer(job) // another process brought it
  await using stack = new AsyncDisposableStack()
  stack.use(partial)
  let received: ReceivedLayer | undefined
  try {
    received = await copyInto(partial, job)
    // bytes that an earlier try left may be what is wrong
    received ??= await copyInto(partial, job)
  } catch (error) {
    // a layer that the unpacker refuses stays refused: only what a medium failed to bring is worth resuming
    if (hasCode(error, 'INVALID') && !(error instanceof SourceError)) partial.remove()
    throw error
  }
  if (received === undefined)
    throw new SourceError('INVALID', `blob ${descriptor.digest}: what came twice has another digest`, {
      hint: 'the registry or something on the way changes it',
    })
  stack.use(received)
  const kept = stack.move()
  return {
    sizeBytes: received.sizeBytes,
    async commit() {
      await received.commit()
      partial.commit(root, descriptor.digest)
      await kept.disposeAsync()
    },
    [Symbol.asyncDispose]: async () => await kept.disposeAsync(),
  }
}

/** Completes the partial blob and feeds it all to the unpacker. `undefined`: the digest was wrong and old bytes were part of it. */
async function copyInto(partial: PartialBlob, job: LayerJob): Promise<ReceivedLayer | undefined> {
  const { source, descriptor, signal, onPhase } = job
  if (partial.size > descriptor.size) partial.clear()
  const resumed = partial.size
  await using feed = new LayerFeed(job)
  for await (const chunk of partial.contents()) await feed.take(chunk)
  if (resumed < descriptor.size) {
    onPhase('copying', resumed)
    for await (const chunk of await source.openBlob(descriptor, resumed, signal)) {
      signal.throwIfAborted()
      if (partial.size + chunk.byteLength > descriptor.size)
        throw new SourceError(
          'INVALID',
          `blob ${descriptor.digest} has more than the ${descriptor.size} bytes that its manifest says`,
        )
      await Promise.all([partial.append(chunk), feed.take(chunk)])
      onPhase('copying', partial.size)
    }
    if (partial.size < descriptor.size)
      throw new SourceError(
        'INVALID',
        `blob ${descriptor.digest} ends after ${partial.size} of ${descriptor.size} bytes`,
      )
  }
  const digest = feed.digest()
  if (digest !== descriptor.digest) {
    partial.clear()
    if (resumed > 0) return undefined
    partial.remove()
    throw new SourceError('INVALID', `blob ${descriptor.digest}: the bytes that came have the digest ${digest}`, {
      hint: 'the registry or something on the way changes it; nothing of it was kept',
    })
  }
  onPhase('unpacking', descriptor.size)
  await Promise.all([feed.finish(), partial.sync()])
  return await feed.release()
}

/** Hashes a layer's compressed bytes and hands them to the unpacker, which is opened when the first tell how they are compressed. */
class LayerFeed implements AsyncDisposable {
  readonly #job: LayerJob
  readonly #hash = createHash('sha256')
  #unpack: Promise<LayerUnpack> | undefined
  /** the first bytes, as long as they are too few to tell */
  #head: Uint8Array = new Uint8Array()
  #sizeBytes: number | undefined

  constructor(job: LayerJob) {
    this.#job = job
    this.#sizeBytes = job.layers.sizeOf(job.chainId) // visible already: only the blob is missing
  }

  async take(chunk: Uint8Array): Promise<void> {
    const writing = this.#sizeBytes === undefined ? this.#pass(chunk) : undefined
    this.#hash.update(chunk)
    await writing
  }

  /** Of everything taken; call it once. */
  digest(): Digest {
    return digestOf(this.#hash.digest('hex'))
  }

  /** Waits for the last file. Throws INVALID for a wrong diff id or a hostile archive. */
  async finish(): Promise<void> {
    if (this.#sizeBytes !== undefined) return
    const { diffId, descriptor } = this.#job
    const unpack = await (this.#unpack ?? this.#open(this.#head))
    const result = await unpack.finish()
    if (result.diffId !== diffId)
      throw new TspodError(
        'INVALID',
        `layer ${descriptor.digest} unpacks to ${result.diffId}, its configuration says ${diffId}`,
      )
    this.#sizeBytes = result.sizeBytes
  }

  /** Hands the finished layer to the caller, who commits or disposes it. */
  async release(): Promise<ReceivedLayer> {
    const unpack = await this.#unpack
    this.#unpack = undefined
    return {
      sizeBytes: this.#sizeBytes ?? 0,
      commit: async () => await unpack?.commit(),
      [Symbol.asyncDispose]: async () => await unpack?.[Symbol.asyncDispose](),
    }
  }

  async #pass(chunk: Uint8Array): Promise<void> {
    if (this.#unpack === undefined) {
      this.#head = this.#head.byteLength === 0 ? chunk : Buffer.concat([this.#head, chunk])
      if (this.#head.byteLength >= 4) await this.#open(this.#head)
    } else await (await this.#unpack).write(chunk)
  }

  async #open(head: Uint8Array): Promise<LayerUnpack> {
    const { layers, chainId, parent, diffId } = this.#job
    this.#unpack = layers.unpack({ chainId, parent, diffId, compression: sniffCompression(head) })
    const unpack = await this.#unpack
    await unpack.write(head)
    return unpack
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const unpack = await this.#unpack?.catch(() => undefined) // whoever took a chunk has seen that error
    await unpack?.[Symbol.asyncDispose]()
  }
}
