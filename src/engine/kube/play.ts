// kube play: makes volumes and pods of a file's objects. What fails half way leaves nothing.
import { availableParallelism, totalmem } from 'node:os'
import type { PodId, PodRecord } from '#container/pod/record.ts'
import type { ContainerRequest } from '#container/request.ts'
import { buildContainer } from '#engine/container/create.ts'
import type { Played, PlayedPod, PlayRequest } from '#engine/contracts/kube.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { createPod } from '#engine/pod/create.ts'
import { membersOf } from '#engine/pod/find.ts'
import { removePod } from '#engine/pod/remove.ts'
import { startPod } from '#engine/pod/start.ts'
import { removeVolume } from '#engine/volume/remove.ts'
import { hasCode, TspodError } from '#errors.ts'
import type { ClaimPlan, ContainerPlan, PlayPlan, PodPlan } from '#kube/inputs.ts'
import { planPlay } from '#kube/play.ts'
import { defaultNetwork } from '#kube/pod.ts'
import { buildImages } from './build-images.ts'
import { podNamed, removePlayedPods } from './down.ts'
import { provideHostPath } from './host-paths.ts'
import { makePodVolume } from './pod-volumes.ts'
import { readConfigMaps, readKubeFiles } from './read.ts'

/** The verb. Everything is looked at before anything is made. */
export async function playKube(request: PlayRequest): Promise<Played> {
  const { shape, onWarning: warn } = request
  const documents = [...(await readConfigMaps(request.configMaps)), ...(await readKubeFiles(request.files))]
  const machine = { processors: availableParallelism(), memoryBytes: totalmem() }
  const plan = planPlay(documents, { shape, machine, warn })
  const engine = await openEngine()
  if (!request.replace) requireNewPods(engine, plan)
  for (const pod of plan.pods) for (const check of pod.hostPaths) provideHostPath(check)
  const wanted = await withWishes(engine, plan, warn)
  await buildImages(engine, imagesOf(wanted), request)
  if (request.replace)
    await removePlayedPods(
      engine,
      wanted.pods.map(({ name }) => name),
    )
  await using undo = new AsyncDisposableStack()
  await provideNetwork(wanted, undo)
  const volumes: string[] = []
  for (const claim of wanted.claims) volumes.push(await makeClaim(engine, claim, undo))
  const pods: PlayedPod[] = []
  for (const pod of wanted.pods) pods.push(await makePod(engine, pod, request, undo))
  undo.move()
  return { volumes, pods }
}

/** Said at once, before anything is built or pulled; whoever is faster is found out when the pod is made. */
function requireNewPods(engine: Engine, { pods }: PlayPlan): void {
  const taken = pods.find(({ name }) => podNamed(engine, name) !== undefined)
  if (taken === undefined) return
  throw new TspodError('CONFLICT', `adding pod to state: name "${taken.name}" is in use: pod already exists`, {
    hint: '--replace removes it first, with what it was made of',
  })
}

function imagesOf({ pods }: PlayPlan): string[] {
  return pods.flatMap(pod => pod.containers.flatMap(({ request }) => request.image ?? []))
}

/** Adds what containers would like to have, where that can be enforced; limits are for their creation to refuse. */
async function withWishes(engine: Engine, plan: PlayPlan, warn: (text: string) => void): Promise<PlayPlan> {
  const containers = plan.pods.flatMap(pod => pod.containers).filter(({ wishes }) => wishes !== undefined)
  if (containers.length === 0) return plan
  const { checkLimits } = await import('#engine/container/cgroup.ts')
  const granted = new Map<ContainerPlan, ContainerRequest>()
  for (const container of containers) {
    const { request, wishes } = container
    try {
      await checkLimits(engine, { resources: wishes })
      granted.set(container, { ...request, resources: merged(request.resources, wishes) })
    } catch (error) {
      if (!hasCode(error, 'UNSUPPORTED')) throw error
      warn(`container "${request.name ?? ''}": its resource requests are passed over: ${error.message}`)
    }
  }
  const grant = (container: ContainerPlan) => ({ ...container, request: granted.get(container) ?? container.request })
  return { ...plan, pods: plan.pods.map(pod => ({ ...pod, containers: pod.containers.map(grant) })) }
}

