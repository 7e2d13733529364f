// The network of a container in one word, as inspect's HostConfig.NetworkMode says it.
import { findContainer } from '#container/name-index.ts'
import { parseNetworkOption } from '#container/options/namespaces.ts'
import type { ContainerRecord } from '#container/record.ts'
import type { Engine } from '#engine/open.ts'
import { hasCode } from '#errors.ts'
import { defaultHelper } from './connect-network.ts'

/** `slirp4netns`, `pasta`, `host`, `none`, `container:<id>`, `ns:<path>`. */
export function networkMode(engine: Engine, { network }: Pick<ContainerRecord, 'network'>): string {
  const asked = network.kind === 'default' ? parseNetworkOption([engine.config.containers.netns]) : network
  switch (asked.kind) {
    case 'container':
      return `container:${idOrName(engine, asked.container)}`
    case 'path':
      return `ns:${asked.path}`
    case 'default':
    case 'private':
      return defaultHelper(engine)
    case 'networks':
      return 'bridge'
    case 'none':
    case 'host':
    case 'pasta':
    case 'slirp4netns':
      return asked.kind
  }
}

/** The id of another container; its name as it was typed where it is gone, or renamed. */
export function idOrName(engine: Engine, name: string): string {
  try {
    return findContainer(engine.graphRoot, name)
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND', 'CONFLICT')) return name
    throw error
  }
}
