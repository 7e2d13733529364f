// The two error classes of the whole program. Callers match codes, never texts.

/** What kind of failure it is; the command line and the service map it to exit codes and HTTP statuses. */
export type ErrorCode = 'NOT_FOUND' | 'IN_USE' | 'INVALID' | 'DENIED' | 'UNSUPPORTED' | 'CONFLICT' | 'INTERNAL'

export interface ErrorFacts {
  /** One sentence that tells the user what mends it. */
  hint?: string
  cause?: unknown
  /** Exit status a command should end with; 125 where absent (podman-run(1), Exit Status). */
  exitCode?: number
}

/** A failure whose text is meant for the user: what was being done, to what, found and wanted. */
export class TspodError extends Error {
  override readonly name: string = 'TspodError'
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly exitCode: number | undefined

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.code = code
    this.hint = facts.hint
    this.exitCode = facts.exitCode
  }
}

/** A system call that the kernel refused: `mount("overlay", "/x", …): EINVAL (invalid argument)`. */
export class SystemCallError extends TspodError {
  override readonly name = 'SystemCallError'
  readonly syscall: string
  /** The symbolic name, `ENOENT`. */
  readonly errno: string
  /** What the call was about, usually a path; quoted in the text. */
  readonly operand: string | undefined
  /** In a servant's batch: which call it was. */
  callIndex: number | undefined

  constructor(syscall: string, errno: string, text: string, operand?: string, facts: ErrorFacts = {}) {
    super(codeOf(errno), `${syscall}${operand === undefined ? '' : ` "${operand}"`}: ${errno} (${text})`, facts)
    this.syscall = syscall
    this.errno = errno
    this.operand = operand
  }
}

function codeOf(errno: string): ErrorCode {
  switch (errno) {
    case 'ENOENT':
    case 'ESRCH':
      return 'NOT_FOUND'
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return 'DENIED'
    case 'EBUSY':
    case 'ETXTBSY':
      return 'IN_USE'
    case 'EEXIST':
      return 'CONFLICT'
    case 'ENOSYS':
    case 'EOPNOTSUPP':
    case 'ENODEV':
      return 'UNSUPPORTED'
    default:
      return 'INTERNAL'
  }
}

/** The same failure, said with what was being done: `creating container "web": mounting overlay …`. Keeps code and hint. */
export function during(doing: string, error: unknown): TspodError {
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof TspodError)
    return new TspodError(error.code, `${doing}: ${message}`, {
      hint: error.hint,
      exitCode: error.exitCode,
      cause: error,
    })
  return new TspodError('INTERNAL', `${doing}: ${message}`, { cause: error })
}

/** True for a TspodError with one of these codes. */
export function hasCode(error: unknown, ...codes: ErrorCode[]): error is TspodError {
  return error instanceof TspodError && codes.includes(error.code)
}

/** The errno name of a failed system call or of a `node:fs` error, `undefined` for anything else. */
export function errnoOf(error: unknown): string | undefined {
  if (error instanceof SystemCallError) return error.errno
  if (error instanceof Error && 'code' in error && typeof error.code === 'string' && /^E[A-Z0-9]+$/.test(error.code))
    return error.code
  return undefined
}
