// One blob on its way to a registry (OCI distribution-spec, Push): mounted from a neighbour where that can be, else sent as one stream,
// which goes on where a connection broke, or in chunks where the registry takes no more at once. Host namespaces.
import { TspodError } from '#errors.ts'
import { SourceError } from '#image/source.ts'
import type { Descriptor } from '#oci/descriptor.ts'
import { connectionFailure, isTransient } from './failure.ts'
import type { HeadStart } from './head-start.ts'
import { isRetriedStatus, pauseBefore } from './retry.ts'
import type { RegistryRequest, RegistrySession } from './session.ts'
import type { HttpMethod, HttpResponse, UploadContent } from './transport.ts'

export interface UploadJob {
  /** `someone/tool` */
  repository: string
  descriptor: Descriptor
  /** the blob's bytes from an offset on; may be called again */
  open: (offset: number) => AsyncIterable<Uint8Array>
  /** repositories of the same registry that may have it */
  mountFrom: readonly string[]
  /** how much of it the registry has, or is being sent */
  onBytes: (doneBytes: number) => void
  signal: AbortSignal
  /** what has been sent already, while the blob was being made */
  begun?: HeadStart
}

export type UploadOutcome = 'exists' | 'mounted' | 'sent'

/** What the next request is for. */
interface Session {
  /** where the registry wants to have the next bytes */
  location: string
  offset: number
}

const octets = 'application/octet-stream'
/** Progress that makes up for a broken connection. */
const worthwhileBytes = 1 << 20
/** The first try where a registry, or a proxy before it, says that a body is too large. */
const firstChunkBytes = 32 << 20
const smallestChunkBytes = 1 << 16
const mostMounts = 2

/** Makes the registry have the blob. Throws SourceError with the registry's words, after the retries that make sense. */
export async function uploadBlob(registry: RegistrySession, job: UploadJob): Promise<UploadOutcome> {
  if (await hasBlob(registry, job)) return 'exists'
  return await new Upload(registry, job).run()
}

/** True where the repository has the blob already. */
export async function hasBlob(
  registry: RegistrySession,
  job: Pick<UploadJob, 'repository' | 'descriptor' | 'signal'>,
): Promise<boolean> {
  const { repository, descriptor, signal } = job
  const response = await registry.request({
    method: 'HEAD',
    path: `/v2/${repository}/blobs/${descriptor.digest}`,
    headers: {},
    alsoGood: [404],
    scope: pushScope(repository),
    doing: `looking for blob ${descriptor.digest} in ${repository}`,
    signal,
  })
  await response.discard()
  const length = response.headers.get('content-length')
  return response.status !== 404 && (length === null || Number(length) === descriptor.size)
}

/** What a token must allow. */
export function pushScope(repository: string): string {
  return `repository:${repository}:pull,push`
}

class Upload {
  readonly #registry: RegistrySession
  readonly #job: UploadJob
  #chunkBytes = Number.POSITIVE_INFINITY
  #attempt = 0
  /** over all tries */
  #sentBytes = 0
  #sentAtLastBreak = 0
  #isRepeated = false

  constructor(registry: RegistrySession, job: UploadJob) {
    this.#registry = registry
    this.#job = job
  }

