// --pid, --ipc, --uts, --cgroupns, --userns and --network (run(1)).

import type { NamespaceMode, NetworkRequest, NetworkWish, UsernsMode } from '#container/request.ts'
import { TspodError } from '#errors.ts'
import { formatCard, formatIp, parseCard, parseIp } from '#network/ip.ts'

type Refuse = (why: string) => TspodError

/** --pid, --ipc, --uts, --cgroupns: private, host, container:NAME or ns:PATH. Throws INVALID quoting the text. */
export function parseNamespaceMode(option: string, text: string): NamespaceMode {
  const refuse: Refuse = why => new TspodError('INVALID', `parsing ${option} "${text}": ${why}`)
  if (text === '' || text === 'private') return { kind: 'private' }
  // every ipc namespace of ours can be shared with another container
  if (text === 'shareable' && option === '--ipc') return { kind: 'private' }
  if (text === 'host') return { kind: 'host' }
  if ((text === 'none' && option === '--ipc') || text === 'pod')
    throw new TspodError('UNSUPPORTED', refuse(`"${text}" is not implemented yet`).message)
  return elsewhere(text, refuse) ?? fail(refuse('must be private, host, container:NAME or ns:PATH'))
}

/** --userns: host, keep-id[:uid=,gid=,size=], auto[:size=], nomap, container:NAME, ns:PATH, or private for the default. */
export function parseUsernsMode(text: string): UsernsMode {
  const refuse: Refuse = why => new TspodError('INVALID', `parsing --userns "${text}": ${why}`)
  const colon = text.indexOf(':')
  const word = colon < 0 ? text : text.slice(0, colon)
  const options = colon < 0 ? [] : text.slice(colon + 1).split(',')
  if (word === 'keep-id') return { kind: 'keep-id', ...numbers(options, ['uid', 'gid', 'size'], refuse) }
  if (word === 'auto') return { kind: 'auto', ...numbers(options, ['size'], refuse) }
  if (text === '' || text === 'private') return { kind: 'default' }
  if (text === 'host' || text === 'nomap') return { kind: text }
  return elsewhere(text, refuse) ?? fail(refuse('must be host, keep-id, auto, nomap, container:NAME or ns:PATH'))
}

/** What options beside --network say about every network, or the only one. */
export interface NetworkExtras {
  aliases?: string[]
  ip?: string
  ip6?: string
  mac?: string
}

/** All --network texts together, with --network-alias, --ip, --ip6 and --mac-address. Throws INVALID quoting what was typed. */
export function parseNetworkOption(texts: string[], extras: NetworkExtras = {}): NetworkRequest {
  const parsed = texts.length === 0 ? [parseOneNetwork('')] : splitNames(texts).map(parseOneNetwork)
  const [first = { kind: 'default' as const }] = parsed
  const wishes = parsed.flatMap(one => (one.kind === 'networks' ? one.networks : []))
  if (wishes.length === 0 && parsed.length === 1) {
    requireNoExtras(texts[0] ?? '', extras)
    return first
  }
  if (wishes.length < parsed.length)
    throw new TspodError(
      'INVALID',
      `parsing --network "${texts.join('", "')}": cannot set multiple networks without bridge network mode`,
      { hint: 'several networks at once must all be user-defined ones' },
    )
  return { kind: 'networks', networks: withExtras(wishes, extras) }
}

/** `--network a,b` names two networks, as it always has; with options the text is one network's. */
function splitNames(texts: readonly string[]): string[] {
  return texts.flatMap(text => (text.includes(':') ? [text] : text.split(',')))
}

function parseOneNetwork(text: string): NetworkRequest {
  const refuse: Refuse = why => new TspodError('INVALID', `parsing --network "${text}": ${why}`)
  const colon = text.indexOf(':')
  const word = colon < 0 ? text : text.slice(0, colon)
  const options = colon < 0 ? [] : text.slice(colon + 1).split(',')
  if (word === 'slirp4netns' || word === 'pasta') return { kind: word, options }
  if (text === '' || text === 'default') return { kind: 'default' }
  if (text === 'none' || text === 'host' || text === 'private') return { kind: text }
  const other = elsewhere(text, refuse)
  if (other !== undefined) return other
  if (word === 'pod') throw new TspodError('UNSUPPORTED', refuse('pods are not implemented yet').message)
  if (['none', 'host', 'private', 'default'].includes(word)) throw refuse(`"${word}" takes no options`)
  return { kind: 'networks', networks: [parseWish(word, options, refuse)] }
}

function parseWish(name: string, options: readonly string[], refuse: Refuse): NetworkWish {
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name)) throw refuse(`"${name}" is no name of a network`)
  const wish: NetworkWish = { name, aliases: [] }
  for (const option of options) {
    const [key = '', value = ''] = option.split(/=(.*)/s)
    if (value === '') throw refuse(`the option "${option}" has no value`)
    switch (key) {
      case 'alias':
        wish.aliases.push(value)
        break
      case 'ip':
        wish.ip = checkIp(value, 4, refuse)
        break
      case 'ip6':
        wish.ip6 = checkIp(value, 6, refuse)
        break
      case 'mac':
        wish.mac = checkMac(value, refuse)
        break
      case 'interface_name':
        wish.interfaceName = checkInterface(value, refuse)
        break
      default:
        throw refuse(`unknown option "${key}", must be one of alias, ip, ip6, mac, interface_name`)
    }
  }
  return wish
}

