// unshare: a command in the user's namespace, where the user is root over everything that belongs to subordinate ids.
import { openEngine } from '#engine/open.ts'

/** The verb: the command's exit status. It finds the store in CONTAINERS_GRAPHROOT and CONTAINERS_RUNROOT, as with podman. */
export async function unshareCommand(command: string[]): Promise<number> {
  const engine = await openEngine()
  const { runInNamespace } = await import('#userns/run-command.ts')
  const { graphRoot, runRoot } = engine
  return runInNamespace(await engine.namespace(), command, {
    ...process.env,
    CONTAINERS_GRAPHROOT: graphRoot,
    CONTAINERS_RUNROOT: runRoot,
  })
}
