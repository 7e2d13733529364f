// kube play --wait: stays until the containers of a play have ended, or somebody wants an end of it.
import { waitContainers } from '#engine/container/wait.ts'
import type { ExitCodePropagation, Played, WaitForPlayedOptions } from '#engine/contracts/kube.ts'
import { openEngine } from '#engine/open.ts'
import { removePlayedPods } from './down.ts'

const LOOK_MS = 250

/** Resolves with the exit status when all is gone again. */
export async function waitForPlayed(played: Played, options: WaitForPlayedOptions): Promise<number> {
  const { propagation, manager, stop } = options
  const engine = await openEngine()
  if (manager !== undefined) (await import('#monitor/notify-manager.ts')).notifyAndWait(manager, 'READY=1')
  const ids = played.pods.flatMap(({ containers }) => containers)
  const aborted = new Promise<'aborted'>(resolve => {
    if (stop.aborted) resolve('aborted')
    stop.addEventListener('abort', () => resolve('aborted'), { once: true })
  })
  const ended = waitContainers(ids, {
    conditions: ['exited'],
    intervalMs: LOOK_MS,
    ignoreMissing: true,
    firstMatch: false,
  })
  ended.catch(() => undefined) // where nobody waits for it any more, its failure is nobody's
  const outcome = await Promise.race([ended, aborted])
  await removePlayedPods(
    engine,
    played.pods.map(({ name }) => name),
  )
  return outcome === 'aborted'
    ? 0
    : statusOf(
        outcome.map(({ exitCode }) => exitCode),
        propagation,
      )
}

/** As podman has it: one that failed is enough, or all must have, or nobody looks. */
export function statusOf(exitCodes: readonly number[], propagation: ExitCodePropagation): number {
  const failed = exitCodes.filter(code => code !== 0)
  const [first = 0] = failed
  const counts = propagation === 'any' || (propagation === 'all' && failed.length === exitCodes.length)
  return counts ? (first < 0 ? 1 : first) : 0
}
