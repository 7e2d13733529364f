// The store of unpacked layers, one folder for each chain of layers. Host namespaces; a worker inside the user's namespace unpacks.
import { existsSync, mkdirSync, readlinkSync, renameSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf, TspodError } from '#errors.ts'
import type { ChainId, Digest } from '#oci/digest.ts'
import { trySyscall } from '#sys/call.ts'
import { openFile } from '#sys/fd.ts'
import { O_DIRECTORY, O_RDONLY } from '#sys/flags.ts'
import { startWorker, type Worker } from '#userns/worker.ts'
import { type LayerMode, layerFolder, linkFolder, linkName } from './layer-paths.ts'
import { type LayerRecord, readLayerRecord } from './layer-record.ts'
import type { LayerRequest, LayerResult, LayerStore, LayerUnpack } from './layers.ts'
import type { OpenNamespace } from './remove-tree.ts'
import { openStaging, type Staging } from './staging.ts'

/** What worker:unpack is asked; the layer's bytes come on its standard input. */
export interface UnpackRequest {
  /** staging folder with an empty `diff` */
  folder: string
  diffId: Digest
  parent: ChainId | undefined
  compression: LayerRequest['compression']
  singleId: boolean
}

export interface LayerStoreOptions {
  graphRoot: string
  /** Layers of the one-id mapping lie apart: their owners differ. */
  mode: LayerMode
  openNamespace: OpenNamespace
}

/** The layers of this store. Opens nothing until something is unpacked. */
export function openLayerStore(options: LayerStoreOptions): LayerStore {
  const { graphRoot, mode, openNamespace } = options
  return {
    has: chainId => existsSync(layerFolder(graphRoot, mode, chainId)),
    sizeOf: chainId => readLayerRecord(layerFolder(graphRoot, mode, chainId))?.sizeBytes,
    async unpack(request) {
      const namespace = await openNamespace()
      const staging = openStaging(graphRoot, 'layer', openNamespace)
      try {
        const folder = join(staging.path, 'layer')
        mkdirSync(join(folder, 'diff'), { recursive: true, mode: 0o755 })
        const { diffId, parent, compression } = request
        const asked: UnpackRequest = { folder, diffId, parent, compression, singleId: mode === 'single' }
        const worker = startWorker(namespace, 'unpack', asked, { stdin: 'pipe' })
        return new StagedLayer(options, request, staging, worker)
      } catch (error) {
        await staging[Symbol.asyncDispose]()
        throw error
      }
    },
  }
}

class StagedLayer implements LayerUnpack {
  readonly #options: LayerStoreOptions
  readonly #request: LayerRequest
  readonly #staging: Staging
  readonly #worker: Worker
  #record: LayerRecord | undefined

  constructor(options: LayerStoreOptions, request: LayerRequest, staging: Staging, worker: Worker) {
    this.#options = options
    this.#request = request
    this.#staging = staging
    this.#worker = worker
  }

  async write(chunk: Uint8Array): Promise<void> {
    try {
      await this.#worker.write(chunk)
    } catch (error) {
      if (errnoOf(error) !== 'EPIPE') throw error
      await this.finish() // says why the worker ended
      throw error
    }
  }

  async finish(): Promise<LayerResult> {
    this.#record ??= await this.#worker.result<LayerRecord>()
    const { diffId, sizeBytes, skippedDevices } = this.#record
    return { diffId, sizeBytes, skippedDevices: skippedDevices.length }
  }

  async commit(): Promise<void> {
    await this.finish()
    const { chainId } = this.#request
    if (this.#record !== undefined && this.#record.impliedFolders.length > 0) {
      const { inheritImpliedFolders } = await import('./implied-folders.ts')
      await inheritImpliedFolders(this.#options, join(this.#staging.path, 'layer', 'diff'), this.#record)
    }
    publishLayer(this.#options, join(this.#staging.path, 'layer'), chainId)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker[Symbol.asyncDispose]()
    await this.#staging[Symbol.asyncDispose]()
  }
}

/** Makes a finished layer visible: a folder with `diff/` and `layer.json`, synced. Another process's layer of that name may be there. */
export function publishLayer(
  { graphRoot, mode }: Pick<LayerStoreOptions, 'graphRoot' | 'mode'>,
  folder: string,
  chainId: ChainId,
): void {
  const links = linkFolder(graphRoot, mode)
  mkdirSync(links, { recursive: true, mode: 0o700 })
  linkLayer(links, chainId)
  try {
    renameSync(folder, layerFolder(graphRoot, mode, chainId))
  } catch (error) {
    // another process was faster: its layer has the same digest
    if (errnoOf(error) !== 'EEXIST' && errnoOf(error) !== 'ENOTEMPTY') throw error
  }
  using layers = openFile(join(links, '..'), O_RDONLY | O_DIRECTORY)
  trySyscall('fsync', layers.number)
}

/** Makes the short link of a layer; it may be there before the layer is, never the other way round. */
export function linkLayer(links: string, chainId: ChainId): void {
  const link = join(links, linkName(chainId))
  const wanted = `../${chainId.slice('sha256:'.length)}/diff`
  try {
    symlinkSync(wanted, link)
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
    const found = readlinkSync(link)
    if (found !== wanted)
      throw new TspodError('CONFLICT', `linking the layer "${chainId}": "${link}" leads to "${found}" already`)
  }
}