  async run(): Promise<UploadOutcome> {
    let session: Session | 'mounted' = (await this.#job.begun?.end()) ?? (await this.#begin())
    for (;;) {
      if (session === 'mounted') return 'mounted'
      const { size } = this.#job.descriptor
      const next: Session | 'done' | 'lost' =
        session.offset < size ? await this.#send(session) : await this.#finish(session)
      if (next === 'done') return 'sent'
      session = next === 'lost' ? await this.#begin() : next
    }
  }

  /** A new session, or none where a neighbour's blob was mounted. */
  async #begin(): Promise<Session | 'mounted'> {
    const { repository, descriptor, mountFrom } = this.#job
    const uploads = `/v2/${repository}/blobs/uploads/`
    for (const from of mountFrom.slice(0, mostMounts)) {
      const path = `${uploads}?mount=${encodeURIComponent(descriptor.digest)}&from=${encodeURIComponent(from)}`
      const response = await this.#registry
        .request({
          ...this.#request('POST', path, { 'Content-Length': '0' }),
          scope: `${pushScope(repository)} repository:${from}:pull`,
        })
        .catch((error: unknown) => {
          // a registry that cannot, or may not, says so in many ways: then the blob is sent
          this.#job.signal.throwIfAborted()
          if (!(error instanceof SourceError)) throw error
        })
      await response?.discard()
      if (response?.status === 201) return 'mounted'
      if (response?.status === 202) return sessionOf(response, 0, this.#doing)
    }
    const response = await this.#registry.request(this.#request('POST', uploads, { 'Content-Length': '0' }))
    await response.discard()
    const least = Number(response.headers.get('oci-chunk-min-length') ?? 0)
    if (least > this.#chunkBytes) this.#chunkBytes = least
    return sessionOf(response, 0, this.#doing)
  }

  /** Sends what is left, or one chunk of it. */
  async #send(session: Session): Promise<Session | 'lost'> {
    const { descriptor, open, onBytes } = this.#job
    const { offset, location } = session
    const size = Math.min(descriptor.size - offset, this.#chunkBytes)
    const onSent = (done: number, more: number): void => {
      this.#sentBytes += more
      onBytes(offset + done)
    }
    const content = { size, open: () => counted(open(offset), size, onSent) }
    const range: Record<string, string> =
      offset === 0 && size === descriptor.size ? {} : { 'Content-Range': `${offset}-${offset + size - 1}` }
    const outcome = await this.#try('PATCH', location, range, content)
    if (outcome === 'broken') return await this.#ask(session)
    if (outcome.status === 413) return this.#smaller(session)
    if (outcome.status === 416) return await this.#ask(session)
    if (outcome.status === 404) return this.#lost(offset)
    return sessionOf(outcome, offset + size, this.#doing)
  }

  /** Names the digest: the registry checks its bytes and makes them a blob. */
  async #finish(session: Session): Promise<Session | 'done' | 'lost'> {
    const { descriptor, repository, signal } = this.#job
    const { location } = session
    const path = `${location}${location.includes('?') ? '&' : '?'}digest=${encodeURIComponent(descriptor.digest)}`
    const outcome = await this.#try('PUT', path, {}, new Uint8Array())
    if (outcome === 'broken')
      return (await hasBlob(this.#registry, { descriptor, repository, signal })) ? 'done' : await this.#ask(session)
    if (outcome.status === 404 || outcome.status === 416) return this.#lost(session.offset)
    return 'done'
  }

  /** How much has really arrived (GET of the session). */
  async #ask(session: Session): Promise<Session | 'lost'> {
    const response = await this.#registry.request({
      ...this.#request('GET', session.location, {}),
      alsoGood: [404, 405, 400],
    })
    await response.discard()
    const last = /^(?:bytes=)?0-(\d+)$/.exec(response.headers.get('range') ?? '')?.[1]
    // "0-0" means nothing to some registries and one byte to others
    if (response.status > 299 || last === undefined || last === '0') return this.#lost(session.offset)
    const offset = Math.min(Number(last) + 1, this.#job.descriptor.size)
    return { location: nextLocation(response, session.location, this.#doing), offset }
  }

  #smaller(session: Session): Session {
    const { size } = this.#job.descriptor
    const before = Math.min(this.#chunkBytes, size - session.offset)
    if (before <= smallestChunkBytes)
      throw new SourceError('DENIED', `${this.#doing}: the registry takes not even ${before} bytes at a time`)
    this.#chunkBytes = Math.max(smallestChunkBytes, Math.min(firstChunkBytes, before / 2) & ~0xffff)
    return session
  }

  /** The session is gone: once more from the beginning, but not for ever. */
  #lost(offset: number): 'lost' {
    if (this.#isRepeated && ++this.#attempt > this.#registry.retries)
      throw new SourceError(
        'INTERNAL',
        `${this.#doing}: the registry forgot the upload again and again at byte ${offset}`,
      )
    this.#isRepeated = true
    return 'lost'
  }

  /** One request that must not be repeated blindly. `broken`: it failed in a way that is worth another try, after a pause. */
  async #try(
    method: HttpMethod,
    path: string,
    headers: Record<string, string>,
    content: UploadContent,
  ): Promise<HttpResponse | 'broken'> {
    const { signal } = this.#job
    const registry = this.#registry
    let why: string
    let retryAfter: string | null = null
    try {
      const response = await registry.attempt(
        this.#request(method, path, { 'Content-Type': octets, ...headers }, content),
      )
      const { status } = response
      if ((status >= 200 && status < 300) || status === 404 || status === 416 || status === 413) {
        await response.discard()
        return response
      }
      retryAfter = response.headers.get('retry-after')
      const isHopeless = pauseBefore(1, { retries: 1, delayMs: 1 }, retryAfter) === undefined
      if (!isRetriedStatus(status) || isHopeless || !this.#mayTryAgain())
        throw await registry.refusal(this.#doing, response)
      await response.discard()
      why = `HTTP status ${status}`
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof TspodError) throw error
      if (!isTransient(error) || !this.#mayTryAgain()) throw connectionFailure(this.#doing, registry.name, error)
      why = 'the connection broke'
    }
    await registry.waitBefore(this.#attempt, `${this.#doing}: ${why}`, signal, retryAfter)
    return 'broken'
  }

  /** Counts breaks; a megabyte of progress since the last one makes up for it. */
  #mayTryAgain(): boolean {
    if (this.#sentBytes - this.#sentAtLastBreak >= worthwhileBytes) this.#attempt = 0
    this.#sentAtLastBreak = this.#sentBytes
    return ++this.#attempt <= this.#registry.retries
  }

  get #doing(): string {
    const { descriptor, repository } = this.#job
    return `writing blob ${descriptor.digest} to ${this.#registry.name}/${repository}`
  }

  #request(
    method: HttpMethod,
    path: string,
    headers: Record<string, string>,
    content?: UploadContent,
  ): RegistryRequest {
    const { repository, signal } = this.#job
    return { method, path, headers, content, scope: pushScope(repository), doing: this.#doing, signal }
  }
}

/** Where to go on after an answer that was a success, and from which byte. */
function sessionOf(response: HttpResponse, offset: number, doing: string): Session {
  const last = /^(?:bytes=)?0-(\d+)$/.exec(response.headers.get('range') ?? '')?.[1]
  // a registry that kept less than it was sent says so
  const kept = last === undefined || last === '0' ? offset : Math.min(offset, Number(last) + 1)
  return { location: nextLocation(response, undefined, doing), offset: kept }
}

/** Where the registry wants the next bytes. Throws where it does not say. */
export function nextLocation(response: HttpResponse, before: string | undefined, doing: string): string {
  const location = response.headers.get('location')
  if (location === null && before !== undefined) return before
  if (location === null || !URL.canParse(location, response.url.href))
    throw new SourceError('INVALID', `${doing}: the registry does not say where to send it`)
  const url = new URL(location, response.url)
  if (response.url.protocol === 'https:' && url.protocol !== 'https:')
    throw new SourceError('DENIED', `${doing}: the registry wants to have it at "${url.origin}", which is not https`)
  return url.href
}

/** The first `size` bytes, told as they go. Throws where there are fewer. */
async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  size: number,
  onSent: (done: number, more: number) => void,
): AsyncIterable<Uint8Array> {
  let done = 0
  for await (const chunk of chunks) {
    const part = chunk.subarray(0, size - done)
    done += part.byteLength
    yield part
    onSent(done, part.byteLength)
    if (done === size) return
  }
  throw new TspodError('INVALID', `a blob has ${done} bytes, must have ${size}`, {
    hint: '"tspod system check --repair" finds damaged images',
  })
}
