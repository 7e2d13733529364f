// Short programs of the host that are asked for a fact (a version, a name). Host namespaces.

export interface ProgramAnswer {
  /** The exit status; `undefined` when it could not be started, was killed, or took too long. */
  status: number | undefined
  stdout: string
  stderr: string
}

/** Runs a program without a shell and without input, in the C locale. Never throws: what cannot be run has no status. */
export function runProgramSync(
  program: string,
  args: readonly string[],
  options: { timeoutMs: number },
): ProgramAnswer {
  const { spawnSync } = process.getBuiltinModule('node:child_process') // loaded only here: it costs a millisecond
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: options.timeoutMs,
    killSignal: 'SIGKILL',
  })
  if (error !== undefined) return { status: undefined, stdout: stdout ?? '', stderr: error.message }
  return { status: status ?? undefined, stdout, stderr }
}
