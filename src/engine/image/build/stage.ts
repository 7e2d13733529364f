// Builds one stage: its base, then step after step, from the cache or by doing it.
import { type CacheRecord, cacheKey } from '#build/cache.ts'
import { parseTriggers } from '#build/parse/containerfile.ts'
import type { InstructionKind } from '#build/parse/instruction.ts'
import { excerpt } from '#build/parse/source.ts'
import type { StageNode } from '#build/plan/graph.ts'
import { planStage } from '#build/plan/stage.ts'
import type { Action, Step } from '#build/plan/step.ts'
import { during, TspodError } from '#errors.ts'
import { formatPlatform } from '#oci/platform.ts'
import { type BaseState, imageBase, scratchBase } from './base.ts'
import { performCopy, performFolder, prepareCopy } from './copy-step.ts'
import { mountsKey } from './run-mounts.ts'
import { runStep, StepFailed } from './run-step.ts'
import { adoptLayer, type BuildSession, findCached } from './session.ts'

/** What a stage ended with; the times of steps that changed no file are yet to be set. */
export interface FinishedStage extends BaseState {
  name: string
}

export interface StageTools {
  /** the end of another stage, waited for */
  stage: (index: number) => Promise<FinishedStage>
  /** a named context as a base; `undefined` where it is a folder */
  contextBase: (name: string) => Promise<BaseState>
}

/** `[name 2/5]`, as BuildKit shows it: of the steps that do something; with the platform where there are several. */
const label = ({ request, platform }: BuildSession, name: string, index: number, count: number): string =>
  `[${request.platforms.length > 1 ? `${formatPlatform(platform)} ` : ''}${name} ${index}/${count}]`

/** The instructions that do more than change the configuration. */
const doing: ReadonlySet<InstructionKind> = new Set(['run', 'copy', 'add', 'workdir'])

export async function buildStage(session: BuildSession, node: StageNode, tools: StageTools): Promise<FinishedStage> {
  const { stage } = node
  const name = stage.name ?? `stage-${stage.index}`
  const from = session.nextStep()
  const fromName = `${label(session, name, 1, 1 + stage.instructions.filter(({ kind }) => doing.has(kind)).length)} ${stage.from.line.text}`
  const base = await announced(session, from, fromName, async () => ({
    value: await openBase(session, node, tools, from),
    how: 'done',
  }))
  const triggers = parseTriggers(stage.from.line, base.config.OnBuild ?? [], base.base?.name ?? name)
  const instructions = [...triggers, ...stage.instructions]
  const steps = planStage({
    instructions,
    base: { config: base.config, ...(base.author !== undefined && { author: base.author }) },
    args: session.args,
    globals: session.globals,
    escape: session.file.directives.escape,
    env: [],
  })
  const { OnBuild: _triggers, ...config } = base.config
  let state: FinishedStage = { ...base, config, name }
  const isCached =
    session.request.noCache === false ||
    (Array.isArray(session.request.noCache) && !session.request.noCache.includes(name))
  const count = 1 + steps.filter(({ action }) => action !== undefined).length
  let number = 1
  for (const step of steps) {
    session.request.signal.throwIfAborted()
    if (step.action !== undefined) number++
    const title = `${label(session, name, number, count)} ${firstLine(step.shown)}`
    state = await takeStep(session, step, title, state, isCached)
  }
  return state
}

const firstLine = (text: string): string => {
  const [first = '', ...more] = text.split('\n')
  return more.length === 0 ? first : `${first} …`
}

async function openBase(
  session: BuildSession,
  { base, platform, stage }: StageNode,
  tools: StageTools,
  step: number,
): Promise<BaseState> {
  try {
    if (base.kind === 'scratch') return scratchBase(session)
    if (base.kind === 'stage') {
      const { name: _name, ...state } = await tools.stage(base.index)
      return state
    }
    if (base.kind === 'context') return await tools.contextBase(base.name)
    return await imageBase(session, base.name, platform, step)
  } catch (error) {
    if (!(error instanceof TspodError) || base.kind === 'stage') throw error
    const { line } = stage.from
    throw new TspodError(error.code, `${line.file.name}:${line.startLine}: ${error.message}`, {
      hint: error.hint,
      cause: error,
    })
  }
}

/** Tells of a step's beginning and end around doing it. */
async function announced<T>(
  { request }: BuildSession,
  step: number,
  name: string,
  body: () => Promise<{ value: T; how: 'done' | 'cached' }>,
): Promise<T> {
  const started = performance.now()
  request.onEvent({ kind: 'start', step, name })
  try {
    const { value, how } = await body()
    request.onEvent({ kind: 'done', step, how, ms: performance.now() - started })
    return value
  } catch (error) {
    const message = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
    request.onEvent({ kind: 'failed', step, message, ms: performance.now() - started })
    throw error
  }
}

