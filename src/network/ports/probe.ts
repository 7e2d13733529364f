// Whether ports of this machine can be had, and which are free: the kernel is asked by bind(2), nothing is kept.
import { readFileSync } from 'node:fs'
import { TspodError } from '#errors.ts'
import { bindInet, localAddress } from '#sys/inet.ts'
import { hostText, type PortMapping, type PortRequest, unfoldPorts } from './mapping.ts'

/** `denied`: below net.ipv4.ip_unprivileged_port_start; `foreign`: the address is none of this machine's. */
export type PortRefusal = 'taken' | 'denied' | 'foreign'

export interface RefusedPort {
  port: PortMapping
  state: PortRefusal
}

/** The first port of a range that cannot be had now. `everyAddress`: what a port without an address is bound to. */
export function firstRefused(mapping: PortMapping, everyAddress: readonly string[]): RefusedPort | undefined {
  for (const port of unfoldPorts([mapping])) {
    for (const ip of port.hostIp === '' ? everyAddress : [port.hostIp]) {
      const state = tryPort(port, ip)
      // a machine without IPv6 has no :: to bind
      if (state === 'free' || (state === 'foreign' && port.hostIp === '')) continue
      return { port, state }
    }
  }
  return undefined
}

function tryPort({ hostPort, protocol }: PortMapping, ip: string): PortRefusal | 'free' {
  if (protocol === 'sctp') return 'free'
  const bound = bindInet(protocol, { ip, port: hostPort })
  if (typeof bound !== 'string') {
    bound.close()
    return 'free'
  }
  switch (bound) {
    case 'EADDRINUSE':
      return 'taken'
    case 'EACCES':
      return 'denied'
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
      return 'foreign'
    default:
      throw new TspodError('INTERNAL', `trying port ${hostText({ hostIp: ip, hostPort, range: 1 })}: ${bound}`)
  }
}

/** The requests settled: those without a host port get free ones, each a different one. */
export function chooseHostPorts(requests: readonly PortRequest[]): PortMapping[] {
  using held = new DisposableStack() // until all are chosen, so that none is chosen twice
  return requests.flatMap(request => {
    const { hostIp, hostPort, containerPort, range, protocol } = request
    if (hostPort !== undefined) return { hostIp, hostPort, containerPort, range, protocol }
    return Array.from({ length: range }, (_, index) => {
      const bound = bindInet(protocol === 'udp' ? 'udp' : 'tcp', { ip: hostIp || '0.0.0.0', port: 0 })
      if (typeof bound === 'string')
        throw new TspodError('INVALID', `choosing a port of "${hostIp || '0.0.0.0'}": ${bound}`, {
          hint: 'the address must be one of this machine',
        })
      const { port } = localAddress(held.use(bound))
      return { hostIp, hostPort: port, containerPort: containerPort + index, range: 1, protocol }
    })
  })
}

/** The first free port from `from` up on the same address and protocol; `undefined` where there is none. */
export function nextFreePort(port: PortMapping, from: number, everyAddress: readonly string[]): number | undefined {
  for (let hostPort = from; hostPort <= 65535; hostPort++)
    if (firstRefused({ ...port, hostPort, range: 1 }, everyAddress) === undefined) return hostPort
  return undefined
}

/** The lowest port that a normal user may bind (ip-sysctl). */
export function unprivilegedStart(): number {
  return Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'))
}
