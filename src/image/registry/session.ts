// Requests to one registry: finds its scheme, authenticates when challenged, follows redirects, tries again. Host namespaces.
import type { Credentials } from '#config/auth.ts'
import { SourceError } from '#image/source.ts'
import { parseChallenges } from './challenge.ts'
import { connectionFailure, isTransient, responseFailure } from './failure.ts'
import { isRetriedStatus, pause, pauseBefore, type RetryPolicy } from './retry.ts'
import { basic, parseTokenAnswer, planTokenRequest } from './token.ts'
import { type HttpMethod, type HttpRequest, type HttpResponse, sendRequest, type UploadContent } from './transport.ts'
import { type Trust, trustFor } from './trust.ts'

export interface SessionOptions {
  /** host[:port] as in image names */
  registry: string
  /** Plain HTTP and unknown certificates are accepted. */
  insecure: boolean
  certDir?: string
  /** Asked for once, when the registry demands it. */
  findCredentials: () => Promise<Credentials | undefined>
  retry: RetryPolicy
  /** One line worth telling: a retry with its reason. */
  onNote: (text: string) => void
  signal: AbortSignal
}

export interface RegistryRequest {
  method: HttpMethod
  /** below the registry's root, `/v2/…`, or a whole URL of an earlier answer */
  path: string
  headers: Record<string, string>
  content?: UploadContent
  /** statuses that are an answer too, besides 2xx */
  alsoGood?: readonly number[]
  /** `repository:library/alpine:pull` */
  scope: string
  /** `reading manifest latest in quay.io/x`: begins errors */
  doing: string
  signal?: AbortSignal
}

const mostRedirects = 10
const longestErrorBytes = 64 * 1024
const longestTokenBytes = 1024 * 1024

export class RegistrySession {
  readonly #options: SessionOptions
  #base: Promise<URL> | undefined
  #trust: Trust | undefined
  #credentials: Promise<Credentials | undefined> | undefined
  /** Authorization headers by scope; a promise while one is being fetched, so that parallel requests share it. */
  readonly #authorizations = new Map<string, Promise<string>>()

  constructor(options: SessionOptions) {
    this.#options = options
  }

  /** A successful (2xx) response. Throws SourceError for everything else, after the retries that make sense. */
  async request(request: RegistryRequest): Promise<HttpResponse> {
    const { retry, registry } = this.#options
    for (let attempt = 1; ; attempt++) {
      let why: string
      let retryAfter: string | null = null
      try {
        const response = await this.attempt(request)
        if (isGood(response.status, request)) return response
        const wait = pauseBefore(attempt, retry, response.headers.get('retry-after'))
        if (!isRetriedStatus(response.status) || attempt > retry.retries || wait === undefined)
          throw await this.refusal(request.doing, response)
        why = `HTTP status ${response.status}`
        retryAfter = response.headers.get('retry-after')
        await response.discard()
      } catch (error) {
        this.#signal(request).throwIfAborted()
        if (error instanceof SourceError) throw error
        if (!isTransient(error) || attempt > retry.retries) throw connectionFailure(request.doing, registry, error)
        why = connectionFailure('', registry, error).message.replace(/^: /, '')
      }
      await this.waitBefore(attempt, `${request.doing}: ${why}`, this.#signal(request), retryAfter)
    }
  }

  /** Says why, and sleeps before the next attempt. */
  async waitBefore(attempt: number, why: string, signal: AbortSignal, retryAfter: string | null = null): Promise<void> {
    const { retry, onNote } = this.#options
    const ms = pauseBefore(attempt, retry, retryAfter) ?? 0
    onNote(`${why}; trying again in ${(ms / 1000).toFixed(1)} s (${attempt} of ${retry.retries})`)
    await pause(ms, signal)
  }

  /** host[:port] as in image names */
  get name(): string {
    return this.#options.registry
  }

  get retries(): number {
    return this.#options.retry.retries
  }

  #signal(request: Pick<RegistryRequest, 'signal'>): AbortSignal {
    return request.signal ?? this.#options.signal
  }

  /** One try, authenticated where that is asked for: whatever the registry answers. Throws what `connectionFailure` knows. */
  async attempt(request: RegistryRequest): Promise<HttpResponse> {
    const tried = this.#authorizations.get(request.scope)
    const known = await tried
    const response = await this.#send(request, known)
    if (response.status !== 401) return response
    if (this.#authorizations.get(request.scope) === tried) {
      const pending = this.#authenticate(response.headers.get('www-authenticate') ?? '', request)
      this.#authorizations.set(request.scope, pending)
      pending.catch(() => this.#authorizations.delete(request.scope))
    }
    const authorization = await this.#authorizations.get(request.scope)
    if (authorization === '' || authorization === known) return response // it would be refused again
    await response.discard()
    return await this.#send(request, authorization)
  }

  /** The header that a challenge calls for; empty where we cannot meet any. */
  async #authenticate(header: string, request: RegistryRequest): Promise<string> {
    const challenges = parseChallenges(header)
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer')
    if (bearer !== undefined) return await this.#fetchToken(bearer, request)
    const credentials = challenges.some(({ scheme }) => scheme === 'basic') ? await this.#findCredentials() : undefined
    return credentials === undefined ? '' : basic(credentials)
  }

