// One HTTP request, sent with Bun's fetch: it streams with back-pressure, and speaks TLS, proxies and CONNECT. Host namespaces.
import { SourceError } from '#image/source.ts'
import { StalledError } from './failure.ts'
import { chooseProxy, proxyVariables } from './proxy.ts'
import type { Trust } from './trust.ts'

export type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** What is uploaded: bytes at hand, or a stream that can be opened again for another try. */
export type UploadContent = Uint8Array | { size: number; open: () => AsyncIterable<Uint8Array> }

export interface HttpRequest {
  method: HttpMethod
  url: URL
  headers: Record<string, string>
  /** a form with a secret */
  body?: string
  content?: UploadContent
  signal: AbortSignal
}

export interface Connection {
  /** `undefined` for plain HTTP. */
  trust?: Trust
  /** Any certificate is accepted. */
  insecure: boolean
}

/** A response whose head has come; its body is read once, or discarded. */
export interface HttpResponse {
  status: number
  headers: Headers
  /** Where it really came from. */
  url: URL
  /** The body as it comes; stops the connection when left early. */
  chunks(): AsyncGenerator<Uint8Array, void>
  /** The whole body. Throws INVALID past `limit` bytes. */
  bytes(limit: number): Promise<Uint8Array>
  discard(): Promise<void>
}

/** So long a server may say nothing, while we wait for it. */
const patienceMs = 60_000

/** Sends it and waits for the response's head. Follows no redirects, decodes nothing. Throws what `connectionFailure` knows. */
export async function sendRequest(request: HttpRequest, { trust, insecure }: Connection): Promise<HttpResponse> {
  const { url, signal, headers, method, body, content } = request
  const proxy = chooseProxy(url, process.env)
  const guard = new SilenceGuard(signal)
  guard.start()
  try {
    const response = await withoutProxyVariables(() =>
      fetch(url, {
        method,
        body: body ?? (content === undefined ? undefined : bodyOf(content, guard)),
        // a digest covers the bytes as they are stored: nobody on the way may pack them once more
        headers: { 'Accept-Encoding': 'identity', ...lengthOf(content), ...headers },
        signal: guard.signal,
        redirect: 'manual',
        decompress: false,
        timeout: false, // ours is by bytes that come, not by the whole
        ...(proxy === undefined ? {} : { proxy }),
        ...(url.protocol === 'https:' ? { tls: { ...trust, rejectUnauthorized: !insecure } } : {}),
      } as BunFetchRequestInit),
    )
    return wrap(response, url, guard)
  } finally {
    guard.stop()
  }
}

/** A stream's length is known, and some servers take no body without one. */
function lengthOf(content: UploadContent | undefined): Record<string, string> {
  return content === undefined || content instanceof Uint8Array ? {} : { 'Content-Length': String(content.size) }
}

/** The clock of silence starts anew with each piece that the connection takes. */
function bodyOf(content: UploadContent, guard: SilenceGuard): Uint8Array | ReadableStream<Uint8Array> {
  if (content instanceof Uint8Array) return content
  const iterator = content.open()[Symbol.asyncIterator]()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        guard.start()
        try {
          const next = await iterator.next()
          if (next.done === true) controller.close()
          else controller.enqueue(next.value)
        } catch (error) {
          guard.fail(error)
          controller.error(error)
        }
      },
      async cancel() {
        await iterator.return?.()
      },
    },
    { highWaterMark: 1 },
  )
}

function wrap(response: Response, url: URL, guard: SilenceGuard): HttpResponse {
  async function* chunks() {
    const reader = response.body?.getReader()
    if (reader === undefined) return
    try {
      for (;;) {
        guard.start()
        const { value, done } = await reader.read()
        guard.stop()
        if (done) return
        yield value
      }
    } finally {
      guard.stop()
      await reader.cancel().catch(() => undefined) // the connection is given up; why, is said elsewhere
    }
  }
  return {
    status: response.status,
    headers: response.headers,
    url,
    chunks,
    async bytes(limit) {
      const parts: Uint8Array[] = []
      let length = 0
      for await (const chunk of chunks()) {
        length += chunk.byteLength
        if (length > limit) throw new SourceError('INVALID', `the answer of ${url.host} has more than ${limit} bytes`)
        parts.push(chunk)
      }
      return Buffer.concat(parts)
    },
    async discard() {
      await response.body?.cancel().catch(() => undefined)
    },
  }
}

/** Aborts a request when its server is silent for too long, or when the caller's signal says so. */
class SilenceGuard {
  readonly signal: AbortSignal
  readonly #silence = new AbortController()
  #timer: Timer | undefined

  constructor(outer: AbortSignal) {
    this.signal = AbortSignal.any([outer, this.#silence.signal])
  }

  start(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#silence.abort(new StalledError(patienceMs / 1000)), patienceMs)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  /** Ends the request with the reason why its content cannot be read. */
  fail(error: unknown): void {
    this.stop()
    this.#silence.abort(error)
  }
}

/** fetch obeys the variables too, but not all that NO_PROXY may say; it reads them before it returns. */
function withoutProxyVariables<T>(body: () => T): T {
  const kept = proxyVariables.map(name => [name, process.env[name]] as const)
  for (const name of proxyVariables) delete process.env[name]
  try {
    return body()
  } finally {
    for (const [name, value] of kept) if (value !== undefined) process.env[name] = value
  }
}
