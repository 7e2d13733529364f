// One image on a registry (OCI distribution-spec, Pull): manifests and blobs, resumed where a connection breaks. Host namespaces.
import { TspodError } from '#errors.ts'
import { digestOfBytes } from '#image/blobs.ts'
import { type ImageSource, type ManifestBytes, SourceError } from '#image/source.ts'
import type { Descriptor } from '#oci/descriptor.ts'
import { type Digest, isDigest } from '#oci/digest.ts'
import { largestManifestBytes, parseJson } from '#oci/manifest.ts'
import { manifestMediaTypes } from '#oci/media-types.ts'
import { type Reference, repositoryName } from '#oci/reference.ts'
import { connectionFailure, isTransient } from './failure.ts'
import { RegistrySession, type SessionOptions } from './session.ts'
import type { HttpResponse } from './transport.ts'

/** Progress that makes up for a broken connection: a server may break often, but not for ever. */
const worthwhileBytes = 1 << 20

export class RegistrySource implements ImageSource {
  readonly description: string
  readonly #session: RegistrySession
  readonly #reference: Reference
  readonly #scope: string
  readonly #signal: AbortSignal

  constructor(reference: Reference, options: Omit<SessionOptions, 'registry'>) {
    this.#reference = reference
    this.#session = new RegistrySession({ ...options, registry: reference.registry })
    this.#scope = `repository:${reference.repository}:pull`
    this.#signal = options.signal
    this.description = `registry "${reference.registry}"`
  }

  async openManifest(descriptor?: Descriptor): Promise<ManifestBytes> {
    const wanted = descriptor?.digest ?? this.#reference.digest
    return await this.#openNamed(wanted ?? this.#reference.tag ?? 'latest', wanted)
  }

  /** What the repository has under another tag. Throws NOT_FOUND. */
  async openTag(tag: string): Promise<ManifestBytes> {
    return await this.#openNamed(tag, undefined)
  }

  async #openNamed(name: string, wanted: Digest | undefined): Promise<ManifestBytes> {
    const doing = `reading manifest ${name} in ${repositoryName(this.#reference)}`
    const response = await this.#get('GET', `manifests/${name}`, doing, { Accept: manifestMediaTypes.join(', ') })
    const bytes = await this.#small(response, doing)
    const digest = digestOfBytes(bytes)
    const promised = wanted ?? response.headers.get('docker-content-digest')
    if (promised !== null && isDigest(promised) && promised !== digest)
      throw new SourceError('INVALID', `${doing}: the bytes that came have the digest ${digest}, must be ${promised}`)
    return { bytes, digest, mediaType: (response.headers.get('content-type') ?? '').split(';')[0]?.trim() ?? '' }
  }

  /** The digest that the tag has now, without the manifest; `undefined` where the registry does not say. */
  async headDigest(): Promise<string | undefined> {
    const { digest, tag = 'latest' } = this.#reference
    if (digest !== undefined) return digest
    const doing = `asking for the digest of ${tag} in ${repositoryName(this.#reference)}`
    const response = await this.#get('HEAD', `manifests/${tag}`, doing, { Accept: manifestMediaTypes.join(', ') })
    await response.discard()
    return response.headers.get('docker-content-digest') ?? undefined
  }

  /** Every tag of the repository, page by page. */
  async listTags(): Promise<string[]> {
    const doing = `listing the tags of ${repositoryName(this.#reference)}`
    const tags: string[] = []
    let path: string | undefined = 'tags/list?n=1000'
    while (path !== undefined) {
      const response = await this.#get('GET', path, doing, {})
      const page = parseJson(new TextDecoder().decode(await this.#small(response, doing)), doing) as { tags?: unknown }
      if (Array.isArray(page.tags)) tags.push(...page.tags.filter(tag => typeof tag === 'string'))
      const next = /<([^>]+)>\s*;\s*rel="?next"?/.exec(response.headers.get('link') ?? '')?.[1]
      path = next === undefined ? undefined : new URL(next, response.url).href
      if (path !== undefined && (new URL(path).origin !== response.url.origin || tags.length > 1_000_000))
        throw new SourceError('INVALID', `${doing}: the list of tags goes on at ${new URL(path).host}`)
    }
    return tags
  }

  async openBlob(descriptor: Descriptor, offset: number, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const first = await this.#getBlob(descriptor, offset, signal)
    return this.#resumed(descriptor, offset, first, signal ?? this.#signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // connections belong to the runtime's pool
  }

  /** A blob's bytes, over as many connections as it takes. */
  async *#resumed(
    descriptor: Descriptor,
    offset: number,
    first: HttpResponse,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void> {
    let response = first
    let position = offset
    let attempt = 0
    let positionOfLastBreak = offset
    for (;;) {
      let error: unknown
      try {
        let skip = response.status === 206 ? 0 : position
        for await (const chunk of response.chunks()) {
          const fresh = chunk.subarray(Math.min(skip, chunk.byteLength))
          skip -= chunk.byteLength - fresh.byteLength
          position += fresh.byteLength
          if (fresh.byteLength > 0) yield fresh
        }
        if (position >= descriptor.size) return
        error = Object.assign(new Error('the connection was closed early'), { code: 'ECONNRESET' })
      } catch (thrown) {
        signal.throwIfAborted()
        error = thrown
      }
      if (position - positionOfLastBreak >= worthwhileBytes) attempt = 0
      positionOfLastBreak = position
      const doing = `reading blob ${descriptor.digest} in ${repositoryName(this.#reference)} at byte ${position}`
      if (error instanceof TspodError || !isTransient(error) || ++attempt > this.#session.retries)
        throw error instanceof TspodError ? error : connectionFailure(doing, this.#reference.registry, error)
      await this.#session.waitBefore(attempt, `${doing}: the connection broke`, signal)
      response = await this.#getBlob(descriptor, position, signal)
    }
  }

  async #getBlob({ digest, size }: Descriptor, offset: number, signal: AbortSignal | undefined): Promise<HttpResponse> {
    const doing = `reading blob ${digest} in ${repositoryName(this.#reference)}`
    const headers: Record<string, string> = offset === 0 ? {} : { Range: `bytes=${offset}-` }
    const response = await this.#get('GET', `blobs/${digest}`, doing, headers, signal)
    const length = Number(response.headers.get('content-length') ?? Number.NaN)
    const start = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1]
    if (response.status === 206 && Number(start) !== offset) {
      await response.discard()
      throw new SourceError(
        'INVALID',
        `${doing}: asked for bytes from ${offset} on, the registry sends them from ${start ?? 'nowhere'} on`,
      )
    }
    if (response.status === 200 && !Number.isNaN(length) && length !== size) {
      await response.discard()
      throw new SourceError('INVALID', `${doing}: the registry sends ${length} bytes, the manifest says ${size}`)
    }
    return response
  }

  async #get(
    method: 'GET' | 'HEAD',
    path: string,
    doing: string,
    headers: Record<string, string>,
    signal?: AbortSignal,
  ): Promise<HttpResponse> {
    const whole = path.includes('://') ? path : `/v2/${this.#reference.repository}/${path}`
    return await this.#session.request({
      method,
      path: whole,
      headers,
      scope: this.#scope,
      doing,
      signal: signal ?? this.#signal,
    })
  }

  async #small(response: HttpResponse, doing: string): Promise<Uint8Array> {
    try {
      return await response.bytes(largestManifestBytes)
    } catch (error) {
      this.#signal.throwIfAborted()
      if (error instanceof SourceError)
        throw new SourceError(error.code, `${doing}: ${error.message}`, { cause: error })
      throw connectionFailure(doing, this.#reference.registry, error)
    }
  }
}
