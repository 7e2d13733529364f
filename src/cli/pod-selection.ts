// The options and arguments by which commands choose pods: names, --all, --latest, --pod-id-file; and what is printed of them.
import type { PodName, PodOutcome, PodSelection } from '#engine/contracts/pod.ts'
import { TspodError } from '#errors.ts'
import { usageError } from './command.ts'
import { flag, list } from './option.ts'
import { printLine } from './output.ts'

export const podSelectionOptions = {
  all: flag('All pods', { short: 'a' }),
  latest: flag('The pod created last', { short: 'l' }),
}

export const podIdFileOption = list('file', "Read a pod's id from this file", { completes: 'files' })

interface SelectionValues {
  all?: boolean
  latest?: boolean
  ignore?: boolean
  podIdFile?: string[]
}

/** What the user chose. Throws INVALID where nothing or too much was said. */
export async function selectPods(values: SelectionValues, operands: readonly string[]): Promise<PodSelection> {
  const { all = false, latest = false, ignore = false, podIdFile = [] } = values
  const ways = [all && '--all', latest && '--latest', podIdFile.length > 0 && '--pod-id-file'].filter(
    way => way !== false,
  )
  if (ways.length > 1) throw usageError(`${ways.join(' and ')} cannot be used together`)
  if (operands.length > 0 && (all || latest)) throw usageError(`${ways[0]} and arguments cannot be used together`)
  if (operands.length === 0 && ways.length === 0) throw usageError('you must provide at least one name or id')
  const { readPodIdFile } = await import('#engine/pod/id-file.ts')
  const names: PodName[] = [...operands, ...podIdFile.flatMap(path => readPodIdFile(path, ignore) ?? [])]
  if (latest) names.push({ latest: true })
  return { names, all, ignoreMissing: ignore }
}

/** Names, or the latest pod; for commands without --all. */
export function namedPods(latest: boolean | undefined, operands: readonly string[]): PodName[] {
  if (latest === true && operands.length > 0) throw usageError('--latest and pods cannot be used together')
  if (latest === true) return [{ latest: true }]
  if (operands.length === 0) throw usageError('you must provide at least one name or id')
  return [...operands]
}

/** Prints the ids of pods for which nothing failed, as podman does, and throws what did. */
export function printPods(outcomes: readonly PodOutcome[], exitCode?: number): void {
  for (const { id, input, errors } of outcomes) if (errors.length === 0) printLine(id ?? input)
  const failures = outcomes.flatMap(({ errors }) => errors)
  const told = exitCode === undefined ? failures : failures.map(failure => withExitCode(failure, exitCode))
  if (told.length === 1) throw told[0]
  if (told.length > 1) throw new AggregateError(told)
}

function withExitCode({ code, message, hint, cause }: TspodError, exitCode: number): TspodError {
  return new TspodError(code, message, { hint, cause, exitCode })
}
