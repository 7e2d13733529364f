// network rm, network prune.
import { networkByDefault } from '#engine/container/join-networks.ts'
import type { Outcome } from '#engine/contracts/container.ts'
import type { NetworkFilter, RemoveNetworkOptions } from '#engine/contracts/network.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { during, hasCode, TspodError } from '#errors.ts'
import { findNetwork, lockNetworks, removeNetworkFile } from '#network/networks.ts'
import { listUserNetworks } from './list.ts'
import { containersByNetwork } from './users.ts'

/** The verb. One's failure does not keep the others from their turn. */
export async function removeNetworks(names: string[], options: RemoveNetworkOptions): Promise<Outcome[]> {
  const engine = await openEngine()
  const outcomes: Outcome[] = []
  for (const input of names) {
    try {
      const { name } = findNetwork(engine.graphRoot, networkByDefault(engine), input)
      if (options.force) await removeUsers(engine, name, options)
      await removeNetwork(engine, name)
      outcomes.push({ input, id: input })
    } catch (error) {
      const failure = error instanceof TspodError ? error : during(`removing network "${input}"`, error)
      // a damaged definition cannot be read, but it can go
      if (options.force && failure.code === 'INVALID') removeNetworkFile(engine.graphRoot, input)
      outcomes.push(
        options.force && hasCode(failure, 'NOT_FOUND', 'INVALID') ? { input, id: input } : { input, error: failure },
      )
    }
  }
  return outcomes
}

/** The verb: every network that no container uses, but for the default one; their names. */
export async function pruneNetworks(filters: NetworkFilter[]): Promise<{ id: string; error?: TspodError }[]> {
  const engine = await openEngine()
  const unused = await listUserNetworks([...filters, { key: 'dangling', value: true }])
  const pruned: { id: string; error?: TspodError }[] = []
  for (const { definition } of unused) {
    if (definition.name === networkByDefault(engine).name) continue
    try {
      await removeNetwork(engine, definition.name)
      pruned.push({ id: definition.name })
    } catch (error) {
      if (hasCode(error, 'IN_USE', 'NOT_FOUND')) continue // a container took it, or somebody else removed it, meanwhile
      pruned.push({ id: definition.name, error: during(`network "${definition.name}"`, error) })
    }
  }
  return pruned
}

async function removeNetwork(engine: Engine, name: string): Promise<void> {
  const byDefault = networkByDefault(engine)
  if (name === byDefault.name)
    throw new TspodError('INVALID', `default network ${name} cannot be removed: it is there without having been made`)
  using _lock = await lockNetworks(engine.graphRoot, false)
  const users = containersByNetwork(engine).get(name) ?? []
  if (users.length > 0)
    throw new TspodError(
      'IN_USE',
      `"${name}" has associated containers with it (${users.map(id => id.slice(0, 12)).join(', ')}). Use -f to forcibly delete containers and pods: network is being used`,
    )
  const { id, labels = {} } = findNetwork(engine.graphRoot, byDefault, name)
  removeNetworkFile(engine.graphRoot, name)
  engine.journal({ type: 'network', status: 'remove', id, name, attributes: labels })
}

async function removeUsers(engine: Engine, name: string, { timeoutSeconds }: RemoveNetworkOptions): Promise<void> {
  const users = containersByNetwork(engine).get(name) ?? []
  if (users.length === 0) return
  const { removeContainers } = await import('#engine/container/remove.ts')
  const selection = { names: users, all: false, filters: [], ignoreMissing: true }
  for (const { error } of await removeContainers(selection, {
    force: true,
    volumes: false,
    depend: true,
    withPods: true,
    timeoutSeconds,
  }))
    if (error !== undefined) throw error
}
