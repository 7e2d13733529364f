// One verb on several pods: each gets its turn, whatever becomes of the others; and what became of the containers of one.
import type { PodRecord } from '#container/pod/record.ts'
import type { Outcome } from '#engine/contracts/container.ts'
import type { PodOutcome, PodSelection } from '#engine/contracts/pod.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { during, hasCode, TspodError } from '#errors.ts'
import { findPod, listPodRecords } from './find.ts'

/** Acts on every chosen pod in order; `fits` says which ones `all` means for the verb. `act` returns what failed, or throws. */
export async function forEachPod(
  selection: PodSelection,
  act: (engine: Engine, pod: PodRecord) => Promise<TspodError[]>,
  fits: (engine: Engine, pod: PodRecord) => boolean = () => true,
): Promise<PodOutcome[]> {
  const engine = await openEngine()
  const chosen = choosePods(engine, selection, fits)
  const outcomes: PodOutcome[] = []
  for (const { input, pod, error } of chosen) {
    if (pod === undefined) outcomes.push({ input, errors: error === undefined ? [] : [error] })
    else outcomes.push({ input, id: pod.id, errors: await failuresOf(pod, async () => await act(engine, pod)) })
  }
  return outcomes
}

async function failuresOf(pod: PodRecord, act: () => Promise<TspodError[]>): Promise<TspodError[]> {
  try {
    return await act()
  } catch (error) {
    return [error instanceof TspodError ? error : during(`pod ${pod.name}`, error)]
  }
}

interface ChosenPod {
  input: string
  pod?: PodRecord
  error?: TspodError
}

function choosePods(
  engine: Engine,
  { names, all, ignoreMissing }: PodSelection,
  fits: (engine: Engine, pod: PodRecord) => boolean,
): ChosenPod[] {
  const named = names.map((name): ChosenPod => {
    const input = typeof name === 'string' ? name : 'latest'
    try {
      return { input, pod: findPod(engine, name) }
    } catch (error) {
      if (error instanceof TspodError) return { input, error }
      throw error
    }
  })
  const every = all ? listPodRecords(engine).filter(pod => fits(engine, pod)) : []
  const chosen: ChosenPod[] = [...named, ...every.map(pod => ({ input: pod.id, pod }))]
  const seen = new Set<string>()
  return chosen.filter(({ pod, error }) => {
    if (pod === undefined) return !(ignoreMissing && hasCode(error, 'NOT_FOUND'))
    const isNew = !seen.has(pod.id)
    seen.add(pod.id)
    return isNew
  })
}

/** What failed of a verb on containers. */
export function failures(outcomes: readonly Outcome[]): TspodError[] {
  return outcomes.flatMap(({ error }) => error ?? [])
}

/** Runs for several containers at the same time; what failed, with the container it failed for. */
export async function forAllMembers(
  ids: readonly string[],
  what: string,
  act: (id: string) => Promise<void>,
): Promise<TspodError[]> {
  const results = await Promise.all(
    ids.map(async id => {
      try {
        await act(id)
        return undefined
      } catch (error) {
        return during(`${what} container ${id}`, error)
      }
    }),
  )
  return results.flatMap(error => error ?? [])
}
