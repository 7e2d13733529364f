// The last batch of a process's life as a servant, and what to say when its program cannot be executed.
import { SystemCallError, TspodError } from '#errors.ts'
import type { ProcessSpec } from '#oci/runtime-spec.ts'
import { errnoText } from '#sys/errno.ts'
import { AT_FDCWD } from '#sys/flags.ts'
import { call, tolerate } from '#sys/servant/batch.ts'
import type { Servant } from '#sys/servant/servant.ts'
import { joinCalls, type Step, stepError } from './step.ts'

const ENOENT = -2
const ENOTDIR = -20

/** Performs `final` and the program's execve(2). Throws with exit code 126 or 127 where that cannot be (podman-run(1), Exit Status). */
export function executeProgram(servant: Servant, process: ProcessSpec, final: readonly Step[], execve: Step): void {
  const steps = [...final, execve]
  try {
    servant.exec(joinCalls(steps.map(step => step.calls)))
  } catch (error) {
    const before = final.reduce((sum, step) => sum + step.calls.length, 0)
    if (!(error instanceof SystemCallError) || (error.callIndex ?? 0) < before) throw stepError(error, steps)
    throw executionError(servant, process, execve, error)
  }
}

function executionError(servant: Servant, process: ProcessSpec, execve: Step, error: SystemCallError): TspodError {
  const program = process.args[0] ?? ''
  // of several folders of PATH the last one's answer says little: ask what is there
  const isThere = servant
    .do(execve.calls.map(({ args }) => tolerate('any', call('faccessat', AT_FDCWD, args[0] ?? '', 0))))
    .some(result => result !== ENOENT && result !== ENOTDIR)
  if (!isThere) {
    const what = program.includes('/') ? 'no such file or directory' : 'executable file not found in $PATH'
    return new TspodError('NOT_FOUND', `executing "${program}": ${what}`, { exitCode: 127, cause: error })
  }
  return new TspodError('DENIED', `executing "${program}": ${error.errno} (${errnoText(error.errno)})`, {
    exitCode: error.errno === 'ENOENT' ? 127 : 126,
    cause: error,
    hint: hintOf(error.errno),
  })
}

function hintOf(errno: string): string | undefined {
  switch (errno) {
    case 'ENOEXEC':
      return 'the program is for another processor, or a script without a "#!" line'
    case 'ENOENT':
      return 'the program is there, but its interpreter (the "#!" line, or the dynamic loader) is not'
    case 'EACCES':
      return 'it is not executable for this user, or lies on a mount with noexec'
    default:
      return undefined
  }
}
