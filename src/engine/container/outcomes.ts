// One verb on several containers: each gets its turn, whatever becomes of the others.

import type { ContainerId } from '#container/record.ts'
import type { Outcome } from '#engine/contracts/container.ts'
import { during, TspodError } from '#errors.ts'
import type { Chosen } from './select.ts'

/** Acts on every chosen container in order; what was not found, or fails, is an outcome with its error. */
export async function forEachChosen(
  chosen: readonly Chosen[],
  act: (id: ContainerId) => Promise<void>,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const one of chosen) outcomes.push(await outcomeOf(one, act))
  return outcomes
}

/** The same at the same time, for verbs that wait. */
export async function forAllChosen(
  chosen: readonly Chosen[],
  act: (id: ContainerId) => Promise<void>,
): Promise<Outcome[]> {
  return await Promise.all(chosen.map(one => outcomeOf(one, act)))
}

async function outcomeOf(one: Chosen, act: (id: ContainerId) => Promise<void>): Promise<Outcome> {
  if ('error' in one) return one
  try {
    await act(one.id)
    return { input: one.input, id: one.id }
  } catch (error) {
    const known = error instanceof TspodError ? error : during(`container ${one.id}`, error)
    return { input: one.input, id: one.id, error: known }
  }
}
