// Published ports as values: what was asked for, and what it was settled to. Pure.

export type PortProtocol = 'tcp' | 'udp' | 'sctp'

/** Consecutive ports of the host that lead to as many ports of a container. */
export interface PortMapping {
  /** IPv4 or IPv6 without brackets; empty: every address */
  hostIp: string
  /** the first one, 1-65535 */
  hostPort: number
  containerPort: number
  /** how many consecutive ports, 1 for one */
  range: number
  protocol: PortProtocol
}

/** One `--publish`, not yet settled: without a host port, a free one is chosen for each port. */
export interface PortRequest extends Omit<PortMapping, 'hostPort'> {
  hostPort?: number
}

/** One entry for each port of a range. */
export function unfoldPorts<T extends PortMapping>(ports: readonly T[]): T[] {
  return ports.flatMap(port =>
    port.range === 1
      ? [port]
      : Array.from({ length: port.range }, (_, index) => ({
          ...port,
          hostPort: port.hostPort + index,
          containerPort: port.containerPort + index,
          range: 1,
        })),
  )
}

/** The other way round: neighbours become ranges. */
export function foldPorts<T extends PortMapping>(ports: readonly T[]): T[] {
  const folded: T[] = []
  for (const port of ports) {
    const last = folded.at(-1)
    if (last !== undefined && isNext(last, port))
      folded[folded.length - 1] = { ...last, range: last.range + port.range }
    else folded.push(port)
  }
  return folded
}

function isNext(a: PortMapping, b: PortMapping): boolean {
  return (
    a.protocol === b.protocol &&
    a.hostIp === b.hostIp &&
    b.hostPort === a.hostPort + a.range &&
    b.containerPort === a.containerPort + a.range
  )
}

/**
 * True where both cannot be published at once: the same port of the same protocol, on addresses that overlap. `everyAddress` is what a
 * port without an address is bound to: slirp4netns leaves IPv6 to others.
 */
export function isPortConflict(
  a: PortMapping,
  b: PortMapping,
  everyAddress: readonly string[] = ['0.0.0.0', '::'],
): boolean {
  const addressesOf = ({ hostIp }: PortMapping) => (hostIp === '' ? everyAddress : [hostIp])
  return (
    a.protocol === b.protocol &&
    a.hostPort < b.hostPort + b.range &&
    b.hostPort < a.hostPort + a.range &&
    addressesOf(a).some(one => addressesOf(b).some(other => addressesOverlap(one, other)))
  )
}

function addressesOverlap(a: string, b: string): boolean {
  if (a === b) return true
  if (a.includes(':') !== b.includes(':')) return false
  return isEveryAddress(a) || isEveryAddress(b)
}

/** `0.0.0.0`, `::`. */
export function isEveryAddress(ip: string): boolean {
  return ip === '0.0.0.0' || ip === '::' || ip === ''
}

/** `0.0.0.0:8080->80/tcp`, `[::1]:9000-9002->90-92/udp`, as ps and messages show it. */
export function portText(port: PortMapping): string {
  return `${hostText(port)}->${span(port.containerPort, port.range)}/${port.protocol}`
}

/** `0.0.0.0:8080`, `[::1]:9000-9002`. */
export function hostText({ hostIp, hostPort, range }: Pick<PortMapping, 'hostIp' | 'hostPort' | 'range'>): string {
  const address = hostIp.includes(':') ? `[${hostIp}]` : hostIp || '0.0.0.0'
  return `${address}:${span(hostPort, range)}`
}

function span(from: number, count: number): string {
  return count > 1 ? `${from}-${from + count - 1}` : String(from)
}
