// The options and arguments by which commands choose containers: names, --all, --latest, --cidfile, --filter.
import { readFileSync } from 'node:fs'
import type { ContainerName, Outcome, Selection } from '#engine/contracts/container.ts'
import { during, TspodError } from '#errors.ts'
import { usageError } from './command.ts'
import { parseContainerFilters } from './filters.ts'
import { printLine } from './output.ts'

export interface SelectionValues {
  all?: boolean
  latest?: boolean
  cidfile?: string[]
  filter?: string[]
  ignore?: boolean
}

/** What the user chose. Throws INVALID where nothing or too much was said. */
export function selectContainers(values: SelectionValues, operands: string[]): Selection {
  const { all = false, latest = false, cidfile = [], filter = [], ignore = false } = values
  const ways = [all && '--all', latest && '--latest', cidfile.length > 0 && '--cidfile'].filter(way => way !== false)
  if (ways.length > 1) throw usageError(`${ways.join(' and ')} cannot be used together`)
  if (operands.length > 0 && (all || latest)) throw usageError(`${ways[0]} and arguments cannot be used together`)
  if (operands.length > 0 && filter.length > 0) throw usageError('--filter takes no arguments')
  if (operands.length === 0 && ways.length === 0 && filter.length === 0)
    throw usageError('you must provide at least one name or id')
  const names: ContainerName[] = [...operands, ...cidfile.flatMap(path => readIdFile(path, ignore))]
  if (latest) names.push({ latest: true })
  return { names, all, filters: parseContainerFilters(filter), ignoreMissing: ignore }
}

/** Names, or the latest container; for commands without --all. */
export function namedContainers(latest: boolean | undefined, operands: string[]): ContainerName[] {
  if (latest !== true) {
    if (operands.length === 0) throw usageError('you must provide at least one name or id')
    return operands
  }
  if (operands.length > 0) throw usageError('--latest and containers cannot be used together')
  return [{ latest: true }]
}

/** One container: the first argument, or the latest one. The other arguments are returned too. */
export function oneContainer(latest: boolean | undefined, operands: string[]): { name: ContainerName; rest: string[] } {
  if (latest === true) return { name: { latest: true }, rest: operands }
  const [name, ...rest] = operands
  if (name === undefined) throw usageError('you must provide at least one name or id')
  return { name, rest }
}

/**
 * Prints what a verb did it to, as typed, and throws what it could not be done to, all of it.
 * `show` picks the text; `failureStatus` overrides the exit status.
 */
export function printOutcomes(outcomes: readonly Outcome[], show = (outcome: Outcome) => outcome.input): void {
  for (const outcome of outcomes) if (outcome.error === undefined) printLine(show(outcome))
  throwFailures(outcomes)
}

/** Throws the failures among results together, the first one leading. */
export function throwFailures(results: readonly { error?: Error }[]): void {
  const failures = results.flatMap(result => result.error ?? [])
  if (failures.length === 1) throw failures[0]
  if (failures.length > 1) throw new AggregateError(failures)
}

function readIdFile(path: string, ignoreMissing: boolean): string[] {
  try {
    const id = readFileSync(path, 'utf8').split('\n', 1)[0]?.trim() ?? ''
    if (id === '') throw new TspodError('INVALID', 'it is empty, must hold a container id')
    return [id]
  } catch (error) {
    if (ignoreMissing && error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw during(`reading --cidfile "${path}"`, error)
  }
}
