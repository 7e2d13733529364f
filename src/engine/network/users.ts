// Which containers use which networks. Takes no lock.
import { parseNetworkOption } from '#container/options/namespaces.ts'
import type { ContainerId, ContainerRecord } from '#container/record.ts'
import { networkByDefault, wishesOf } from '#engine/container/join-networks.ts'
import { surveyContainers } from '#engine/container/survey.ts'
import type { Engine } from '#engine/open.ts'

/** Containers by the names of the networks they are to be on. */
export function containersByNetwork(engine: Engine): Map<string, ContainerId[]> {
  const users = new Map<string, ContainerId[]>()
  for (const { id, record } of surveyContainers(engine))
    for (const name of record === undefined ? [] : networkNames(engine, record))
      users.set(name, [...(users.get(name) ?? []), id])
  return users
}

/** The networks a container is to be on; none where it is connected otherwise. */
export function networkNames(engine: Engine, { network }: Pick<ContainerRecord, 'network'>): string[] {
  const asked = network.kind === 'default' ? parseNetworkOption([engine.config.containers.netns]) : network
  if (asked.kind !== 'networks') return []
  return wishesOf(asked).map(({ name }) => (name === 'bridge' ? networkByDefault(engine).name : name))
}
