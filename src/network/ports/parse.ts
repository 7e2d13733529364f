// The texts of --publish, --expose and an image's ExposedPorts (podman-run(1)). Pure.
import { TspodError } from '#errors.ts'
import type { PortProtocol, PortRequest } from './mapping.ts'

/** `[[ip:][host]:]container[/tcp|udp|sctp]`, with ranges `8000-8010:80-90`. Throws INVALID quoting the text and naming `option`. */
export function parsePublish(text: string, option = '--publish'): PortRequest {
  const refuse = (why: string, hint?: string) =>
    new TspodError('INVALID', `parsing ${option} "${text}": ${why}`, hint === undefined ? {} : { hint })
  const slash = text.indexOf('/')
  const protocol = parseProtocol(slash < 0 ? 'tcp' : text.slice(slash + 1), refuse)
  const { hostIp, host, container } = splitAddress(slash < 0 ? text : text.slice(0, slash), refuse)
  const inside = parseRange(container, 'container', refuse)
  if (host === '' || host === '0') return { hostIp, containerPort: inside.first, range: inside.count, protocol }
  const outside = parseRange(host, 'host', refuse)
  if (outside.count !== inside.count)
    throw refuse(
      `${outside.count} host ports for ${inside.count} container ports, must be as many`,
      'leave the host ports out, and free ones are chosen',
    )
  return { hostIp, hostPort: outside.first, containerPort: inside.first, range: inside.count, protocol }
}

/** `PORT[-PORT][/tcp|udp|sctp]`, of --expose and of images. Throws INVALID quoting the text. */
export function parseExposed(text: string, option = '--expose'): PortRequest {
  const refuse = (why: string) => new TspodError('INVALID', `parsing ${option} "${text}": ${why}`)
  const slash = text.indexOf('/')
  const protocol = parseProtocol(slash < 0 ? 'tcp' : text.slice(slash + 1), refuse)
  const { first, count } = parseRange(slash < 0 ? text : text.slice(0, slash), '', refuse)
  return { hostIp: '', containerPort: first, range: count, protocol }
}

type Refuse = (why: string, hint?: string) => TspodError

function parseProtocol(text: string, refuse: Refuse): PortProtocol {
  const word = text.toLowerCase()
  if (word === 'tcp' || word === 'udp' || word === 'sctp') return word
  throw refuse(`the protocol is "${text}", must be tcp, udp or sctp`)
}

/** `ip:host:container`, `[v6]:host:container`, `host:container`, `container`; an address may have no host port after it. */
function splitAddress(text: string, refuse: Refuse): { hostIp: string; host: string; container: string } {
  const bracketed = /^\[([^\]]*)\]:(.*)$/.exec(text)
  const rest = (bracketed?.[2] ?? text).split(':')
  if (bracketed !== null) {
    const [host = '', container, ...more] = rest
    if (more.length > 0 || container === undefined) throw refuse('after the address must come HOST:CONTAINER')
    return { hostIp: checkAddress(bracketed[1] ?? '', refuse), host, container }
  }
  const [first = '', second, third, ...more] = rest
  if (more.length > 0) throw refuse('too many colons', 'an IPv6 address goes in brackets: [::1]:8080:80')
  if (second === undefined) return { hostIp: '', host: '', container: first }
  if (third === undefined) return { hostIp: '', host: first, container: second }
  return { hostIp: first === '' ? '' : checkAddress(first, refuse), host: second, container: third }
}

function checkAddress(text: string, refuse: Refuse): string {
  if (isIpAddress(text)) return text.toLowerCase()
  throw refuse(`the host address is "${text}", must be an IPv4 address, or an IPv6 address in brackets`)
}

function parseRange(text: string, side: '' | 'container' | 'host', refuse: Refuse): { first: number; count: number } {
  const what = side === '' ? 'port' : `${side} port`
  const [from = '', to = from, ...more] = text.split('-')
  const first = parsePort(from)
  const last = parsePort(to)
  if (first === undefined || last === undefined || more.length > 0)
    throw refuse(`${what} is "${text}", must be 1-65535`)
  if (last < first) throw refuse(`${what} range "${text}" ends before it begins`)
  return { first, count: last - first + 1 }
}

function parsePort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  return port >= 1 && port <= 65535 ? port : undefined
}

/** True for a plain IPv4 or IPv6 address. Does without node:net, which costs a millisecond to load. */
export function isIpAddress(text: string): boolean {
  if (/^[0-9.]+$/.test(text)) return /^(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(?:\.(?!$)|$)){4}$/.test(text)
  return /^[0-9a-f:.]+$/i.test(text) && URL.canParse(`http://[${text}]/`)
}
