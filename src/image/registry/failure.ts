// What went wrong at a registry, in the registry's own words where it gave some (distribution-spec, Error Codes).
import { type ErrorCode, errnoOf, TspodError } from '#errors.ts'
import { SourceError } from '#image/source.ts'

/** Connections that broke or never came about for now: worth another try. */
const transient = new Set([
  'ECONNRESET',
  'ETIMEDOUT',
  'EPIPE',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'ECONNABORTED',
])
const untrusted = /CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|HOSTNAME_MISMATCH|ALTNAME/

export class StalledError extends Error {
  override readonly name = 'StalledError'
  constructor(seconds: number) {
    super(`nothing came for ${seconds} seconds`)
  }
}

/** The code of an error that fetch throws: `ECONNREFUSED`, `DEPTH_ZERO_SELF_SIGNED_CERT`, … */
export function connectionCode(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return errnoOf(error) ?? ''
}

export function isTransient(error: unknown): boolean {
  return error instanceof StalledError || transient.has(connectionCode(error))
}

/** True where the other side does not speak TLS. */
export function isPlainServer(error: unknown): boolean {
  return ['EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER'].includes(connectionCode(error))
}

/** A connection's failure: what was being done, at which endpoint, why, and what may mend it. */
export function connectionFailure(doing: string, endpoint: string, error: unknown): SourceError {
  const code = connectionCode(error)
  const at = `${doing}: ${endpoint}`
  const facts = { cause: error }
  if (error instanceof StalledError) return new SourceError('INTERNAL', `${at}: ${error.message}`, facts)
  if (code === 'ECONNREFUSED')
    return new SourceError('NOT_FOUND', `${at}: connection refused`, {
      ...facts,
      hint: 'is the registry running, and is this its port?',
    })
  if (code === 'ENOTFOUND')
    return new SourceError('NOT_FOUND', `${at}: no such host`, {
      ...facts,
      hint: 'check the name of the registry, and the network',
    })
  if (isPlainServer(error))
    return new SourceError('UNSUPPORTED', `${at}: the server does not speak TLS (it may speak plain HTTP)`, {
      ...facts,
      hint: 'use --tls-verify=false, or set insecure = true for it in registries.conf',
    })
  if (untrusted.test(code) || untrusted.test(message(error)))
    return new SourceError('DENIED', `${at}: its certificate is not trusted: ${reason(code, error)}`, {
      ...facts,
      hint: "put its authority's certificate into ~/.config/containers/certs.d/HOST:PORT/ca.crt, or use --tls-verify=false",
    })
  if (code === 'ERR_PROXY_TUNNEL' || code.startsWith('ERR_PROXY'))
    return new SourceError('DENIED', `${at}: ${message(error)}`, {
      ...facts,
      hint: 'check HTTPS_PROXY and its user and password',
    })
  if (isTransient(error)) return new SourceError('INTERNAL', `${at}: the connection broke (${code})`, facts)
  return new SourceError('INTERNAL', `${at}: ${message(error)}`, facts)
}

/** A response that is no success: what was asked, what the registry answered. `who` says which credentials were used. */
export function responseFailure(doing: string, response: { status: number; body: string }, who: string): TspodError {
  const { status, body } = response
  const { code, text } = parseErrors(body)
  const said = text === '' ? `HTTP status ${status}` : text
  const kind: Record<number, ErrorCode> = { 401: 'DENIED', 403: 'DENIED', 404: 'NOT_FOUND', 416: 'INVALID' }
  return new SourceError(
    kind[status] ?? 'INTERNAL',
    `${doing}: ${said}${status === 401 || status === 403 ? ` (${who})` : ''}`,
    {
      hint: hintOf(status, code),
    },
  )
}

function hintOf(status: number, code: string): string | undefined {
  if (status === 401 || status === 403 || code === 'UNAUTHORIZED' || code === 'DENIED')
    return 'the image may not exist, or needs credentials: "tspod login", or --creds USER:PASSWORD'
  if (code === 'MANIFEST_UNKNOWN') return 'the repository has no such tag or digest'
  if (code === 'NAME_UNKNOWN' || status === 404) return 'check the spelling of the image name'
  if (status === 429) return 'the registry limits how often one may ask: wait, or use credentials of an account'
  return undefined
}

/** `manifest unknown: …` from an error document; no text where the body is none. */
function parseErrors(body: string): { code: string; text: string } {
  try {
    const { errors, details } = JSON.parse(body) as { errors?: unknown; details?: unknown }
    const [first] = (Array.isArray(errors) ? errors : []) as { code?: unknown; message?: unknown }[]
    const code = typeof first?.code === 'string' ? first.code : ''
    const words = code.toLowerCase().replaceAll('_', ' ')
    const said = typeof first?.message === 'string' ? first.message : typeof details === 'string' ? details : ''
    const text = said === '' || said.toLowerCase() === words ? words : words === '' ? said : `${words}: ${said}`
    return { code, text: printable(text) }
  } catch {
    return { code: '', text: '' } // a proxy's page, or nothing
  }
}

/** A registry's words go to a terminal: no control characters, no novels. */
function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is taken out
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').slice(0, 300)
}

function message(error: unknown): string {
  return error instanceof Error ? error.message.replace(/ For more information, pass .*$/, '') : String(error)
}

function reason(code: string, error: unknown): string {
  return code === 'ERR_TLS_CERT_ALTNAME_INVALID' ? 'it is for another host name' : message(error)
}
