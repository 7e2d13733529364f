// Which proxy a request goes through: HTTP_PROXY, HTTPS_PROXY and NO_PROXY, also in lower case, as Go's programs read them. Pure.
import { BlockList, isIP } from 'node:net'
import { TspodError } from '#errors.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Every name of a variable that chooses proxies. */
export const proxyVariables = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY'].flatMap(name => [
  name,
  name.toLowerCase(),
])

/** The proxy's URL, with its user and password if it has any; `undefined` for a direct connection. Throws INVALID, UNSUPPORTED. */
export function chooseProxy(url: URL, env: Environment): string | undefined {
  const variable = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY'
  const value = either(env, variable)
  if (value === undefined || isExempt(url, either(env, 'NO_PROXY') ?? '')) return undefined
  const text = value.includes('://') ? value : `http://${value}`
  if (!URL.canParse(text))
    throw new TspodError('INVALID', `${variable} is not a URL of a proxy`, {
      hint: `for example http://proxy.example.com:3128`,
    })
  const { protocol } = new URL(text)
  if (protocol !== 'http:' && protocol !== 'https:')
    throw new TspodError(
      'UNSUPPORTED',
      `${variable} names a proxy of the kind "${protocol}//", must be http:// or https://`,
    )
  return text
}

/** This machine itself, `*`, a name and all below it, `.name` for only those below, an address, a network, each with a port or without. */
export function isExempt(url: URL, noProxy: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase()
  const port = url.port || (url.protocol === 'https:' ? '443' : '80')
  if (host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))) return true
  return noProxy
    .split(',')
    .map(entry => entry.trim().toLowerCase())
    .some(entry => entry !== '' && fits(entry, host, port))
}

function fits(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true
  if (entry.includes('/')) return isInNetwork(host, entry)
  const withPort = /^(.*?):(\d+)$/.exec(entry)
  const isAddress = isIP(entry) !== 0
  if (withPort !== null && !isAddress && withPort[2] !== port) return false
  const name = (withPort === null || isAddress ? entry : (withPort[1] ?? ''))
    .replace(/^\[|\]$/g, '')
    .replace(/^\*(?=\.)/, '')
  if (isIP(name) !== 0 || isIP(host) !== 0) return name === host
  return name.startsWith('.') ? host.endsWith(name) : host === name || host.endsWith(`.${name}`)
}

function isInNetwork(host: string, network: string): boolean {
  const family = isIP(host)
  const [address = '', bits = ''] = network.split('/')
  if (family === 0 || isIP(address) !== family || !/^\d+$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128))
    return false
  const type = family === 4 ? 'ipv4' : 'ipv6'
  const list = new BlockList()
  list.addSubnet(address, Number(bits), type)
  return list.check(host, type)
}

function either(env: Environment, name: string): string | undefined {
  return env[name] || env[name.toLowerCase()] || undefined
}