function requireNoExtras(text: string, { aliases = [], ip, ip6, mac }: NetworkExtras): void {
  const found =
    aliases.length > 0 ? '--network-alias' : ip !== undefined ? '--ip' : ip6 !== undefined ? '--ip6' : '--mac-address'
  if (aliases.length === 0 && ip === undefined && ip6 === undefined && mac === undefined) return
  const where = text === '' ? 'found no --network' : `found --network "${text}"`
  throw new TspodError('INVALID', `${found} needs a user-defined network, ${where}`, {
    hint: 'add --network bridge, or the name of a network',
  })
}

function withExtras(wishes: NetworkWish[], { aliases = [], ip, ip6, mac }: NetworkExtras): NetworkWish[] {
  if (wishes.length > 1 && (ip !== undefined || ip6 !== undefined || mac !== undefined))
    throw new TspodError('INVALID', '--ip, --ip6 and --mac-address are for a single network', {
      hint: 'with several, say it for each: --network name:ip=ADDRESS,mac=ADDRESS',
    })
  const twice = wishes.find(({ name }, index) => wishes.findIndex(each => each.name === name) !== index)
  if (twice !== undefined) throw new TspodError('INVALID', `--network "${twice.name}" is given twice`)
  const refuse =
    (option: string): Refuse =>
    why =>
      new TspodError('INVALID', `parsing ${option}: ${why}`)
  return wishes.map(wish => ({
    ...wish,
    aliases: [...wish.aliases, ...aliases],
    ...(ip !== undefined && { ip: checkIp(ip, 4, refuse('--ip')) }),
    ...(ip6 !== undefined && { ip6: checkIp(ip6, 6, refuse('--ip6')) }),
    ...(mac !== undefined && { mac: checkMac(mac, refuse('--mac-address')) }),
  }))
}

/** The address as it is written everywhere. */
export function checkIp(text: string, version: 4 | 6, refuse: Refuse): string {
  const bytes = parseIp(text)
  if (bytes?.byteLength !== (version === 4 ? 4 : 16)) throw refuse(`"${text}" is no IPv${version} address`)
  return formatIp(bytes)
}

/** --dns: addresses as they are written everywhere, or "none": the image's resolv.conf. Throws INVALID quoting the text. */
export function parseDnsServers(texts: readonly string[]): string[] {
  return texts.map(text => {
    const bytes = parseIp(text)
    if (bytes !== undefined) return formatIp(bytes)
    if (text === 'none' && texts.length === 1) return text
    throw new TspodError('INVALID', `parsing --dns "${text}": must be an IP address, or none alone`)
  })
}

export function checkMac(text: string, refuse: Refuse): string {
  const bytes = parseCard(text)
  if (bytes === undefined) throw refuse(`"${text}" is no address of a network card, such as 02:42:ac:11:00:02`)
  return formatCard(bytes)
}

function checkInterface(text: string, refuse: Refuse): string {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_-]{0,14}$/.test(text) && text !== 'lo' && text !== 'all' && text !== 'default')
    return text
  throw refuse(`"${text}" cannot be the name of an interface`)
}

function elsewhere(
  text: string,
  refuse: Refuse,
): { kind: 'container'; container: string } | { kind: 'path'; path: string } | undefined {
  if (text.startsWith('container:')) {
    if (text.length === 10) throw refuse('the container after "container:" is missing')
    return { kind: 'container', container: text.slice(10) }
  }
  if (!text.startsWith('ns:')) return undefined
  if (!text.startsWith('ns:/')) throw refuse(`the path is "${text.slice(3)}", must be absolute`)
  return { kind: 'path', path: text.slice(3) }
}

function numbers<Name extends string>(options: string[], known: Name[], refuse: Refuse): { [name in Name]?: number } {
  const found: { [name in Name]?: number } = {}
  for (const option of options) {
    const [name = '', value = ''] = option.split('=', 2)
    const key = known.find(each => each === name)
    if (key === undefined) {
      if (name === 'uidmapping' || name === 'gidmapping')
        throw new TspodError('UNSUPPORTED', refuse(`"${name}" is not implemented yet`).message)
      throw refuse(`unknown option "${name}", must be one of ${known.join(', ')}`)
    }
    if (!/^[0-9]{1,10}$/.test(value) || Number(value) > 4294967294 || (name === 'size' && Number(value) === 0))
      throw refuse(`${name} is "${value}", must be a number, ${name === 'size' ? 1 : 0} to 4294967294`)
    found[key] = Number(value)
  }
  return found
}

function fail(error: TspodError): never {
  throw error
}