async function takeStep(
  session: BuildSession,
  step: Step,
  title: string,
  state: FinishedStage,
  isCached: boolean,
): Promise<FinishedStage> {
  const { action, config, author, createdBy } = step
  const common = { ...state, config, ...(author !== undefined && { author }) }
  if (action === undefined)
    return { ...common, history: [...state.history, { created_by: createdBy, empty_layer: true }] }
  const number = session.nextStep()
  const record = await announced(session, number, title, async () => {
    try {
      return await resultOf(session, action, step, state, isCached, number)
    } catch (error) {
      const { onFailedState } = session.request
      if (error instanceof StepFailed && action.kind === 'run' && onFailedState !== undefined) {
        const { keepState } = await import('./keep-state.ts')
        onFailedState(await keepState(session, action, state))
      }
      throw stepError(step, error)
    }
  })
  const created = new Date(createdMs(session, record.createdMs)).toISOString()
  if (record.layer === undefined)
    return { ...common, history: [...state.history, { created_by: createdBy, empty_layer: true }] }
  return {
    ...common,
    chain: record.chain,
    layers: [...state.layers, record.layer],
    sizeBytes: state.sizeBytes + record.layer.sizeBytes,
    history: [...state.history, { created, created_by: createdBy }],
  }
}

export function createdMs({ request }: BuildSession, ms: number): number {
  const seconds = request.timestampSeconds ?? request.epochSeconds
  return seconds === undefined ? ms : seconds * 1000
}

type Result = { value: CacheRecord; how: 'done' | 'cached' }

async function resultOf(
  session: BuildSession,
  action: Action,
  step: Step,
  state: FinishedStage,
  isCached: boolean,
  number: number,
): Promise<Result> {
  const { cache, mode, times, used } = session
  const remember = (record: CacheRecord): CacheRecord => {
    used.push({ key, record })
    return record
  }
  const below = action.kind === 'copy' && action.link ? '' : (state.chain.at(-1) ?? '')
  const copy = action.kind === 'copy' ? await prepareCopy(session, action, state) : undefined
  const parts =
    action.kind === 'run'
      ? { ...action, mounts: await mountsKey(session, action.mounts), run: session.request.run.network }
      : (copy?.key ?? action)
  const key = cacheKey({ version: 1, mode, times, below, platform: session.args.platform, parts })
  const found = isCached ? findCached(session, key) : undefined
  if (found !== undefined) {
    await session.lease.protect([...found.chain, ...(found.layer === undefined ? [] : [found.layer.descriptor.digest])])
    // it may have been swept between the look and the promise
    const again = findCached(session, key)
    if (again !== undefined) return { value: remember(await aboveState(session, action, again, state)), how: 'cached' }
  }
  const shared = isCached ? await session.shared?.find(session, key, state, number) : undefined
  if (shared !== undefined) {
    cache.put(key, shared)
    return { value: remember(shared), how: 'cached' }
  }
  const value = await perform(session, action, step, state, copy, number)
  if (copy === undefined || value.isSame) cache.put(key, remember(value.record))
  else
    session.request.onEvent({
      kind: 'warning',
      text: `${step.line.file.name}:${step.line.startLine}: the files changed while they were copied: the result is not kept for later builds`,
    })
  return { value: value.record, how: 'done' }
}

/** The record of a COPY --link is found over any layers: its own goes on top of those that are here. */
async function aboveState(
  session: BuildSession,
  action: Action,
  record: CacheRecord,
  state: FinishedStage,
): Promise<CacheRecord> {
  const { layer } = record
  if (action.kind !== 'copy' || !action.link || layer === undefined) return record
  const { placeLayer } = await import('./place-layer.ts')
  return { ...record, chain: await placeLayer(session, state, layer) }
}

async function perform(
  session: BuildSession,
  action: Action,
  step: Step,
  state: FinishedStage,
  copy: Awaited<ReturnType<typeof prepareCopy>> | undefined,
  number: number,
): Promise<{ record: CacheRecord; isSame: boolean }> {
  const { request } = session
  const shown = firstLine(step.shown)
  const adopt = async (folder: string, made: Parameters<typeof adoptLayer>[3]): Promise<CacheRecord> => {
    const { layer, chainId } = await adoptLayer(session, folder, state, made)
    return { version: 1, chain: [...state.chain, chainId], layer, createdMs: Date.now(), shown }
  }
  if (action.kind === 'run') {
    await using run = await runStep(session, action, state, (stream, chunk) =>
      request.onEvent({ kind: 'output', step: number, stream, chunk }),
    )
    return { record: await adopt(run.folder, run.made), isSame: true }
  }
  if (action.kind === 'copy') {
    if (copy === undefined) throw new TspodError('INTERNAL', 'a copy was not prepared')
    const { folder, made, isSame } = await performCopy(session, action, state, copy)
    return { record: await adopt(folder, made), isSame }
  }
  const { folder, made } = await performFolder(session, action, state)
  if (made !== undefined) return { record: await adopt(folder, made), isSame: true }
  return { record: { version: 1, chain: state.chain, createdMs: Date.now(), shown }, isSame: true }
}

/** The step's place in the file, with the lines around it. */
function stepError({ line, shown }: Step, error: unknown): unknown {
  const lines = excerpt(line.file, line.startLine, line.endLine)
  const place = `${line.file.name}:${line.startLine}`
  if (error instanceof StepFailed)
    return new TspodError('INTERNAL', `${place}: building at STEP "${firstLine(shown)}": ${error.message}\n${lines}`, {
      exitCode: error.exitCode,
    })
  if (!(error instanceof TspodError)) return error
  if (error.message.startsWith(`${line.file.name}:`)) return error
  const told = during(`${place}: building at STEP "${firstLine(shown)}"`, error)
  return new TspodError(told.code, `${told.message}\n${lines}`, {
    hint: told.hint,
    exitCode: told.exitCode,
    cause: error,
  })
}
