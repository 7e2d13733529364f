// `build --explain`: the plan of a build, printed instead of performed: stages in their order, and what each step does.
import { type Containerfile, parseContainerfile, parseTriggers } from '#build/parse/containerfile.ts'
import { planGraph, type StageNode } from '#build/plan/graph.ts'
import { globalScope } from '#build/plan/scope.ts'
import { planStage } from '#build/plan/stage.ts'
import type { Action, CopyAction, RunAction, Step } from '#build/plan/step.ts'
import type { BuildRequest } from '#engine/contracts/build.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import type { ExecutionConfig } from '#oci/image-config.ts'
import { formatPlatform, parsePlatform } from '#oci/platform.ts'
import { openStaging } from '#storage/staging.ts'
import { openBuildContext } from './build/context.ts'
import { hostPlatform } from './import.ts'

/** The verb: lines. Base images that are not here count as ones that set nothing; nothing is pulled. */
export async function explainBuild(request: BuildRequest): Promise<string[]> {
  const engine = await openEngine()
  await using staging = openStaging(engine.graphRoot, 'build', () => engine.namespace())
  const { context, file: text } = await openBuildContext(request, staging.path)
  const file = parseContainerfile(text.name, text.text)
  const lines = [`# ${text.name}; context ${context.folder}, ${describeIgnore(context.ignore)}`]
  const wanted = request.platforms.length === 0 ? [undefined] : request.platforms
  for (const platform of wanted) lines.push(...(await explainPlatform(engine, request, file, platform)))
  return lines
}

async function explainPlatform(
  engine: Engine,
  request: BuildRequest,
  file: Containerfile,
  wanted: string | undefined,
): Promise<string[]> {
  const buildPlatform = hostPlatform()
  const platform = wanted === undefined ? buildPlatform : parsePlatform(wanted, buildPlatform)
  const args = { given: request.buildArgs, platform, buildPlatform, target: request.target ?? '' }
  const globals = globalScope(file, args)
  const graph = planGraph({
    file,
    globals,
    contexts: new Set(request.contexts.keys()),
    ...(request.target !== undefined && { target: request.target }),
    ...(request.from !== undefined && { from: request.from }),
    all: !request.skipUnusedStages,
  })
  const lines: string[] = []
  const ends = new Map<number, { config: ExecutionConfig }>()
  for (const node of graph.nodes) {
    const { base, stage } = node
    const found = base.kind === 'stage' ? ends.get(base.index) : await configOf(engine, node)
    const config = found?.config ?? {}
    const triggers = parseTriggers(stage.from.line, config.OnBuild ?? [], stage.from.image)
    const steps = planStage({
      instructions: [...triggers, ...stage.instructions],
      base: { config },
      args,
      globals,
      escape: file.directives.escape,
      env: [],
    })
    ends.set(stage.index, { config: steps.at(-1)?.config ?? config })
    const needs = node.needs.map(index => nameOf(file, index))
    const unknown = base.kind === 'image' && found === undefined ? '; not here: its configuration is not known' : ''
    lines.push(
      '',
      `stage ${nameOf(file, stage.index)} for ${formatPlatform(platform)}: ${stage.from.line.text}${unknown}`,
      `  after: ${needs.length === 0 ? 'nothing, it begins at once' : needs.join(', ')}`,
      ...steps.flatMap((step, index) => explainStep(step, index + 1)),
    )
  }
  const left = file.stages.filter(({ index }) => !graph.nodes.some(({ stage }) => stage.index === index))
  if (left.length > 0)
    lines.push('', `left out, nothing needs them: ${left.map(({ index }) => nameOf(file, index)).join(', ')}`)
  return lines
}

async function configOf({ images }: Engine, { base }: StageNode): Promise<{ config: ExecutionConfig } | undefined> {
  if (base.kind === 'scratch') return { config: {} }
  const found = base.kind === 'image' ? await images.find(base.name).catch(() => undefined) : undefined
  if (found === undefined) return undefined
  return { config: images.open({ digest: images.digestOf(found) }).config.config ?? {} }
}

function nameOf({ stages }: Containerfile, index: number): string {
  const name = stages[index]?.name
  return name === undefined ? String(index) : `${index} "${name}"`
}

function describeIgnore(ignore: readonly string[]): string {
  return ignore.length === 0 ? 'all of it' : `without what ${ignore.length} lines of its ignore file leave out`
}

function explainStep({ line, shown, action }: Step, number: number): string[] {
  const [first = '', ...more] = shown.split('\n')
  return [
    `  ${number}  ${first}${more.length > 0 ? ' …' : ''}  (line ${line.startLine})`,
    ...(action === undefined ? ['       configuration alone'] : explainAction(action)).map(each =>
      `       ${each}`.trimEnd(),
    ),
  ]
}

function explainAction(action: Action): string[] {
  if (action.kind === 'run') return explainRun(action)
  if (action.kind === 'copy') return explainCopy(action)
  return [`a folder ${action.path}, made where it is missing`]
}

function explainRun({ args, user, workdir, mounts, network, env }: RunAction): string[] {
  const as = user === '' ? 'root' : user
  return [
    `a container runs ${JSON.stringify(args.map(each => (each.length > 200 ? `${each.slice(0, 200)}…` : each)))}`,
    `as ${as} in ${workdir}, network ${network}, ${env.length} variables; what it changes becomes a layer`,
    ...mounts.map(
      mount =>
        `mount ${Object.entries(mount)
          .map(([key, value]) => `${key}=${String(value)}`)
          .join(',')}`,
    ),
  ]
}

function explainCopy({ sources, destination, from, chown, chmod, unpack, link, exclude }: CopyAction): string[] {
  const names = sources.map(source => {
    if (source.kind === 'path') return source.pattern
    return source.kind === 'inline' ? `a text "${source.name}"` : `${source.url} (downloaded)`
  })
  const facts = [
    `from ${from === undefined ? 'the context' : from}`,
    `for ${chown ?? (from === undefined ? '0:0' : 'the owners they have')}`,
    ...(chmod === undefined ? [] : [`with mode ${chmod}`]),
    ...(unpack ? ['archives unpacked'] : []),
    ...(link ? ['whatever lies below'] : []),
    ...exclude.map(pattern => `without ${pattern}`),
  ]
  return [`${names.join(', ')} → ${destination}; ${facts.join(', ')}`]
}
