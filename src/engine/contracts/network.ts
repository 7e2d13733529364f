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

export interface ConnectOptions {
  aliases: string[]
  ip?: string
  ip6?: string
  mac?: string
}
