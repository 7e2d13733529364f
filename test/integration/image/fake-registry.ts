// A registry in memory on a loopback port, which tests teach to misbehave.
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { type Digest, digestOf } from '#oci/digest.ts'
import type { Platform } from '#oci/platform.ts'

export type Handler = (request: IncomingMessage, response: ServerResponse) => boolean

export const digestOfText = (bytes: Uint8Array | string): Digest =>
  digestOf(createHash('sha256').update(bytes).digest('hex'))

export interface FakeImage {
  manifestDigest: Digest
  configDigest: Digest
  layers: { digest: Digest; bytes: Buffer }[]
}

export class FakeRegistry implements AsyncDisposable {
  /** `GET /v2/…`, with the headers that came. */
  readonly requests: { line: string; headers: IncomingMessage['headers'] }[] = []
  readonly blobs = new Map<Digest, Buffer>()
  readonly manifests = new Map<string, { mediaType: string; bytes: Buffer }>()
  /** Asked before anything else; the first that returns true has answered. */
  readonly handlers: Handler[] = []
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async open(): Promise<FakeRegistry> {
    const server = createServer()
    const registry = new FakeRegistry(server)
    server.on('request', (request: IncomingMessage, response: ServerResponse) => registry.#answer(request, response))
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    return registry
  }

  /** `127.0.0.1:port` */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  lines(pattern: RegExp): string[] {
    return this.requests.map(({ line }) => line).filter(line => pattern.test(line))
  }

  put(bytes: Buffer): Digest {
    const digest = digestOfText(bytes)
    this.blobs.set(digest, bytes)
    return digest
  }

  /** Puts an image whose layers are these (incompressible) tars, by tag and by digest. */
  putImage(
    repository: string,
    tag: string,
    tars: readonly Buffer[],
    platform: Platform = { os: 'linux', architecture: 'amd64' },
  ): FakeImage {
    const layers = tars.map(tar => {
      const bytes = gzipSync(tar, { level: 1 })
      return { bytes, digest: this.put(bytes) }
    })
    const config = Buffer.from(
      JSON.stringify({
        ...platform,
        created: '2024-01-02T03:04:05Z',
        config: { Cmd: ['sh'] },
        rootfs: { type: 'layers', diff_ids: tars.map(digestOfText) },
      }),
    )
    const configDigest = this.put(config)
    const manifest = {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: configDigest, size: config.byteLength },
      layers: layers.map(({ bytes, digest }) => ({
        mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
        digest,
        size: bytes.byteLength,
      })),
    }
    return { configDigest, layers, manifestDigest: this.putManifest(repository, tag, manifest) }
  }

  putManifest(repository: string, tag: string, manifest: { mediaType: string; [key: string]: unknown }): Digest {
    const bytes = Buffer.from(JSON.stringify(manifest))
    const digest = digestOfText(bytes)
    for (const reference of [tag, digest])
      this.manifests.set(`${repository}/${reference}`, { mediaType: manifest.mediaType, bytes })
    return digest
  }

  /** What is stored about a manifest, to be named in an index. */
  entry(repository: string, digest: Digest, platform: Platform) {
    const { mediaType, bytes } = this.manifests.get(`${repository}/${digest}`) ?? {
      mediaType: '',
      bytes: Buffer.alloc(0),
    }
    return { mediaType, digest, size: bytes.byteLength, platform }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise(resolve => this.#server.close(resolve))
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.requests.push({ line: `${request.method} ${request.url}`, headers: request.headers })
    if (this.handlers.some(handler => handler(request, response))) return
    const path = new URL(request.url ?? '', 'http://x').pathname
    if (path === '/v2/') return void response.end('{}')
    const [, repository = '', kind, reference = ''] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(path) ?? []
    if (kind === 'manifests') {
      const found = this.manifests.get(`${repository}/${reference}`)
      if (found === undefined) return sendError(response, 404, 'MANIFEST_UNKNOWN', 'manifest unknown')
      const headers = {
        'Content-Type': found.mediaType,
        'Docker-Content-Digest': digestOfText(found.bytes),
        'Content-Length': found.bytes.byteLength,
      }
      response.writeHead(200, headers)
      return void response.end(request.method === 'HEAD' ? undefined : found.bytes)
    }
    const blob = kind === 'blobs' ? this.blobs.get(reference as Digest) : undefined
    if (blob === undefined) return sendError(response, 404, 'BLOB_UNKNOWN', 'blob unknown to registry')
    sendBlob(request, response, blob)
  }
}

/** The blob, or the part that Range asks for; with `breakAfter`, the connection is cut after so many bytes. */
export function sendBlob(request: IncomingMessage, response: ServerResponse, blob: Buffer, breakAfter?: number): void {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
  const part = blob.subarray(from)
  const range = from === 0 ? {} : { 'Content-Range': `bytes ${from}-${blob.byteLength - 1}/${blob.byteLength}` }
  response.writeHead(from === 0 ? 200 : 206, { 'Content-Length': part.byteLength, ...range })
  if (breakAfter === undefined || breakAfter >= part.byteLength) return void response.end(part)
  response.write(part.subarray(0, breakAfter), () => setTimeout(() => request.socket.destroy(), 30))
}

export function sendError(
  response: ServerResponse,
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers })
  response.end(JSON.stringify({ errors: [{ code, message }] }))
}
