// Published ports as `ps` shows them. Pure.
import type { PublishedPort } from '#engine/contracts/container.ts'

/** `0.0.0.0:8080->80/tcp, 0.0.0.0:9000-9002->90-92/udp`. */
export function portsText(ports: readonly PublishedPort[]): string {
  const span = (from: number, count: number) => (count > 1 ? `${from}-${from + count - 1}` : String(from))
  return ports
    .map(port => {
      const inside = `${span(port.containerPort, port.range)}/${port.protocol}`
      return `${port.hostIp || '0.0.0.0'}:${span(port.hostPort, port.range)}->${inside}`
    })
    .join(', ')
}
