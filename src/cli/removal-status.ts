// The exit status of rm, rmi and volume rm: 1 where all that failed was missing, 2 where something is in use, else 125.
import { hasCode, TspodError } from '#errors.ts'

/** The same results, their errors with the exit status that belongs to all of them together. */
export function withRemovalStatus<R extends { error?: TspodError }>(results: readonly R[]): R[] {
  const failures = results.flatMap(result => result.error ?? [])
  const missing = failures.every(failure => hasCode(failure, 'NOT_FOUND'))
  const known = failures.every(failure => hasCode(failure, 'NOT_FOUND', 'IN_USE'))
  const exitCode = missing ? 1 : known ? 2 : 125
  return results.map(result => {
    if (result.error === undefined) return result
    const { code, message, hint, cause } = result.error
    return { ...result, error: new TspodError(code, message, { hint, cause, exitCode }) }
  })
}