function merged(limits: ContainerRequest['resources'], wishes: ContainerRequest['resources']) {
  return {
    ...limits,
    ...wishes,
    ...((limits?.cpu ?? wishes?.cpu) && { cpu: { ...limits?.cpu, ...wishes?.cpu } }),
    ...((limits?.memory ?? wishes?.memory) && { memory: { ...limits?.memory, ...wishes?.memory } }),
  }
}

/** The network of pods that say nothing; once made it stays, as podman's does. */
async function provideNetwork({ pods }: PlayPlan, undo: AsyncDisposableStack): Promise<void> {
  const isWanted = pods.some(({ request: { infra } }) => {
    const network = infra?.network
    return network?.kind === 'networks' && network.networks.some(({ name }) => name === defaultNetwork)
  })
  if (!isWanted) return
  const { networkExists } = await import('#engine/network/exists.ts')
  if (await networkExists(defaultNetwork)) return
  const { createNetwork } = await import('#engine/network/create.ts')
  await createNetwork({
    name: defaultNetwork,
    driver: 'bridge',
    subnets: [],
    internal: false,
    ipv6: false,
    disableDns: false,
    dns: [],
    labels: {},
    options: {},
    routes: [],
    ignoreExisting: true,
  })
  undo.defer(async () => {
    const { removeNetworks } = await import('#engine/network/remove.ts')
    // another play may have begun to use it: then it stays
    await removeNetworks([defaultNetwork], { force: false })
  })
}

/** One that is there already is used as it is. */
async function makeClaim(engine: Engine, claim: ClaimPlan, undo: AsyncDisposableStack): Promise<string> {
  const { volumeExists } = await import('#engine/volume/exists.ts')
  if (await volumeExists(claim.name)) return claim.name
  const { createVolume } = await import('#engine/volume/create.ts')
  const { name } = await createVolume({ ...claim, ignoreExisting: true })
  undo.defer(async () => await removeVolume(engine, name))
  return name
}

async function makePod(
  engine: Engine,
  plan: PodPlan,
  play: PlayRequest,
  undo: AsyncDisposableStack,
): Promise<PlayedPod> {
  for (const volume of plan.volumes) await makePodVolume(engine, plan.name, volume, undo)
  const pod = await createPod(engine, plan.request, play.pull)
  undo.defer(async () => await removePod(engine, pod, { force: true, timeoutSeconds: 0 }))
  for (const container of plan.containers) await makeContainer(engine, pod.id, container, play)
  if (play.start) await start(engine, pod)
  const containers = membersOf(engine, pod).filter(({ id }) => id !== pod.infraId)
  return { id: pod.id, name: pod.name, containers: containers.map(({ id }) => id) }
}

async function makeContainer(engine: Engine, podId: PodId, plan: ContainerPlan, play: PlayRequest): Promise<void> {
  const { request, podIdVariables, nonRootPlace } = plan
  const env = [...request.env, ...podIdVariables.map(name => `${name}=${podId}`)]
  const { record } = await buildContainer(engine, { ...request, env, pod: podId }, play.pull)
  if (nonRootPlace !== undefined && record.user.uid === 0)
    throw new TspodError(
      'INVALID',
      `reading ${nonRootPlace} is true, but image "${request.image ?? ''}" runs as root`,
      {
        hint: 'say who it is to run as: runAsUser',
      },
    )
}

async function start(engine: Engine, pod: PodRecord): Promise<void> {
  const [first, ...others] = await startPod(engine, pod)
  if (first === undefined) return
  const more = others.map(({ message }) => `; ${message}`).join('')
  throw new TspodError(first.code, `starting pod "${pod.name}": ${first.message}${more}`, {
    hint: first.hint,
    cause: first,
  })
}
