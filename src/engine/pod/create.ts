// pod create: the record of a pod, its name, and its infra container; nothing runs yet.
import { mkdirSync } from 'node:fs'
import { checkName } from '#container/name.ts'
import { bearerOf, claimName, freeRandomName, nameInUse } from '#container/name-index.ts'
import { checkPodRequest, planInfra } from '#container/pod/infra.ts'
import { holdNewPod } from '#container/pod/lock.ts'
import { newPodId, type PodId, type PodRecord, podDir, writePod } from '#container/pod/record.ts'
import type { PodRequest } from '#container/pod/request.ts'
import { newContainerId, type RecordedPod } from '#container/record.ts'
import { buildContainer } from '#engine/container/create.ts'
import type { PullOptions } from '#engine/contracts/image.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { during } from '#errors.ts'
import { disposePod, sweepPods } from './dispose.ts'
import { PodIdFile } from './id-file.ts'
import { ensurePauseImage } from './pause-image.ts'

/** The verb: the new pod's id. */
export async function createPodVerb(request: PodRequest, pull: PullOptions): Promise<{ id: string }> {
  const engine = await openEngine()
  const { id } = await createPod(engine, request, pull)
  return { id }
}

/** Makes it; on failure nothing stays. Throws CONFLICT where the name is taken. */
export async function createPod(engine: Engine, request: PodRequest, pull: PullOptions): Promise<PodRecord> {
  const { graphRoot } = engine
  checkPodRequest(request)
  sweepPods(engine)
  if (request.name !== undefined) await freePodName(engine, request.name, request.replace)
  await using undo = new AsyncDisposableStack()
  const idFile = request.podIdFile === undefined ? undefined : new PodIdFile(request.podIdFile, request.replace)
  undo.defer(() => idFile?.remove())
  const id = newPodId()
  const record: PodRecord = {
    version: 1,
    id,
    name: request.name ?? freeRandomName(graphRoot),
    createdMs: Date.now(),
    request,
    ...(request.infra !== undefined && { infraId: newContainerId() }),
  }
  using _making = holdNew(engine, record)
  undo.defer(() => disposePod(engine, id))
  writePod(graphRoot, record)
  await claimPodName(engine, record)
  if (record.infraId !== undefined) await makeInfra(engine, record, pull)
  idFile?.write(id)
  undo.move()
  engine.journal({ type: 'pod', status: 'create', id, name: record.name, attributes: request.labels })
  return record
}

/** Its folder with the lock held: while that is so, a pod without an infra container is one that is being made. */
function holdNew({ graphRoot }: Engine, { id, name }: PodRecord): Disposable {
  try {
    mkdirSync(podDir(graphRoot, id), { recursive: true, mode: 0o700 })
    return holdNewPod(graphRoot, id)
  } catch (error) {
    throw during(`creating pod "${name}"`, error)
  }
}

async function claimPodName({ graphRoot }: Engine, { id, name }: PodRecord): Promise<void> {
  try {
    await claimName(graphRoot, name, id)
  } catch (error) {
    throw during('adding pod to state', error)
  }
}

async function makeInfra(engine: Engine, record: PodRecord, pull: PullOptions): Promise<void> {
  const { image, rootfs } = record.request.infra ?? {}
  const pauseImage = image === undefined && rootfs === undefined ? await ensurePauseImage(engine) : ''
  await buildContainer(engine, planInfra(record, pauseImage), pull, {
    id: record.infraId,
    pod: recordedPod(record, true),
  })
}

/** A pod as its containers' records have it. */
export function recordedPod({ id, name, infraId, request }: PodRecord, isInfra: boolean): RecordedPod {
  return {
    id,
    name,
    ...(infraId !== undefined && { infraId }),
    ...(isInfra && { isInfra: true as const }),
    ...(!isInfra && request.exitPolicy === 'stop' && { endsWithMembers: true as const }),
  }
}

/** Fails early where the name is taken; `replace` removes the pod that has it. */
async function freePodName(engine: Engine, name: string, replace: boolean): Promise<void> {
  checkName('pod', name)
  const holder = bearerOf(engine.graphRoot, name)
  if (holder === undefined) return
  if (holder.kind === 'container' || !replace) throw during('adding pod to state', nameInUse(name, holder))
  await removeNamed(engine, holder.id)
}

async function removeNamed(engine: Engine, id: PodId): Promise<void> {
  const { findPod } = await import('./find.ts')
  const { removePod } = await import('./remove.ts')
  await removePod(engine, findPod(engine, id), { force: true })
}
