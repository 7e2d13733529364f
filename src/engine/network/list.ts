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
  const byDefault = networkByDefault(engine)
  const all = listNetworks(engine.graphRoot, byDefault).map(definition => ({
    definition,
    containers: users.get(definition.name) ?? [],
  }))
  const groups = new Map<string, ((network: NetworkSummary) => boolean)[]>()
  for (const [index, filter] of filters.entries()) {
    const group = filter.key === 'label' ? `label ${index}` : filter.key
    groups.set(group, [...(groups.get(group) ?? []), testOf(filter, byDefault.name)])
  }
  return all.filter(network => [...groups.values()].every(tests => tests.some(test => test(network))))
}

/** The network `alwaysThere` was never made and cannot be removed: it is neither old nor dangling. */
function testOf(filter: NetworkFilter, alwaysThere: string): (network: NetworkSummary) => boolean {
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
      return ({ definition, containers }) =>
        (containers.length === 0 && definition.name !== alwaysThere) === filter.value
    case 'until':
      return ({ definition }) => definition.name !== alwaysThere && Date.parse(definition.created) < filter.beforeMs
  }
}
