// network reload: what running containers have on their networks is made anew where it was lost.
import { ensureService, isServed, restoreContainer } from '#engine/container/network-service.ts'
import { selectContainers } from '#engine/container/select.ts'
import { seeContainer } from '#engine/container/survey.ts'
import type { Outcome, Selection } from '#engine/contracts/container.ts'
import { openEngine } from '#engine/open.ts'
import { during, TspodError } from '#errors.ts'

/** The verb; with `all`, the running containers that are on networks. */
export async function reloadNetworks(selection: Selection): Promise<Outcome[]> {
  const engine = await openEngine()
  const chosen = await selectContainers(engine, selection, ({ isRunning, record, report: { state } }) => {
    if (!isRunning || record === undefined || state === undefined) return false
    return isServed(record, state)
  })
  await ensureService(engine)
  const outcomes: Outcome[] = []
  for (const one of chosen) {
    if ('error' in one) {
      outcomes.push(one)
      continue
    }
    const { input, id } = one
    try {
      const { isRunning, record, report } = seeContainer(engine, id)
      const { state } = report
      if (!isRunning || record === undefined || state === undefined)
        throw new TspodError('CONFLICT', `container "${input}" does not run: its networks come when it starts`)
      if (!isServed(record, state))
        throw new TspodError(
          'INVALID',
          `container "${input}" is on no user-defined network: there is nothing to reload`,
        )
      await restoreContainer(engine, { record, state })
      outcomes.push({ input, id })
    } catch (error) {
      outcomes.push({ input, error: error instanceof TspodError ? error : during(`reloading "${input}"`, error) })
    }
  }
  return outcomes
}
