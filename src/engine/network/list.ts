// network ls.
import { hasLabel, patternOf } from '#engine/container/filter.ts'
import { networkByDefault } from '#engine/container/join-networks.ts'
import type { NetworkFilter, NetworkSummary } from '#engine/contracts/network.ts'
import { openEngine } from '#engine/open.ts'
import { listNetworks } from '#network/networks.ts'
import { containersByNetwork } from './users.ts'

/** The verb: by name. Filters with the same key: any; different keys and labels: all. */
export async function listUserNetworks(filters: NetworkFilter[]): Promise<NetworkSummary[]> {
  const engine = await openEngine()
  const users = containersByNetwork(engine)
  const all = listNetworks(engine.graphRoot, networkByDefault(engine)).map(definition => ({
    definition,
    containers: users.get(definition.name) ?? [],
  }))
  const groups = new Map<string, ((network: NetworkSummary) => boolean)[]>()
  for (const [index, filter] of filters.entries()) {
    const group = filter.key === 'label' ? `label ${index}` : filter.key
    groups.set(group, [...(groups.get(group) ?? []), testOf(filter)])
  }
  return all.filter(network => [...groups.values()].every(tests => tests.some(test => test(network))))
}

function testOf(filter: NetworkFilter): (network: NetworkSummary) => boolean {
  switch (filter.key) {
    case 'label':
      return ({ definition }) => hasLabel(definition.labels ?? {}, filter)
    case 'name': {
      const pattern = patternOf('name', filter.value)
      return ({ definition }) => pattern.test(definition.name)
    }
    case 'id':
      return ({ definition }) => definition.id.startsWith(filter.value)
    case 'driver':
      return ({ definition }) => definition.driver === filter.value
    case 'dangling':
      return ({ containers }) => (containers.length === 0) === filter.value
    case 'until':
      return ({ definition }) => Date.parse(definition.created) < filter.beforeMs
  }
}
