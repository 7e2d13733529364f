// How a failed command ends: one `Error:` line, its hint, what else went wrong, and the exit status.
import { TspodError } from '#errors.ts'
import { isLogged } from '#log.ts'
import { OutputClosed, printError } from './output.ts'

/** Prints an error on standard error and gives the exit status the process should end with. */
export async function reportError(error: unknown): Promise<number> {
  if (error instanceof OutputClosed) return error.exitCode
  const { hintFor } = await import('#engine/hint.ts')
  const [first, ...others] = unfold(error)
  printError(describe('Error', first, hintFor(first)))
  for (const other of others) printError(describe('also', other, hintFor(other)))
  if (isLogged('debug') && first instanceof Error && first.stack !== undefined) printError(`${first.stack}\n`)
  return first instanceof TspodError ? (first.exitCode ?? 125) : 125
}

/** The original failure first, then those of the clean-up and of parallel work. */
function unfold(error: unknown): unknown[] {
  if (error instanceof SuppressedError) return [...unfold(error.suppressed), ...unfold(error.error)]
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.flatMap(unfold)
  return [error]
}

function describe(label: string, error: unknown, hint: string | undefined): string {
  const text = error instanceof Error ? error.message || error.name : String(error)
  const isOurs = error instanceof TspodError || !(error instanceof TypeError || error instanceof RangeError)
  const line = `${label}: ${isOurs ? text : `internal error: ${text} (--log-level=debug shows where)`}\n`
  return hint === undefined ? line : `${line}hint: ${hint}\n`
}
