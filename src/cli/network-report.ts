// A network as `network ls` tells of it. Pure.
import type { NetworkSummary } from '#engine/contracts/network.ts'

export const networkReport = {
  fields:
    'Name ID Driver NetworkInterface Created Subnets IPv6Enabled Internal DNSEnabled Labels Options IPAMOptions'.split(
      ' ',
    ),
  headings: { ID: 'NETWORK ID' },
}

/** Podman's JSON of a network. */
export function networkJson({ definition }: NetworkSummary): Record<string, unknown> {
  return { ...definition }
}

/** The fields that templates know. */
export function networkRow({ definition }: NetworkSummary, isWhole: boolean): Record<string, unknown> {
  const { labels = {}, options = {} } = definition
  return {
    Name: definition.name,
    ID: isWhole ? definition.id : definition.id.slice(0, 12),
    Driver: definition.driver,
    NetworkInterface: definition.network_interface,
    Created: definition.created,
    Subnets: definition.subnets,
    IPv6Enabled: definition.ipv6_enabled,
    Internal: definition.internal,
    DNSEnabled: definition.dns_enabled,
    Labels: Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
    Options: options,
    IPAMOptions: definition.ipam_options,
  }
}
