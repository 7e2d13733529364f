// The names of a container's user-defined networks.
import type { ContainerRecord } from '#container/record.ts'
import type { Engine } from '#engine/open.ts'

/** Those it is to be on, whether it runs or not. */
export function namesOfNetworks({ config }: Pick<Engine, 'config'>, record: ContainerRecord | undefined): string[] {
  if (record?.network.kind !== 'networks') return []
  return record.network.networks.map(({ name }) => (name === 'bridge' ? config.network.defaultNetwork : name))
}
