// A registry that takes pushes, keeps them in memory, and misbehaves when it is told to: in any phase, with any answer.
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Phase = 'head' | 'start' | 'patch' | 'status' | 'put' | 'manifest'

export interface Trouble {
  /** What becomes of the `count`-th request of its phase (from 1): the connection is cut after so many bytes, or a status is sent. */
  on?: (
    phase: Phase,
    count: number,
  ) => { cutAfter?: number; status?: number; body?: string; headers?: object } | undefined
  /** bodies of at most so many bytes */
  mostBytes?: number
  /** a bearer token is good for so many requests */
  tokenUses?: number
}

export interface PushRegistry extends AsyncDisposable {
  address: string
  blobs: Map<string, Buffer>
  manifests: Map<string, Buffer>
  /** `PATCH /v2/…`, in the order they came */
  requests: string[]
  /** bytes of all PATCH bodies */
  received: () => number
  tokens: () => number
}

const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

export async function startPushRegistry(trouble: Trouble = {}): Promise<PushRegistry> {
  const blobs = new Map<string, Buffer>()
  const manifests = new Map<string, Buffer>()
  const sessions = new Map<string, Buffer>()
  const requests: string[] = []
  const counts = new Map<Phase, number>()
  let uploads = 0
  let received = 0
  let tokens = 0
  /** what is left of each */
  const uses = new Map<string, number>()
  const server = createServer((request, response) => void answer(request, response).catch(() => response.destroy()))

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', `http://${address()}`)
    requests.push(`${request.method} ${url.pathname}${url.search}`)
    const send = (status: number, headers: object = {}, body = '') => {
      response.writeHead(status, { ...headers })
      response.end(request.method === 'HEAD' ? undefined : body)
    }
    if (url.pathname === '/token') {
      const token = `t${++tokens}`
      uses.set(`Bearer ${token}`, trouble.tokenUses ?? 0)
      return send(200, {}, JSON.stringify({ token }))
    }
    const { authorization = '' } = request.headers
    const left = uses.get(authorization) ?? 0
    uses.set(authorization, left - 1)
    if (trouble.tokenUses !== undefined && left <= 0) {
      request.resume()
      return send(401, { 'www-authenticate': `Bearer realm="http://${address()}/token",service="x"` })
    }
    if (url.pathname === '/v2/') return send(200)
    const phase = phaseOf(request.method ?? '', url)
    const count = (counts.get(phase) ?? 0) + 1
    counts.set(phase, count)
    const bad = trouble.on?.(phase, count)
    if (bad?.status !== undefined) {
      request.resume()
      return send(bad.status, { 'retry-after': '0', ...bad.headers }, bad.body)
    }
    const id = url.searchParams.get('id') ?? ''
    const session = sessions.get(id)
    const place = (size: number) => ({
      location: `${url.pathname.replace(/uploads\/.*/, 'uploads/')}?id=${id || newest}`,
      range: `0-${Math.max(0, size - 1)}`,
    })
    let newest = ''
    switch (phase) {
      case 'head': {
        const blob = blobs.get(url.pathname.split('/').at(-1) ?? '')
        return blob === undefined ? send(404) : send(200, { 'content-length': blob.byteLength })
      }
      case 'start': {
        if (bad?.cutAfter !== undefined) return void request.socket.destroy()
        newest = String(++uploads)
        sessions.set(newest, Buffer.alloc(0))
        return send(202, place(0))
      }
      case 'patch': {
        if (session === undefined) return send(404)
        const start = Number(/^(\d+)-/.exec(request.headers['content-range'] ?? '')?.[1] ?? 0)
        if (start !== session.byteLength) return send(416, place(session.byteLength))
        if (trouble.mostBytes !== undefined && Number(request.headers['content-length']) > trouble.mostBytes) {
          request.resume()
          return send(413)
        }
        const body = await read(request, bad?.cutAfter, part => {
          received += part.byteLength
          sessions.set(id, Buffer.concat([sessions.get(id) ?? Buffer.alloc(0), part]))
        })
        if (!body) return
        return send(202, place(sessions.get(id)?.byteLength ?? 0))
      }
      case 'status':
        return session === undefined ? send(404) : send(204, place(session.byteLength))
      case 'put': {
        const digest = url.searchParams.get('digest') ?? ''
        if (session === undefined) return send(404)
        if (digestOf(session) !== digest) return send(400, {}, JSON.stringify({ errors: [{ code: 'DIGEST_INVALID' }] }))
        blobs.set(digest, session)
        sessions.delete(id)
        if (bad?.cutAfter !== undefined) return void request.socket.destroy()
        return send(201)
      }
      case 'manifest': {
        const parts: Buffer[] = []
        if (!(await read(request, bad?.cutAfter, part => parts.push(part)))) return
        const bytes = Buffer.concat(parts)
        manifests.set(url.pathname.split('/').at(-1) ?? '', bytes)
        return send(201, { 'docker-content-digest': digestOf(bytes) })
      }
    }
  }

  const address = () => `127.0.0.1:${(server.address() as AddressInfo).port}`
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    address: address(),
    blobs,
    manifests,
    requests,
    received: () => received,
    tokens: () => tokens,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

function phaseOf(method: string, { pathname }: URL): Phase {
  if (pathname.includes('/manifests/')) return 'manifest'
  if (!pathname.includes('/uploads/')) return 'head'
  return ({ POST: 'start', PATCH: 'patch', GET: 'status', PUT: 'put' } as Record<string, Phase>)[method] ?? 'status'
}

/** False where the connection was cut, after the first `cutAfter` bytes have been taken. */
async function read(
  request: IncomingMessage,
  cutAfter: number | undefined,
  take: (part: Buffer) => void,
): Promise<boolean> {
  let left = cutAfter ?? Number.POSITIVE_INFINITY
  if (left === 0) {
    request.socket.destroy()
    return false
  }
  for await (const chunk of request) {
    const part = (chunk as Buffer).subarray(0, left)
    take(part)
    left -= part.byteLength
    if (left > 0) continue
    request.socket.destroy()
    return false
  }
  return true
}
