// One verb on several containers: each gets its turn, whatever becomes of the others.
import { during, TspodError } from '#errors.ts'
import type { ContainerId } from '#container/record.ts'
import type { Outcome } from '#engine/contracts/container.ts'
import type { Chosen } from './select.ts'

/** Acts on every chosen container in order; what was not found, or fails, is an outcome with its error. */
export async function forEachChosen(
  chosen: readonly Chosen[],
  act: (id: ContainerId) => Promise<void>,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const one of chosen) {
    if ('error' in one) {
      outcomes.push(one)
      continue
    }
    try {
      await act(one.id)
      outcomes.push({ input: one.input, id: one.id })
    } catch (error) {
      const known = error instanceof TspodError ? error : during(`container ${one.id}`, error)
      outcomes.push({ input: one.input, id: one.id, error: known })
    }
  }
  return outcomes
}
