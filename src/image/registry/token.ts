// Bearer tokens of registries: asked for at the place the challenge names (distribution's token authentication, OAuth2 form for identity tokens).

import type { Credentials } from '#config/auth.ts'
import { TspodError } from '#errors.ts'
import { SourceError } from '#image/source.ts'
import type { Challenge } from './challenge.ts'

/** A request for a token; the caller sends it with its connection. */
export interface TokenRequest {
  method: 'GET' | 'POST'
  url: URL
  headers: Record<string, string>
  body?: string
}

/** The request that a bearer challenge calls for. Throws INVALID where the challenge leads nowhere safe. */
export function planTokenRequest(
  challenge: Challenge,
  scope: string,
  credentials: Credentials | undefined,
  options: { isPlainAllowed: boolean },
): TokenRequest {
  const { realm = '', service = '', scope: asked = scope } = challenge.parameters
  if (!URL.canParse(realm))
    throw new SourceError('INVALID', `the registry sends clients for a token to "${realm}", which is no URL`)
  const url = new URL(realm)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && options.isPlainAllowed))
    throw new SourceError('DENIED', `the registry sends clients for a token to "${url.origin}", which is not https`, {
      hint: 'a password could be read on the way; --tls-verify=false allows it',
    })
  if (credentials?.identityToken !== undefined) {
    const form = {
      grant_type: 'refresh_token',
      service,
      scope: asked,
      client_id: 'tspod',
      refresh_token: credentials.identityToken,
    }
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
    return { method: 'POST', url, headers, body: new URLSearchParams(form).toString() }
  }
  if (service !== '') url.searchParams.set('service', service)
  for (const each of asked.split(' ')) if (each !== '') url.searchParams.append('scope', each)
  if (credentials !== undefined) url.searchParams.set('account', credentials.username)
  return { method: 'GET', url, headers: credentials === undefined ? {} : { Authorization: basic(credentials) } }
}

/** The token in the answer. Throws INVALID. */
export function parseTokenAnswer(text: string, url: URL): string {
  try {
    const { token, access_token: accessToken } = JSON.parse(text) as { token?: unknown; access_token?: unknown }
    const found = token ?? accessToken
    // it becomes a header: no line breaks may hide in it
    if (typeof found === 'string' && /^[\x21-\x7e]+$/.test(found)) return found
  } catch (error) {
    throw new SourceError('INVALID', `the token server ${url.host} answered with what is not JSON`, { cause: error })
  }
  throw new TspodError('INVALID', `the token server ${url.host} answered without a token`)
}

/** RFC 7617. */
export function basic({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}
