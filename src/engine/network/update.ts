// network update: the name servers of a network. Containers that run notice at their next question.
import { networkByDefault } from '#engine/container/join-networks.ts'
import { openEngine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { findService } from '#network/bridge/client.ts'
import { formatIp, parseIp } from '#network/ip.ts'
import { findNetwork, lockNetworks, writeNetwork } from '#network/networks.ts'

/** The verb. Throws NOT_FOUND for a server to drop that is not there. */
export async function updateNetwork(name: string, changes: { addDns: string[]; dropDns: string[] }): Promise<void> {
  const engine = await openEngine()
  using _lock = await lockNetworks(engine.graphRoot, false)
  const definition = findNetwork(engine.graphRoot, networkByDefault(engine), name)
  if (!definition.dns_enabled)
    throw new TspodError('INVALID', `network "${definition.name}" has no name server of its own: DNS is disabled there`)
  const before = definition.network_dns_servers ?? []
  const drop = changes.dropDns.map(text => address(text, '--dns-drop'))
  const missing = drop.find(each => !before.includes(each))
  if (missing !== undefined)
    throw new TspodError('NOT_FOUND', `network "${definition.name}" has no name server ${missing}`)
  const kept = before.filter(each => !drop.includes(each))
  const servers = [...new Set([...kept, ...changes.addDns.map(text => address(text, '--dns-add'))])]
  const updated = { ...definition, network_dns_servers: servers }
  writeNetwork(engine.graphRoot, updated)
  using service = findService(engine.runRoot)
  service?.ask({ op: 'update', network: updated })
}

function address(text: string, option: string): string {
  const bytes = parseIp(text)
  if (bytes === undefined) throw new TspodError('INVALID', `parsing ${option} "${text}": it is no address`)
  return formatIp(bytes)
}
