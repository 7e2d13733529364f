// One repository of a registry as a place to write images to (OCI distribution-spec, Push). Host namespaces.

import { digestOfBytes } from '#image/blobs.ts'
import { type ImageSink, type ManifestBytes, type OpenBlob, SourceError } from '#image/source.ts'
import type { Descriptor } from '#oci/descriptor.ts'
import { isDigest } from '#oci/digest.ts'
import { type Reference, repositoryName } from '#oci/reference.ts'
import { HeadStart } from './head-start.ts'
import { RegistrySession, type SessionOptions } from './session.ts'
import { hasBlob, pushScope, type UploadOutcome, uploadBlob } from './upload.ts'

export class RegistrySink implements ImageSink {
  readonly description: string
  readonly #reference: Reference
  readonly #session: RegistrySession
  readonly #signal: AbortSignal

  constructor(reference: Reference, options: Omit<SessionOptions, 'registry'>) {
    this.#reference = reference
    this.#session = new RegistrySession({ ...options, registry: reference.registry })
    this.#signal = options.signal
    this.description = `registry "${reference.registry}"`
  }

  async hasBlob(descriptor: Descriptor): Promise<boolean> {
    const { repository } = this.#reference
    return await hasBlob(this.#session, { repository, descriptor, signal: this.#signal })
  }

  async putBlob(descriptor: Descriptor, open: OpenBlob): Promise<void> {
    await this.upload(descriptor, open, {})
  }

  /** As `putBlob`; tells what was needed, and progress. `mountFrom` are repositories that may have the blob. */
  async upload(
    descriptor: Descriptor,
    open: OpenBlob,
    more: {
      mountFrom?: readonly string[]
      onBytes?: (doneBytes: number) => void
      signal?: AbortSignal
      begun?: HeadStart
    },
  ): Promise<UploadOutcome> {
    const { mountFrom = [], onBytes = () => undefined, signal = this.#signal, begun } = more
    const { repository } = this.#reference
    return await uploadBlob(this.#session, { repository, descriptor, open, mountFrom, onBytes, signal, begun })
  }

  /** Begins to send a blob that is still being made; to be handed to `upload`. */
  headStart(signal: AbortSignal): HeadStart {
    return new HeadStart(this.#session, this.#reference.repository, signal)
  }

  /** Under a tag or, where it is `undefined`, its digest alone. */
  async putManifestAs(manifest: ManifestBytes, tag: string | undefined): Promise<void> {
    const { repository } = this.#reference
    const { bytes, mediaType, digest } = manifest
    const name = tag ?? digest
    const doing = `writing manifest ${name} to ${repositoryName(this.#reference)}`
    const response = await this.#session.request({
      method: 'PUT',
      path: `/v2/${repository}/manifests/${name}`,
      headers: { 'Content-Type': mediaType },
      content: bytes,
      scope: pushScope(repository),
      doing,
      signal: this.#signal,
    })
    await response.discard()
    const stored = response.headers.get('docker-content-digest')
    if (stored !== null && isDigest(stored) && stored !== digestOfBytes(bytes))
      throw new SourceError('INVALID', `${doing}: the registry has made ${stored} of ${digest}`)
  }

  async putManifest(manifest: ManifestBytes): Promise<void> {
    await this.putManifestAs(manifest, this.#reference.tag)
  }

  async finish(): Promise<void> {
    // the manifest came last, and with it everything is visible
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // connections belong to the runtime's pool
  }
}
