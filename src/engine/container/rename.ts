// rename: another name for a container.

import { withContainerLock } from '#container/lock.ts'
import { findContainer, renameContainer as renameRecord } from '#container/name-index.ts'
import { containerDir, readRecord } from '#container/record.ts'
import { openEngine } from '#engine/open.ts'

/** The verb. Throws CONFLICT where the name is taken. */
export async function renameContainer(name: string, newName: string): Promise<void> {
  const engine = await openEngine()
  const id = findContainer(engine.graphRoot, name)
  await withContainerLock(containerDir(engine.graphRoot, id), async () => {
    await renameRecord(engine.graphRoot, id, newName)
  })
  const { image, labels, network } = readRecord(engine.graphRoot, id)
  if (network.kind !== 'slirp4netns' && network.kind !== 'pasta') await renameOnNetworks(engine.runRoot, id, newName)
  engine.journal({
    type: 'container',
    status: 'rename',
    id,
    name: newName,
    image: image?.name ?? '',
    attributes: labels,
  })
}

/** Others on its networks find it by the new name at once. */
async function renameOnNetworks(runRoot: string, id: string, name: string): Promise<void> {
  const { findService } = await import('#network/bridge/client.ts')
  using service = findService(runRoot)
  service?.ask({ op: 'rename', id, name })
}
