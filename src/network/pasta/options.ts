// The options of `--network pasta:…`: pasta(1)'s own, in one comma-separated list, and --map-gw (podman-run(1)). Pure.
import { TspodError } from '#errors.ts'
import type { NetworkAddress } from '#network/driver.ts'

export interface PastaOptions {
  /** The container may reach the host's loopback through the gateway. */
  mapGateway: boolean
  /** Words for pasta's command line, in order. */
  words: string[]
  /** Long names of the options among them. */
  given: ReadonlySet<string>
  /** Values of --address, at most one of each family. */
  addresses: string[]
  gateways: string[]
  interfaceName?: string
}

/** Long name → its short one; those that take a value. */
const withValue: Record<string, string> = {
  mtu: 'm',
  address: 'a',
  netmask: 'n',
  'mac-addr': 'M',
  gateway: 'g',
  interface: 'i',
  outbound: 'o',
  'outbound-if4': '',
  'outbound-if6': '',
  dns: 'D',
  'dns-forward': '',
  search: 'S',
  'ns-ifname': 'I',
  'ns-mac-addr': '',
  'tcp-ports': 't',
  'udp-ports': 'u',
  'tcp-ns': 'T',
  'udp-ns': 'U',
  'map-host-loopback': '',
  'map-guest-addr': '',
  'log-file': 'l',
  'log-size': '',
  pcap: 'p',
}

const flags: Record<string, string> = {
  'no-tcp': '',
  'no-udp': '',
  'no-icmp': '',
  'no-dhcp': '',
  'no-ndp': '',
  'no-dhcpv6': '',
  'no-ra': '',
  'ipv4-only': '4',
  'ipv6-only': '6',
  debug: 'd',
  trace: '',
  quiet: 'q',
}

/** What tspod itself decides; a value of the user's would break it. */
const ours: Record<string, string> = {
  foreground: 'f',
  pid: 'P',
  userns: '',
  netns: '',
  'netns-only': '',
  'config-net': '',
  runas: '',
  stderr: 'e',
}

/** Reads `-a,10.0.2.100,--mtu=1500,--map-gw`. Throws INVALID, quoting it, for a word that is no option of pasta's. */
export function parsePastaOptions(texts: readonly string[]): PastaOptions {
  const words: string[] = []
  const given = new Set<string>()
  const options = { mapGateway: false, addresses: [] as string[], gateways: [] as string[] }
  let interfaceName: string | undefined
  for (let index = 0; index < texts.length; index++) {
    const text = texts[index] ?? ''
    const [word, inline] = splitOnce(text)
    if (word === '--map-gw' || word === '--no-map-gw') {
      options.mapGateway = word === '--map-gw'
      continue
    }
    const name = longName(text, word)
    given.add(name)
    if (flags[name] !== undefined) {
      words.push(`--${name}`)
      continue
    }
    const value = inline ?? texts[++index]
    if (value === undefined) throw new TspodError('INVALID', `network option "${text}": the value after it is missing`)
    words.push(`--${name}`, value)
    if (name === 'address') options.addresses.push(value)
    if (name === 'gateway') options.gateways.push(value)
    if (name === 'ns-ifname') interfaceName = value
  }
  return { ...options, words, given, ...(interfaceName !== undefined && { interfaceName }) }
}

function longName(text: string, word: string): string {
  const table = { ...withValue, ...flags, ...ours }
  const name = word.startsWith('--')
    ? word.slice(2)
    : Object.keys(table).find(long => table[long] !== '' && `-${table[long]}` === word)
  if (name === undefined || table[name] === undefined)
    throw new TspodError('INVALID', `network option "${text}": pasta has no option "${word}"`, {
      hint: `it has ${[...Object.keys({ ...withValue, ...flags }), 'map-gw'].map(each => `--${each}`).join(', ')}; a value follows after "=" or a comma`,
    })
  if (ours[name] !== undefined) throw new TspodError('INVALID', `network option "${text}": tspod sets --${name} itself`)
  return name
}

function splitOnce(text: string): [string, string | undefined] {
  const equals = text.indexOf('=')
  return equals < 0 ? [text, undefined] : [text.slice(0, equals), text.slice(equals + 1)]
}

/** Where pasta's own default would be a copy of the host's address, which then could not be reached from inside, nor change. */
const own = {
  address: '10.0.2.100',
  prefixLength: 24,
  netmask: '255.255.255.0',
  gateway: '10.0.2.2',
  server: '10.0.2.3',
}
const own6 = { address: 'fd74:7370:6f64::100', prefixLength: 64, gateway: 'fd74:7370:6f64::2' }

/** Words for the addresses that the user has not decided. */
export function addressWords({ given }: PastaOptions): string[] {
  if (['address', 'netmask', 'gateway', 'interface'].some(name => given.has(name))) return []
  const words = ['--address', own.address, '--netmask', own.netmask, '--gateway', own.gateway]
  return [...words, '--address', own6.address, '--gateway', own6.gateway]
}

/** The address as far as it is known: with `--interface`, or no `--address`, pasta copies the host's. */
export function pastaAddress(
  options: PastaOptions,
  host: { address?: string; has6: boolean },
): NetworkAddress | undefined {
  const { given } = options
  if (addressWords(options).length === 0) {
    const address = options.addresses.find(each => !each.includes(':'))
    const gateway = options.gateways.find(each => !each.includes(':')) ?? ''
    const hostAddress = options.mapGateway && gateway !== '' ? gateway : host.address
    if (address === undefined) return undefined
    return { address, prefixLength: 24, gateway, ...(hostAddress !== address && { hostAddress }) }
  }
  return {
    address: own.address,
    prefixLength: own.prefixLength,
    gateway: own.gateway,
    ...(host.has6 && !given.has('ipv4-only') && { address6: own6 }),
    ...(!given.has('dns-forward') && { nameServer: own.server, nameServerUse: 'ifNone' as const }),
    hostAddress: options.mapGateway ? own.gateway : host.address,
  }
}
