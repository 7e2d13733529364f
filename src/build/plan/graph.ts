// Which stages a build needs, and in what order: a stage may use earlier ones as its base, for COPY --from and for mounts. Pure.
import type { Containerfile, Stage } from '#build/parse/containerfile.ts'
import { parseRunMount } from '#build/parse/run-mount.ts'
import { TspodError } from '#errors.ts'
import { type GlobalScope, replace } from './scope.ts'

/** Where files come from that are not of the stage itself. */
export type FromRef =
  | { kind: 'stage'; index: number }
  | { kind: 'scratch' }
  | { kind: 'context'; name: string }
  | { kind: 'image'; name: string }

export interface StageNode {
  stage: Stage
  base: FromRef
  /** `--platform` of its FROM, variables replaced */
  platform?: string
  /** earlier stages that it needs, by index */
  needs: number[]
}

export interface StageGraph {
  target: StageNode
  /** only those that are needed, in the order of the file */
  nodes: StageNode[]
}

export interface GraphInputs {
  file: Containerfile
  globals: GlobalScope
  /** names of `--build-context` */
  contexts: ReadonlySet<string>
  /** a stage by name or number; absent: the last */
  target?: string
  /** `--from`: takes the place of the first FROM's image */
  from?: string
  /** `--skip-unused-stages=false` */
  all?: boolean
}

/** Throws INVALID for names that lead nowhere. */
export function planGraph(inputs: GraphInputs): StageGraph {
  const { file } = inputs
  const nodes = file.stages.map(stage => planNode(stage, inputs))
  const target = findTarget(nodes, inputs.target)
  const needed = new Set<number>()
  const visit = (index: number): void => {
    if (needed.has(index)) return
    needed.add(index)
    for (const each of nodes[index]?.needs ?? []) visit(each)
  }
  visit(target.stage.index)
  const isWanted = ({ stage }: StageNode): boolean =>
    needed.has(stage.index) || (inputs.all === true && stage.index <= target.stage.index)
  return { target, nodes: nodes.filter(isWanted) }
}

/** What a name means to a stage: an earlier stage wins over a context, a context over an image. */
export function resolveFrom(
  name: string,
  before: number,
  { file, contexts }: Pick<GraphInputs, 'file' | 'contexts'>,
): FromRef {
  if (name === 'scratch') return { kind: 'scratch' }
  const stage = file.stages.slice(0, before).findLast(each => each.name === name.toLowerCase())
  if (stage !== undefined) return { kind: 'stage', index: stage.index }
  if (/^\d+$/.test(name) && Number(name) < before) return { kind: 'stage', index: Number(name) }
  if (contexts.has(name)) return { kind: 'context', name }
  return { kind: 'image', name }
}

function planNode(stage: Stage, inputs: GraphInputs): StageNode {
  const { from, index } = stage
  const { globals, file } = inputs
  const { escape } = file.directives
  const image =
    index === 0 && inputs.from !== undefined ? inputs.from : replace(from.line, from.image, globals.lookup, escape)
  if (image === '')
    throw from.line.error(`FROM ${from.image} is empty once its variables are replaced`, from.image, {
      hint: 'give the argument a default before the first FROM, or pass it with --build-arg',
    })
  // a number is never a stage here: `FROM 1` is an image
  const base = /^\d+$/.test(image) ? ({ kind: 'image', name: image } as const) : resolveFrom(image, index, inputs)
  const platform = from.platform === undefined ? undefined : replace(from.line, from.platform, globals.lookup, escape)
  const needs = [base, ...referencesOf(stage, inputs)].flatMap(ref => (ref.kind === 'stage' ? [ref.index] : []))
  return { stage, base, ...(platform !== undefined && platform !== '' && { platform }), needs: [...new Set(needs)] }
}

/** All that COPY --from and mounts of a stage name. A mount's words may hold variables: those are looked at when the stage is planned. */
function referencesOf(stage: Stage, inputs: GraphInputs): FromRef[] {
  const escape = inputs.file.directives.escape
  const names = stage.instructions.flatMap(instruction => {
    const { line } = instruction
    if (instruction.kind === 'copy' && instruction.from !== undefined) {
      const name = replace(line, instruction.from, inputs.globals.lookup, escape)
      if (/^\d+$/.test(name) && Number(name) >= stage.index)
        throw line.error(`COPY --from=${name}: there is no stage ${name} before this one`, instruction.from)
      if (name.toLowerCase() === stage.name)
        throw line.error(`COPY --from=${name} names its own stage`, instruction.from)
      return [name]
    }
    return instruction.kind === 'run' ? instruction.mounts.flatMap(mountFrom) : []
  })
  return names.map(name => resolveFrom(name, stage.index, inputs))
}

function mountFrom(text: string): string[] {
  try {
    const mount = parseRunMount(text)
    return 'from' in mount && mount.from !== undefined ? [mount.from] : []
  } catch (error) {
    if (error instanceof TspodError) return [] // told with its line when the stage is planned
    throw error
  }
}

function findTarget(nodes: readonly StageNode[], target: string | undefined): StageNode {
  const last = nodes.at(-1)
  const found =
    target === undefined
      ? last
      : (nodes.findLast(({ stage }) => stage.name === target.toLowerCase()) ??
        (/^\d+$/.test(target) ? nodes[Number(target)] : undefined))
  if (found !== undefined) return found
  const names = nodes.flatMap(({ stage }) => (stage.name === undefined ? [] : [stage.name]))
  throw new TspodError('NOT_FOUND', `--target ${target ?? ''}: there is no such stage`, {
    hint: names.length === 0 ? 'no stage has a name: FROM … AS name gives one' : `there are: ${names.join(', ')}`,
  })
}
