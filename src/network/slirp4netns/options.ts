// The options of `--network slirp4netns:…` (podman-run(1)) and the addresses they lead to (slirp4netns(1)). Pure.
import { TspodError } from '#errors.ts'
import type { NetworkAddress } from '#network/driver.ts'

export interface Slirp4netnsOptions {
  mtu: number
  cidr: string
  allowHostLoopback: boolean
  enableIpv6: boolean
  outboundAddr?: string
  outboundAddr6?: string
}

const defaults: Slirp4netnsOptions = { mtu: 65520, cidr: '10.0.2.0/24', allowHostLoopback: false, enableIpv6: false }

/** Reads `mtu=1500`, `cidr=…`, `allow_host_loopback=true`, `enable_ipv6=…`, `outbound_addr=…`, `outbound_addr6=…`. */
export function parseSlirp4netnsOptions(texts: readonly string[]): Slirp4netnsOptions {
  const options = { ...defaults }
  for (const text of texts) {
    const [name, value] = splitOnce(text)
    switch (name) {
      case 'mtu':
        options.mtu = parseMtu(text, value)
        break
      case 'cidr':
        parseCidr(text, value)
        options.cidr = value
        break
      case 'allow_host_loopback':
        options.allowHostLoopback = parseBoolean(text, value)
        break
      case 'enable_ipv6':
        options.enableIpv6 = parseBoolean(text, value)
        break
      case 'outbound_addr':
        options.outboundAddr = value
        break
      case 'outbound_addr6':
        options.outboundAddr6 = value
        break
      case 'port_handler':
        checkPortHandler(text, value)
        break
      default:
        throw new TspodError('INVALID', `network option "${text}": slirp4netns has no option "${name}"`, {
          hint: 'it has mtu, cidr, allow_host_loopback, enable_ipv6, outbound_addr, outbound_addr6, port_handler',
        })
    }
  }
  return options
}

function splitOnce(text: string): [string, string] {
  const equals = text.indexOf('=')
  return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)]
}

/** slirp4netns forwards ports itself, which keeps the client's address. */
function checkPortHandler(text: string, value: string): void {
  if (value === 'slirp4netns') return
  if (value === 'rootlesskit')
    throw new TspodError('UNSUPPORTED', `network option "${text}": rootlesskit is not implemented yet`, {
      hint: "port_handler=slirp4netns, the default here, also keeps the client's address; --network pasta is the fastest",
    })
  throw new TspodError('INVALID', `network option "${text}": found "${value}", must be slirp4netns`)
}

function parseMtu(text: string, value: string): number {
  const mtu = Number(value)
  if (!/^\d+$/.test(value) || mtu < 576 || mtu > 65521)
    throw new TspodError('INVALID', `network option "${text}": the MTU is "${value}", must be 576-65521`)
  return mtu
}

function parseBoolean(text: string, value: string): boolean {
  if (value === 'true' || value === 'false') return value === 'true'
  throw new TspodError('INVALID', `network option "${text}": found "${value}", must be true or false`)
}

function parseCidr(text: string, value: string): { base: number; prefixLength: number } {
  const [, a, b, c, d, length] = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(value) ?? []
  const bytes = [a, b, c, d].map(Number)
  const prefixLength = Number(length)
  if (length === undefined || bytes.some(byte => byte > 255) || prefixLength < 1 || prefixLength > 25)
    throw new TspodError(
      'INVALID',
      `network option "${text}": found "${value}", must be an IPv4 network like 10.0.2.0/24`,
      {
        hint: 'slirp4netns wants a prefix of at most 25 bits',
      },
    )
  return { base: bytes.reduce((sum, byte) => sum * 256 + byte, 0), prefixLength }
}

/** The addresses slirp4netns uses in its network: .2 the gateway and host, .3 the name server, .100 the container. */
export function slirp4netnsAddress(options: Slirp4netnsOptions): NetworkAddress {
  const { base, prefixLength } = parseCidr(`cidr=${options.cidr}`, options.cidr)
  const network = base - (base % 2 ** (32 - prefixLength))
  const at = (offset: number): string =>
    [24, 16, 8, 0].map(shift => Math.floor((network + offset) / 2 ** shift) % 256).join('.')
  return { address: at(100), prefixLength, gateway: at(2), nameServer: at(3), hostAddress: at(2) }
}
