// A user-defined network as it is written down: podman's network JSON, one file a network below the store.

/** A subnet with the addresses that may be handed out; all are texts. */
export interface SubnetDefinition {
  /** `10.89.0.0/24` */
  subnet: string
  /** the bridge's own address; containers' way out and name server */
  gateway?: string
  /** the part that addresses are chosen from; absent: all of it */
  lease_range?: { start_ip?: string; end_ip?: string }
}

export interface NetworkDefinition {
  name: string
  /** 64 hexadecimal digits */
  id: string
  driver: 'bridge'
  /** the bridge */
  network_interface: string
  /** RFC 3339 */
  created: string
  subnets: SubnetDefinition[]
  /** routes that containers get besides the default one */
  routes?: { destination: string; gateway: string; metric?: number }[]
  ipv6_enabled: boolean
  /** no way out */
  internal: boolean
  /** containers find each other by name */
  dns_enabled: boolean
  /** asked in place of the host's name servers */
  network_dns_servers?: string[]
  labels?: Record<string, string>
  /** `mtu`, `isolate`, `metric` */
  options?: Record<string, string>
  ipam_options: { driver: 'host-local' }
}

/** What containers' interfaces, the bridge and the uplink can carry at once; a userspace stack is fastest with the largest packets. */
export const DEFAULT_MTU = 65_520

export function mtuOf({ options }: Pick<NetworkDefinition, 'options'>): number {
  return options?.mtu === undefined ? DEFAULT_MTU : Number(options.mtu)
}
