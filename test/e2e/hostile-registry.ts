// A registry in front of the test registry that answers what it is told to: wrong bytes, half of them, or "busy".

export interface Hostility {
  /** Changes a layer's or configuration's bytes. */
  blob?: (bytes: Uint8Array) => Uint8Array
  /** True: the connection breaks in the middle of this blob; `tries` counts earlier ones of the same path. */
  cut?: (request: Request, tries: number) => boolean
  /** A status to answer with instead. */
  status?: (tries: number) => number | undefined
}

export function startHostileRegistry(hostility: Hostility): AsyncDisposable & { address: string } {
  const tries = new Map<string, number>()
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url)
      const earlier = tries.get(pathname) ?? 0
      tries.set(pathname, earlier + 1)
      const status = hostility.status?.(earlier)
      if (status !== undefined) return new Response('busy', { status, headers: { 'retry-after': '0' } })
      const upstream = await fetch(`http://${process.env.TSPOD_TEST_REGISTRY}${pathname}`, {
        method: request.method,
        headers: { accept: request.headers.get('accept') ?? '*/*', range: request.headers.get('range') ?? '' },
        redirect: 'manual',
      })
      const headers = new Headers(upstream.headers)
      if (!pathname.includes('/blobs/') || request.method !== 'GET')
        return new Response(upstream.body, { status: upstream.status, headers })
      const bytes = await upstream.bytes()
      if (hostility.cut?.(request, earlier) === true) return cutOff(bytes, upstream.status, headers)
      const isLayer = bytes[0] === 0x1f || bytes.length > 100_000
      return new Response(isLayer && hostility.blob !== undefined ? hostility.blob(bytes) : bytes, {
        status: upstream.status,
        headers,
      })
    },
  })
  return { address: `127.0.0.1:${server.port}`, [Symbol.asyncDispose]: () => server.stop(true) }
}

/** A body that promises all and ends after half. */
function cutOff(bytes: Uint8Array, status: number, headers: Headers): Response {
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(bytes.subarray(0, Math.max(1, bytes.length >> 1)))
      setTimeout(() => controller.error(new Error('cut off')), 50)
    },
  })
  return new Response(body, { status, headers })
}
