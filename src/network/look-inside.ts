// The network of a running process, as /proc/PID/net shows it to everyone (proc_pid_net(5)). Nothing is entered.
import { readFileSync } from 'node:fs'

export interface InsideNetwork {
  /** of the interface with the default route */
  interfaceName: string
  gateway: string
  /** its first IPv4 address */
  address: string
  prefixLength: number
  /** '' where the kernel does without IPv6, whose link-local address tells it */
  macAddress: string
}

/** `undefined` where the process has no IPv4 default route, or is gone. */
export function lookInside(pid: number): InsideNetwork | undefined {
  const routes = lines(pid, 'route').slice(1).map(readRoute)
  const outward = routes.find(({ destination, mask }) => destination === 0 && mask === 0)
  if (outward === undefined) return undefined
  const { interfaceName } = outward
  const near = routes.find(
    ({ interfaceName: name, destination, mask }) =>
      name === interfaceName && mask !== 0 && destination === (outward.gateway & mask) >>> 0,
  )
  const address = near && localAddresses(pid).find(each => (each & near.mask) >>> 0 === near.destination)
  return {
    interfaceName,
    gateway: dotted(outward.gateway),
    address: address === undefined ? '' : dotted(address),
    prefixLength: near === undefined ? 0 : Math.clz32(~near.mask),
    macAddress: macOf(pid, interfaceName),
  }
}

interface Route {
  interfaceName: string
  destination: number
  gateway: number
  mask: number
}

/** A line of /proc/net/route: words are hexadecimal, of this little-endian machine. */
function readRoute(line: string): Route {
  const [interfaceName = '', destination = '', gateway = '', , , , , mask = ''] = line.split('\t')
  return { interfaceName, destination: word(destination), gateway: word(gateway), mask: word(mask) }
}

function word(text: string): number {
  const bytes = Buffer.from(text.trim().padStart(8, '0'), 'hex')
  return bytes.readUInt32LE(0)
}

/** /proc/net/fib_trie: the address stands above the line that calls it LOCAL. */
function localAddresses(pid: number): number[] {
  const found = new Set<number>()
  let last = ''
  for (const line of lines(pid, 'fib_trie')) {
    last = /\|-- ([\d.]+)/.exec(line)?.[1] ?? last
    if (line.includes('/32 host LOCAL') && !last.startsWith('127.'))
      found.add(last.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0))
  }
  return [...found]
}

/** From the link-local address, which is made of it (RFC 4291, appendix A). */
function macOf(pid: number, interfaceName: string): string {
  for (const line of lines(pid, 'if_inet6')) {
    const [, bytes, name] = /^fe800{12}([0-9a-f]{16}) .* (\S+)$/.exec(line.trim()) ?? []
    if (name !== interfaceName || bytes?.slice(6, 10) !== 'fffe') continue
    const first = (Number.parseInt(bytes.slice(0, 2), 16) ^ 2).toString(16).padStart(2, '0')
    const rest = bytes.slice(2, 6) + bytes.slice(10)
    return [first, ...(rest.match(/../g) ?? [])].join(':')
  }
  return ''
}

function lines(pid: number, file: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/net/${file}`, 'utf8')
      .split('\n')
      .filter(line => line !== '')
  } catch {
    return [] // gone, or no such protocol
  }
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map(shift => (address >>> shift) & 0xff).join('.')
}
