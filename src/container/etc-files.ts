// The texts of /etc/hosts, /etc/resolv.conf and /run/.containerenv of a container. Pure.
import type { HostEntry } from './options/add-host.ts'

export interface HostsInputs {
  /** the host's /etc/hosts, or containers.conf's base_hosts_file; empty for none */
  base: string
  added: readonly HostEntry[]
  /** what `host-gateway` and host.containers.internal stand for; absent without a network */
  gateway?: string
  /** the container's own addresses and names; absent where it shares the host's network */
  own?: { addresses: readonly string[]; names: readonly string[] }
}

/** What containers call the machine they run on, podman's word and docker's. */
export const hostNamesInside: readonly string[] = ['host.containers.internal', 'host.docker.internal']

/** /etc/hosts: added entries first, since the first match counts (hosts(5)); names added by the user drop the base's. */
export function hostsFile({ base, added, gateway, own }: HostsInputs): string {
  const lines: [string, readonly string[]][] = []
  for (const { names, address } of added) {
    const real = address === 'host-gateway' ? gateway : address
    if (real !== undefined) lines.push([real, names])
  }
  const taken = new Set(lines.flatMap(([, names]) => names))
  for (const line of base.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/)
    const left = names.filter(name => !taken.has(name))
    if (address !== '' && left.length > 0) lines.push([address, left])
  }
  const has = (name: string) => lines.some(([, names]) => names.includes(name))
  if (!has('localhost')) lines.push(['127.0.0.1', ['localhost']], ['::1', ['localhost']])
  if (gateway !== undefined && !has('host.containers.internal')) lines.push([gateway, hostNamesInside])
  const ownNames = own?.names.filter(name => !has(name)) ?? []
  if (ownNames.length > 0) for (const address of own?.addresses ?? []) lines.push([address, ownNames])
  return lines.map(([address, names]) => `${address}\t${names.join(' ')}\n`).join('')
}

export interface ResolvConfInputs {
  /** the host's /etc/resolv.conf */
  base: string
  /** of --dns, --dns-search and --dns-option; a search of `.` means none */
  servers: readonly string[]
  searches: readonly string[]
  options: readonly string[]
  /** domains of the network's own, before those of the host; not beside those that were asked for */
  networkSearches?: readonly string[]
  /** the network's own server, asked before the host's */
  networkServer?: string
  /** `ifNone`: only where none of the host's servers can be reached */
  networkServerUse?: 'always' | 'ifNone'
  /** the host's servers on 127.0.0.0/8, on ::1 and on a link (`fe80::1%eth0`) are somebody else in a network namespace of one's own */
  dropLocal: boolean
}

/** /etc/resolv.conf (resolv.conf(5)): what was asked for, else the network's server and the host's. */
export function resolvConfFile(inputs: ResolvConfInputs): string {
  const words = inputs.base
    .split('\n')
    .map(line =>
      line
        .replace(/[#;].*/, '')
        .trim()
        .split(/\s+/),
    )
    .filter(([key]) => key !== '')
  const values = (...keys: string[]) => words.findLast(([key]) => keys.includes(key ?? ''))?.slice(1) ?? []
  const hostServers = words
    .filter(([key, server]) => key === 'nameserver' && server !== undefined)
    .map(([, server = '']) => server)
    .filter(server => !inputs.dropLocal || !/^(127\.|::1$|fe[89ab].:)|%/i.test(server))
  const servers = inputs.servers.length > 0 ? inputs.servers : [...networkServers(inputs, hostServers), ...hostServers]
  const searches =
    inputs.searches.length > 0
      ? inputs.searches.filter(each => each !== '.')
      : [...(inputs.networkSearches ?? []), ...values('search', 'domain')]
  const options = inputs.options.length > 0 ? inputs.options : values('options')
  return [
    ...(searches.length > 0 ? [`search ${searches.join(' ')}`] : []),
    ...[...new Set(servers)].map(server => `nameserver ${server}`),
    ...(options.length > 0 ? [`options ${options.join(' ')}`] : []),
    '',
  ].join('\n')
}

function networkServers({ networkServer, networkServerUse }: ResolvConfInputs, others: readonly string[]): string[] {
  if (networkServer === undefined || (networkServerUse === 'ifNone' && others.length > 0)) return []
  return [networkServer]
}

/** /run/.containerenv: facts for a --privileged container, empty for others, as scripts expect of podman's. */
export function containerEnvFile(
  privileged: boolean,
  facts: { version: string; name: string; id: string; image: string; imageId: string },
): string {
  if (!privileged) return ''
  return (
    `engine="tspod-${facts.version}"\nname="${facts.name}"\nid="${facts.id}"\n` +
    `image="${facts.image}"\nimageid="${facts.imageId}"\nrootless=1\n`
  )
}
