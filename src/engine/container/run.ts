// run: create, start, and stay attached or leave it running.
import type { ContainerRequest } from '#container/request.ts'
import type { RunOptions, RunOutcome } from '#engine/contracts/container.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { buildContainer, type CreatedContainer } from './create.ts'
import { launch } from './launch.ts'

/** Creates and starts a container; attached, it ends with the container's exit status. */
export async function runContainer(request: ContainerRequest, options: RunOptions): Promise<RunOutcome> {
  const engine = await openEngine()
  const container = await buildContainer(engine, request, options.pull, { isStarting: true })
  const { record } = container
  const launched = await startOrRemove(
    container,
    async () =>
      await launch(engine, await withOwners(engine, container), { isAttended: options.streams !== undefined }),
  )
  if (options.streams === undefined) {
    launched.control.close()
    const { logoutHint } = await import('./logout-hint.ts')
    return { kind: 'detached', id: record.id, note: await logoutHint(engine) }
  }
  const { attachClient } = await import('./attach.ts')
  return { ...(await attachClient(engine, record, launched, options.streams)), id: record.id }
}

/** Those whose namespaces it joins are started before it, as by `start`. */
async function withOwners(engine: Engine, container: CreatedContainer): Promise<CreatedContainer> {
  if (container.waitsFor === undefined) return container
  const { startOwners } = await import('./start.ts')
  await startOwners(engine, container.record)
  return await (await import('./existing.ts')).existingContainer(engine, container.record.id)
}

/** A container with --rm whose program cannot be executed goes again. */
async function startOrRemove<T>({ record }: CreatedContainer, start: () => Promise<T>): Promise<T> {
  try {
    return await start()
  } catch (error) {
    if (record.request.remove) {
      const { removeContainers } = await import('./remove.ts')
      await removeContainers(
        { names: [record.id], all: false, filters: [], ignoreMissing: true },
        { force: true, volumes: true, depend: false },
      )
    }
    throw error
  }
}
