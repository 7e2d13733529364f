// A file from a web server, for import: the machine's trust and proxies, redirects followed. Host namespaces.
import { TspodError } from '#errors.ts'
import { connectionFailure } from './registry/failure.ts'
import { sendRequest } from './registry/transport.ts'
import { systemCertificates } from './registry/trust.ts'

const mostRedirects = 10

export interface Download {
  chunks: AsyncIterable<Uint8Array>
  /** since 1970, as the server's Last-Modified says */
  modifiedSeconds?: number
}

/** The file's bytes alone. Throws as `openDownload` does. */
export async function download(url: URL): Promise<AsyncIterable<Uint8Array>> {
  return (await openDownload(url)).chunks
}

/** The file. Throws NOT_FOUND where the server has none, INVALID for other answers. */
export async function openDownload(url: URL): Promise<Download> {
  const doing = `downloading "${url.href}"`
  let at = url
  for (let redirects = 0; redirects <= mostRedirects; redirects++) {
    const signal = new AbortController().signal
    const ca = systemCertificates()
    const trust = at.protocol === 'https:' ? (ca.length === 0 ? {} : { ca }) : undefined
    const request = { method: 'GET', url: at, headers: { Accept: '*/*' }, signal } as const
    const response = await sendRequest(request, { trust, insecure: false }).catch((error: unknown) => {
      throw connectionFailure(doing, at.host, error)
    })
    const { status, headers } = response
    if (status === 200) {
      const modifiedMs = Date.parse(headers.get('last-modified') ?? '')
      return {
        chunks: response.chunks(),
        ...(Number.isFinite(modifiedMs) && { modifiedSeconds: Math.floor(modifiedMs / 1000) }),
      }
    }
    await response.discard()
    const location = headers.get('location')
    if (status < 300 || status > 399 || location === null)
      throw new TspodError(status === 404 ? 'NOT_FOUND' : 'INVALID', `${doing}: the server answered ${status}`)
    const next = new URL(location, at)
    if (!/^https?:$/.test(next.protocol) || (at.protocol === 'https:' && next.protocol === 'http:'))
      throw new TspodError('INVALID', `${doing}: the server leads to "${next.href}", which is not as safe`)
    at = next
  }
  throw new TspodError('INVALID', `${doing}: more than ${mostRedirects} redirects`)
}
