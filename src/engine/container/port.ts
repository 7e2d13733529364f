// port: the published ports of containers.
import type { ContainerPorts, Selection } from '#engine/contracts/container.ts'
import { openEngine } from '#engine/open.ts'
import { selectContainers } from './select.ts'
import { seeContainer } from './survey.ts'

/** The verb: containers with their ports; `all` means the running ones. No port can be published yet, so the lists are empty. */
export async function listPorts(selection: Selection): Promise<ContainerPorts[]> {
  const engine = await openEngine()
  const chosen = await selectContainers(engine, selection, ({ isRunning }) => isRunning)
  return chosen.map(one => {
    if ('error' in one) throw one.error
    return { id: one.id, name: seeContainer(engine, one.id).record?.name ?? '', ports: [] }
  })
}
