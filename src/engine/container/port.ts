// port: the published ports of containers.
import type { ContainerPorts, Selection } from '#engine/contracts/container.ts'
import { openEngine } from '#engine/open.ts'
import { selectContainers } from './select.ts'
import { seeContainer } from './survey.ts'

/** The verb: containers with their ports; `all` means the running ones. */
export async function listPorts(selection: Selection): Promise<ContainerPorts[]> {
  const engine = await openEngine()
  const chosen = await selectContainers(engine, selection, ({ isRunning }) => isRunning)
  return chosen.map(one => {
    if ('error' in one) throw one.error
    const { record } = seeContainer(engine, one.id)
    return { id: one.id, name: record?.name ?? '', ports: record?.ports ?? [] }
  })
}
