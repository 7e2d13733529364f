// Published ports through slirp4netns: forwarders of libslirp, added and removed over the API socket. Its servers see a client's own
// address, but for clients on this machine's loopback, which come from the gateway's.
import { hasCode, TspodError } from '#errors.ts'
import type { PortForwarder } from '#network/driver.ts'
import { type PortMapping, portText, unfoldPorts } from '#network/ports/mapping.ts'
import { PortTakenError } from '#network/ports/taken.ts'
import { type ApiSocket, addHostForward, type HostForward, listHostForwards, removeHostForward } from './api.ts'

/** The API socket's name in the container's runtime folder. */
export const apiSocketName = 'slirp4netns'

/** Forwards to the container's address in slirp4netns's network. */
export function slirp4netnsPorts(guestAddr: string, allowsHostLoopback: boolean): PortForwarder {
  return {
    everyAddress: ['0.0.0.0'],
    check: port => checkPort(port, allowsHostLoopback),
    isForwarded: isOfIp6,
    live: {
      add: (folder, port) => addPort({ folder, name: apiSocketName }, guestAddr, port),
      remove: (folder, port) => removePort({ folder, name: apiSocketName }, port),
    },
  }
}

/** It forwards ports of IPv4 addresses only. */
function isOfIp6({ hostIp }: PortMapping): boolean {
  return hostIp.includes(':')
}

function checkPort(port: PortMapping, allowsHostLoopback: boolean): void {
  const refuse = (why: string, hint: string) =>
    new TspodError('UNSUPPORTED', `publishing ${portText(port)}: slirp4netns ${why}`, { hint })
  // its answers would go to the gateway, which stands for the host's loopback, which is closed
  if (port.protocol === 'udp' && port.hostIp.startsWith('127.') && !allowsHostLoopback)
    throw refuse(
      "does not answer udp on this machine's loopback",
      'leave the address out for clients elsewhere, or use --network slirp4netns:allow_host_loopback=true, or pasta',
    )
  if (port.protocol === 'sctp')
    throw new TspodError('UNSUPPORTED', `publishing ${portText(port)}: neither slirp4netns nor pasta forwards sctp`)
}

/** Forwards a port, or all ports of a range or none. Throws PortTakenError. */
export function addPort(socket: ApiSocket, guestAddr: string, mapping: PortMapping): void {
  const added: number[] = []
  for (const port of unfoldPorts([mapping])) {
    try {
      added.push(addHostForward(socket, forwardOf(port, guestAddr)))
    } catch (error) {
      for (const id of added) removeHostForward(socket, id)
      throw hasCode(error, 'IN_USE') ? new PortTakenError(port, error) : error
    }
  }
}

function forwardOf({ hostIp, hostPort, containerPort, protocol }: PortMapping, guestAddr: string) {
  const proto = protocol === 'udp' ? ('udp' as const) : ('tcp' as const)
  return { proto, hostAddr: hostIp || '0.0.0.0', hostPort, guestAddr, guestPort: containerPort }
}

/** Throws NOT_FOUND where it is not forwarded. */
export function removePort(socket: ApiSocket, mapping: PortMapping): void {
  const listed = listHostForwards(socket)
  const ids = unfoldPorts([mapping]).map(port => {
    const found = listed.find(forward => isForwardOf(forward, port))
    if (found === undefined) throw new TspodError('NOT_FOUND', `slirp4netns does not forward ${portText(mapping)}`)
    return found.id
  })
  for (const id of ids) removeHostForward(socket, id)
}

/** Whether it forwards all of a port or range. */
export function hasPort(socket: ApiSocket, mapping: PortMapping): boolean {
  const listed = listHostForwards(socket)
  return unfoldPorts([mapping]).every(port => listed.some(forward => isForwardOf(forward, port)))
}

function isForwardOf(forward: HostForward, { hostIp, hostPort, protocol }: PortMapping): boolean {
  return forward.proto === protocol && forward.hostPort === hostPort && forward.hostAddr === (hostIp || '0.0.0.0')
}
