// How this program starts another copy of itself in another role.

/** A program's path and its argument list, argv[0] first. */
export interface SelfCommand {
  path: string
  argv: string[]
}

/** The command that runs this executable as `role` (`monitor:<id>`, `worker:<what>`); from a source tree, Bun with main.ts. */
export function selfCommand(role: string, ...args: string[]): SelfCommand {
  const script = process.argv[1] ?? ''
  const compiled = script.startsWith('/$bunfs/')
  return { path: '/proc/self/exe', argv: compiled ? ['tspod', role, ...args] : ['tspod', mainScript(), role, ...args] }
}

function mainScript(): string {
  return new URL('../main.ts', import.meta.url).pathname
}
