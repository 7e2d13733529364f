// `--debug-shell`: the state before a failed RUN as an image without a name, so that a container can be made of it.

import { shellOf } from '#build/plan/image-config.ts'
import type { RunAction } from '#build/plan/step.ts'
import type { FailedState } from '#engine/contracts/build.ts'
import type { BuildSession } from './session.ts'
import type { FinishedStage } from './stage.ts'
import { writeImage } from './write-image.ts'

/** Stores it, and says how a shell in it is to be run. */
export async function keepState(session: BuildSession, action: RunAction, state: FinishedStage): Promise<FailedState> {
  const before = new Set(session.engine.images.list().map(({ id }) => id))
  const request = { ...session.request, annotations: new Map<string, string>(), cacheTo: [] }
  const { image } = await writeImage({ ...session, request }, state, [])
  const binds = action.mounts.flatMap(mount =>
    mount.type === 'bind' && mount.from === undefined && session.context.folder !== ''
      ? [{ source: mount.source, target: mount.target }]
      : [],
  )
  return {
    imageId: image.id,
    isNew: !before.has(image.id),
    shell: shellOf(state.config)[0] ?? '/bin/sh',
    env: action.env,
    user: action.user,
    workdir: action.workdir,
    network: action.network,
    context: session.context.folder,
    binds,
    missing: action.mounts.filter(({ type }) => type !== 'bind').map(({ type }) => type),
  }
}
