// A container that is made in a pod: which pod that is, what it shares with it, and the moment it becomes one of its members.
import { bareRequest } from '#container/pod/infra.ts'
import { withPodLock } from '#container/pod/lock.ts'
import { planMember, splitForNewPod } from '#container/pod/member.ts'
import { type PodRecord, readPod } from '#container/pod/record.ts'
import type { RecordedPod } from '#container/record.ts'
import type { ContainerRequest } from '#container/request.ts'
import type { PullOptions } from '#engine/contracts/image.ts'
import type { Engine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { createPod, recordedPod } from './create.ts'
import { findPod } from './find.ts'

export interface Membership {
  request: ContainerRequest
  pod: RecordedPod
  /** Writes the member's record while nobody can remove the pod. Throws NOT_FOUND where it has been. */
  admit(write: () => void): Promise<void>
}

/**
 * Decides how a container joins its pod; `new:NAME` makes that, and `undo` removes it where the container fails. One that is about to be
 * started has the infra container running.
 */
export async function joinPod(
  engine: Engine,
  asked: ContainerRequest,
  pull: PullOptions,
  isStarting: boolean,
  undo: AsyncDisposableStack,
): Promise<Membership> {
  const { pod, request } = await podFor(engine, asked, pull, undo)
  if (isStarting && pod.infraId !== undefined) {
    const { startContainer } = await import('#engine/container/start.ts')
    await startContainer(engine, pod.infraId, { isDependency: true })
  }
  return {
    request,
    pod: recordedPod(pod, false),
    admit: async write => {
      await admit(engine, pod, write)
    },
  }
}

async function podFor(
  engine: Engine,
  asked: ContainerRequest,
  pull: PullOptions,
  undo: AsyncDisposableStack,
): Promise<{ pod: PodRecord; request: ContainerRequest }> {
  const { pod: text = '' } = asked
  const name = /^new:(.*)$/s.exec(text)?.[1]
  if (name === undefined) {
    const pod = findPod(engine, text)
    return { pod, request: planMember(asked, pod) }
  }
  if (name === '') throw new TspodError('INVALID', 'new pod name must be at least one character')
  const { member, infra } = splitForNewPod(asked)
  const pod = await createPod(
    engine,
    {
      name,
      labels: {},
      share: ['ipc', 'net', 'uts'],
      infra: { ...bareRequest(), ...infra },
      exitPolicy: 'continue',
      shareParent: true,
      replace: false,
      ...(asked.createCommand !== undefined && { createCommand: asked.createCommand }),
      ...(asked.cgroupParent !== undefined && { cgroupParent: asked.cgroupParent }),
    },
    pull,
  )
  undo.defer(async () => {
    await (await import('./remove.ts')).removePod(engine, pod, { force: true })
  })
  return { pod, request: planMember(member, pod) }
}

async function admit({ graphRoot }: Engine, { id, name }: PodRecord, write: () => void): Promise<void> {
  await withPodLock(graphRoot, id, () => {
    if (readPod(graphRoot, id) !== undefined) return write()
    throw new TspodError('NOT_FOUND', `pod ${name} was removed while a container was made in it: no such pod`)
  })
}
