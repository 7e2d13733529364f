// Performs the mounts of a container, among them those that begin with a copy of what lies beneath. Host namespaces; a worker in the
// user's namespace copies, through process 1's open folders, before anything of the image runs.
import { during } from '#errors.ts'
import { statusIn } from '#sys/file-status.ts'
import type { Servant } from '#sys/servant/servant.ts'
import type { UserNamespace } from '#userns/user-namespace.ts'
import { performMaking } from './make-target.ts'
import {
  type CopyUp,
  planCopyUpEnd,
  planCopyUpFolder,
  planCopyUpLookup,
  planCopyUpMount,
  readCopyUpSource,
} from './plan/copy-up.ts'
import { COPY_SOURCE, COPY_TARGET } from './slots.ts'
import { type Perform, performSteps, postSteps, type Step } from './step.ts'

/** What worker:copy-folder is asked: two folders, as a process inside the user's namespace finds them. */
export interface CopyFolderRequest {
  from: string
  to: string
}

/** Performs all steps in order, as one batch where none of them copies; `meanwhile` is done while the kernel is at the last batch. */
export async function performMounts(
  init: Servant,
  steps: readonly Step[],
  namespace: UserNamespace,
  performPlain: Perform,
  meanwhile: () => Promise<void>,
): Promise<void> {
  const perform: Perform = (servant, some) => performMaking(servant, some, performPlain)
  let done = 0
  for (const [index, { copyUp }] of steps.entries()) {
    if (copyUp === undefined) continue
    const before = [...steps.slice(done, index), planCopyUpLookup(copyUp)]
    const found = readCopyUpSource(perform(init, before).at(-1) ?? [])
    if (found === 'absent') {
      perform(init, [planCopyUpFolder(copyUp)])
      done = index
    } else {
      await mountFilled(init, copyUp, found === 'filled', namespace, perform)
      done = index + 1
    }
  }
  const last = steps.slice(done)
  const answer = performPlain === performSteps ? postSteps(init, last) : undefined
  await meanwhile()
  performMaking(init, last, (servant, some) =>
    some === last && answer !== undefined ? answer() : performPlain(servant, some),
  )
}

async function mountFilled(
  init: Servant,
  copyUp: CopyUp,
  hasFiles: boolean,
  namespace: UserNamespace,
  perform: Perform,
): Promise<void> {
  const folder = `/proc/${init.pid}/fd`
  const { mode, uid, gid } = statusIn(init, COPY_SOURCE)
  perform(init, [planCopyUpMount(copyUp, mode)])
  // an empty folder of another user is worth a copy too: the tmpfs is then that user's
  if (hasFiles || uid !== 0 || gid !== 0) {
    const { runWorker } = await import('#userns/worker.ts')
    const request: CopyFolderRequest = { from: `${folder}/${COPY_SOURCE}`, to: `${folder}/${COPY_TARGET}` }
    try {
      await runWorker(namespace, 'copy-folder', request)
    } catch (error) {
      throw during(`filling the tmpfs on "${copyUp.destination}" with what lies beneath`, error)
    }
  }
  perform(init, [planCopyUpEnd(copyUp)])
}
