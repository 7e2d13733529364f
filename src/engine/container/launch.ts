// Starts what buildContainer or existingContainer decided.

import type { Engine } from '#engine/open.ts'
import { type Launched, launchContainer } from '#monitor/launch.ts'
import type { CreatedContainer } from './create.ts'
import type { PidFile } from './id-files.ts'

/**
 * Starts a container; `restarts` tells how often it was started before. `isAttended`: this process stays and watches it. Throws where its program cannot be executed.
 */
export async function launch(
  engine: Engine,
  { record, blueprint, root }: CreatedContainer,
  restarts: number,
  isAttended: boolean,
): Promise<Launched> {
  using pidFile = record.request.pidFile === undefined ? undefined : await openPidFile(record.request.pidFile)
  const launched = await launchContainer({
    graphRoot: engine.graphRoot,
    runRoot: engine.runRoot,
    namespace: await engine.namespace(),
    record,
    spec: blueprint.plan.spec,
    files: blueprint.files,
    network: blueprint.network.driver,
    root,
    restarts,
    hasJournal: engine.config.engine.eventsLogger === 'file',
    isAttended,
    meanwhile: isAttended ? loadAttending : async () => {},
  })
  pidFile?.write(launched.pid)
  return launched
}

/** Before the start: where it cannot be written, nothing runs yet. */
async function openPidFile(path: string): Promise<PidFile> {
  const { PidFile: File } = await import('./id-files.ts')
  return new File(path)
}

/** What the attached command line runs next. */
async function loadAttending(): Promise<void> {
  await import('./attach.ts')
  await import('#monitor/attended.ts')
}
