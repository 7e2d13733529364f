// How this program starts another copy of itself in another role.

/** A program's path and its argument list, argv[0] first. */
export interface SelfCommand {
  path: string
  argv: string[]
}

/** The command that runs this executable as `role` (`monitor:<id>`, `worker:<what>`); from a source tree, Bun with main.ts. */
export function selfCommand(role: string, ...args: string[]): SelfCommand {
  return {
    path: '/proc/self/exe',
    argv: isCompiled() ? ['tspod', role, ...args] : ['tspod', mainScript(), role, ...args],
  }
}

/** The words by which others start this program: its absolute path; from a source tree, Bun and main.ts. */
export function programWords(): string[] {
  return isCompiled() ? [process.execPath] : [process.execPath, mainScript()]
}

const isCompiled = (): boolean => (process.argv[1] ?? '').startsWith('/$bunfs/')

function mainScript(): string {
  return new URL('../main.ts', import.meta.url).pathname
}
