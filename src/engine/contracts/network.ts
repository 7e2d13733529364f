// Inputs and outputs of the network verbs.
import type { NetworkDefinition } from '#network/definition.ts'
import type { LabelFilter } from './container.ts'

export interface NetworkRequestOptions {
  /** absent: that of its bridge */
  name?: string
  driver: string
  /** each with its gateway and range; none: one is chosen */
  subnets: { subnet: string; gateway?: string; range?: string }[]
  internal: boolean
  ipv6: boolean
  disableDns: boolean
  dns: string[]
  labels: Record<string, string>
  options: Record<string, string>
  /** `destination,gateway[,metric]` */
  routes: string[]
  /** of the bridge; absent: chosen */
  interfaceName?: string
  /** an existing one is fine */
  ignoreExisting: boolean
}

export type NetworkFilter =
  | LabelFilter
  | { key: 'name' | 'id' | 'driver'; value: string }
  | { key: 'dangling'; value: boolean }
  | { key: 'until'; beforeMs: number }

export interface NetworkSummary {
  definition: NetworkDefinition
  /** ids of containers that are to be on it, running or not */
  containers: string[]
}

export interface RemoveNetworkOptions {
  /** containers that use it go too; a missing network is no error */
  force: boolean
  timeoutSeconds?: number
}

export interface NetworkCheckOptions {
  /** none: every one that is known */
  networks: NetworkCheck['network'][]
  /** that each transfer is measured for */
  seconds: number
  /** that name servers are asked for */
  name: string
  onBegin: (network: string) => void
}

/** What was measured of a network; what is absent could not be, as `problems` or `missing` say. */
export interface NetworkCheck {
  network: 'host' | 'slirp4netns' | 'pasta' | 'bridge'
  /** a TCP connection from inside to this machine */
  connectMs?: number
  /** the answer to a question for a name, what it was (`NOERROR`, `NXDOMAIN`, …), and whose */
  dnsMs?: number
  dnsAnswer?: string
  dnsServer?: string
  /** a byte through a published port, and one back */
  roundTripMs?: number
  /** to the container through a published port */
  inGbits?: number
  outGbits?: number
  mtu?: number
  /** its program is not installed */
  missing?: string
  problems?: string[]
}

export interface ConnectOptions {
  aliases: string[]
  ip?: string
  ip6?: string
  mac?: string
}
