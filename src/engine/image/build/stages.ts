// The stages of a build: each begins when those it needs have ended, side by side where they need nothing of each other.
import { resolveFrom, type StageGraph } from '#build/plan/graph.ts'
import { TspodError } from '#errors.ts'
import { type BaseState, imageBase } from './base.ts'
import { NamedContexts } from './named-context.ts'
import type { BuildSession } from './session.ts'
import { buildStage, type FinishedStage } from './stage.ts'
import type { StageFiles } from './stage-files.ts'

/** A session between stages. */
export type Session = Omit<BuildSession, 'filesOf'>

/** A session for what comes after the stages. */
export const afterStages = (session: Session): BuildSession => ({
  ...session,
  filesOf: async () => {
    throw new TspodError('INTERNAL', 'no stage is being built')
  },
})

/** Every stage begins when those it needs have ended, `--jobs` of them at a time. The first failure ends the others. */
export async function buildStages(shared: Session, graph: StageGraph): Promise<FinishedStage> {
  const { request } = shared
  const running = new Map<number, Promise<FinishedStage>>()
  const stop = new AbortController()
  const signal = AbortSignal.any([request.signal, stop.signal])
  const slots = slotsFor(request.jobs)
  const stageAt = (index: number): Promise<FinishedStage> =>
    running.get(index) ?? Promise.reject(new TspodError('INTERNAL', `stage ${index} is not being built`))
  const images = new Map<string, Promise<BaseState>>()
  const imageOnce = (name: string): Promise<BaseState> => {
    const known = images.get(name) ?? imageBase(afterStages(shared), name, undefined, 0)
    images.set(name, known)
    return known
  }
  const contexts = new NamedContexts(afterStages(shared), imageOnce)
  for (const node of graph.nodes) {
    const filesOf = async (from: string | undefined): Promise<StageFiles> => {
      if (from === undefined) return { kind: 'folder', ...shared.context }
      const ref = resolveFrom(from, node.stage.index, { file: shared.file, contexts: new Set(request.contexts.keys()) })
      if (ref.kind === 'scratch') return { kind: 'layers', name: from, chain: [] }
      if (ref.kind === 'stage') return { kind: 'layers', name: from, chain: (await stageAt(ref.index)).chain }
      if (ref.kind === 'context') return await contexts.files(ref.name)
      return { kind: 'layers', name: from, chain: (await imageOnce(ref.name)).chain }
    }
    const session: BuildSession = { ...shared, request: { ...request, signal }, filesOf }
    const build = async (): Promise<FinishedStage> => {
      await Promise.all(node.needs.map(stageAt))
      return await slots(
        async () =>
          await buildStage(session, node, { stage: stageAt, contextBase: async name => await contexts.base(name) }),
      )
    }
    const stage = build()
    stage.catch((error: unknown) => stop.abort(error))
    running.set(node.stage.index, stage)
  }
  await Promise.allSettled(running.values())
  request.signal.throwIfAborted()
  if (stop.signal.aborted) throw stop.signal.reason as Error

  return await stageAt(graph.target.stage.index)
}

function slotsFor(count: number): <T>(body: () => Promise<T>) => Promise<T> {
  let free = count === 0 ? Number.POSITIVE_INFINITY : count
  const waiting: (() => void)[] = []
  return async body => {
    if (free === 0) await new Promise<void>(resolve => waiting.push(resolve))
    else free--
    try {
      return await body()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free++
      else next()
    }
  }
}
