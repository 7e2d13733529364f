// Published ports as `ps` shows them. Pure.
import type { PublishedPort } from '#engine/contracts/container.ts'
import { portText } from '#network/ports/mapping.ts'

/** `0.0.0.0:8080->80/tcp, 0.0.0.0:9000-9002->90-92/udp`. */
export function portsText(ports: readonly PublishedPort[]): string {
  return ports.map(portText).join(', ')
}