  async #fetchToken(challenge: ReturnType<typeof parseChallenges>[number], request: RegistryRequest): Promise<string> {
    const credentials = await this.#findCredentials()
    const base = await this.#findBase(request)
    const isPlainAllowed = this.#options.insecure || base.protocol === 'http:'
    const plan = planTokenRequest(challenge, request.scope, credentials, { isPlainAllowed })
    const response = await this.#follow({ ...plan, signal: this.#signal(request) })
    if (response.status !== 200)
      throw await this.refusal(`${request.doing}: getting a token from ${plan.url.host}`, response)
    return `Bearer ${parseTokenAnswer(new TextDecoder().decode(await response.bytes(longestTokenBytes)), plan.url)}`
  }

  async #send(request: RegistryRequest, authorization: string | undefined): Promise<HttpResponse> {
    const base = await this.#findBase(request)
    const headers = { 'User-Agent': 'tspod', ...request.headers }
    const url = new URL(request.path, base)
    return await this.#follow({
      method: request.method,
      url,
      ...(request.content === undefined ? {} : { content: request.content }),
      headers: authorization && url.origin === base.origin ? { ...headers, Authorization: authorization } : headers,
      signal: this.#signal(request),
    })
  }

  /** Follows redirects; what proves who we are goes to no other host. */
  async #follow(first: HttpRequest): Promise<HttpResponse> {
    let request = first
    for (let hop = 0; hop <= mostRedirects; hop++) {
      const response = await sendRequest(request, this.#connection(request.url))
      const location = response.headers.get('location')
      if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return response
      if (request.content !== undefined && response.status < 307) return response // it would lose its content
      await response.discard()
      if (!URL.canParse(location, request.url.href))
        throw new SourceError('INVALID', `${request.url.host} redirects to "${location}", which is no URL`)
      const url = new URL(location, request.url)
      if (
        url.protocol !== 'https:' &&
        !(url.protocol === 'http:' && (request.url.protocol === 'http:' || this.#options.insecure))
      )
        throw new SourceError('DENIED', `${request.url.host} redirects to "${url.origin}", which is not https`)
      const { Authorization: _secret, ...open } = request.headers
      request = { ...request, url, headers: url.origin === request.url.origin ? request.headers : open }
      // a token request's form holds a secret too
      if (request.body !== undefined && url.origin !== first.url.origin)
        throw new SourceError('DENIED', `${first.url.host} redirects a password to ${url.host}`)
    }
    throw new SourceError('INVALID', `${first.url.host} redirects more than ${mostRedirects} times`)
  }

  /** The client's certificate is for the registry alone; authorities of its folder serve its other hosts too. */
  #connection(url: URL): { trust?: Trust; insecure: boolean } {
    const { registry, certDir, insecure } = this.#options
    if (url.protocol !== 'https:') return { insecure }
    this.#trust ??= trustFor(registry, certDir)
    const isOwn = url.host === new URL(`https://${endpointHost(registry)}`).host
    return { trust: isOwn ? this.#trust : { ca: this.#trust.ca }, insecure }
  }

  /** https, or, where that is allowed and https is not spoken, http. */
  async #findBase(request: Pick<RegistryRequest, 'signal'>): Promise<URL> {
    const pending = (this.#base ??= this.#probeBase(this.#signal(request)))
    pending.catch(() => (this.#base = undefined))
    return await pending
  }

  async #probeBase(signal: AbortSignal): Promise<URL> {
    const host = endpointHost(this.#options.registry)
    const secure = new URL(`https://${host}`)
    if (!this.#options.insecure) return secure
    const probe = { method: 'GET', headers: { 'User-Agent': 'tspod' }, signal } as const
    try {
      const response = await sendRequest({ ...probe, url: new URL('/v2/', secure) }, this.#connection(secure))
      await response.discard()
      return secure
    } catch (error) {
      signal.throwIfAborted()
      const plain = new URL(`http://${host}`)
      try {
        const response = await sendRequest({ ...probe, url: new URL('/v2/', plain) }, { insecure: true })
        await response.discard()
        return plain
      } catch {
        throw error // neither answers: the first failure says more
      }
    }
  }

  async #findCredentials(): Promise<Credentials | undefined> {
    this.#credentials ??= this.#options.findCredentials()
    return await this.#credentials
  }

  /** The error for an answer that is no success. */
  async refusal(doing: string, response: HttpResponse): Promise<Error> {
    const credentials = await this.#credentials
    const who =
      credentials === undefined
        ? 'no credentials were found for it'
        : `with the credentials of ${credentials.username === '' ? 'a token' : `"${credentials.username}"`} from ${credentials.from}`
    const body = await response.bytes(longestErrorBytes).catch(() => new Uint8Array())
    return responseFailure(doing, { status: response.status, body: new TextDecoder().decode(body) }, who)
  }
}

function isGood(status: number, { alsoGood = [] }: RegistryRequest): boolean {
  return (status >= 200 && status < 300) || alsoGood.includes(status)
}

/** The host that serves a registry of image names. */
export function endpointHost(registry: string): string {
  return registry === 'docker.io' ? 'registry-1.docker.io' : registry
}
