// Steps: what a servant is to do, as data that can be performed, printed as shell commands (`--explain`) and tested.
import { during, SystemCallError, TspodError } from '#errors.ts'
import { errnoText } from '#sys/errno.ts'
import type { Argument, Call } from '#sys/servant/batch.ts'
import type { Servant } from '#sys/servant/servant.ts'
import type { CopyUp } from './plan/copy-up.ts'

/** Who performs a step; see docs/internals.md, Processes. */
export type Actor = 'launcher' | 'stager' | 'init'

export interface Step {
  actor: Actor
  /** For error texts: `mounting proc on "/proc"`. */
  doing: string
  /** What a person would type for the same effect; empty where no command does it. */
  shell: string
  /** The place in the container that this step mounts on, or wants. */
  target?: { path: string; kind: 'folder' | 'file' }
  /** What an errno of this step tells the user, by its name. */
  hints?: Readonly<Record<string, string>>
  /** In order; results are numbered within the step. */
  calls: readonly Call[]
  /** A tmpfs that begins with what lies beneath: `calls` mount it where there is nothing. */
  copyUp?: CopyUp
  /** Where it fails, the program cannot be run as it was asked for: exit status 126, or 127 for what is not there (podman-run(1)). */
  isForProgram?: true
}

/** Calls of several lists as one, with the numbers of results moved along. */
export function joinCalls(lists: readonly (readonly Call[])[]): Call[] {
  const joined: Call[] = []
  for (const list of lists) {
    const base = joined.length
    for (const call of list) joined.push(base === 0 ? call : { ...call, args: call.args.map(arg => shift(arg, base)) })
  }
  return joined
}

function shift(argument: Argument, base: number): Argument {
  if (typeof argument !== 'object' || argument === null) return argument
  if ('resultOf' in argument) return { resultOf: argument.resultOf + base }
  if ('memory' in argument && argument.patch !== undefined)
    return { ...argument, patch: { ...argument.patch, resultOf: argument.patch.resultOf + base } }
  return argument
}

/** Performs all steps as one batch; the results, step by step. An error says which step failed. */
export function performSteps(servant: Servant, steps: readonly Step[]): number[][] {
  return postSteps(servant, steps)()
}

/** Hands all steps over as one batch; what is returned waits for the results, and must be called before anything else is handed over. */
export function postSteps(servant: Servant, steps: readonly Step[]): () => number[][] {
  if (steps.length === 0) return () => []
  servant.post(joinCalls(steps.map(step => step.calls)))
  return () => {
    let results: number[]
    try {
      results = servant.answer()
    } catch (error) {
      throw stepError(error, steps)
    }
    let position = 0
    return steps.map(step => {
      position += step.calls.length
      return results.slice(position - step.calls.length, position)
    })
  }
}

/** A step that the kernel refused. */
export class StepError extends TspodError {
  readonly step: Step
  /** The symbolic name, `ENOENT`. */
  readonly errno: string

  constructor(step: Step, error: SystemCallError) {
    const { code, hint = step.hints?.[error.errno], exitCode } = during(step.doing, error)
    // the call itself, with the numbers of its descriptors, is for who looks at the cause
    super(code, `${step.doing}: ${error.errno} (${errnoText(error.errno)})`, {
      hint,
      exitCode: step.isForProgram === true ? (error.errno === 'ENOENT' ? 127 : 126) : exitCode,
      cause: error,
    })
    this.step = step
    this.errno = error.errno
  }
}

/** How steps are performed on this kernel. */
export type Perform = (servant: Servant, steps: readonly Step[]) => number[][]

/** The error of a batch, said with the step it happened in. */
export function stepError(error: unknown, steps: readonly Step[]): unknown {
  if (!(error instanceof SystemCallError) || error.callIndex === undefined) return error
  let left = error.callIndex
  for (const step of steps) {
    if (left < step.calls.length) return new StepError(step, error)
    left -= step.calls.length
  }
  return error
}
