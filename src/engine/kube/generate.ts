// kube generate: a Kubernetes file of what there is.
import { findOne } from '#engine/container/select.ts'
import { seeContainer } from '#engine/container/survey.ts'
import type { GenerateKubeOptions } from '#engine/contracts/kube.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { findPod, membersOf } from '#engine/pod/find.ts'
import { systemVersion } from '#engine/system/version.ts'
import { hasCode, TspodError } from '#errors.ts'
import { randomHex } from '#host/bun.ts'
import type { KubeObject } from '#kube/generate/container.ts'
import { type GeneratedSource, generateClaim, generatePod, generateService } from '#kube/generate/pod.ts'
import { writeDocuments } from '#kube/generate/write.ts'

/** The verb: the file's text. Several containers become one pod, each pod is one of its own. Throws NOT_FOUND. */
export async function generateKube(
  names: readonly string[],
  { type, service, replicas, onWarning: warn }: GenerateKubeOptions,
): Promise<string> {
  const engine = await openEngine()
  const found: Found[] = []
  for (const name of names) found.push(await find(engine, name))
  const sources = [...aloneTogether(found), ...found.flatMap(each => (each.kind === 'pod' ? [each.source] : []))]
  const createdMs = Date.now()
  const objects: KubeObject[] = found.flatMap(each => (each.kind === 'claim' ? [each.object] : []))
  for (const source of sources) {
    requireImages(source)
    const exposed = service ? generateService(source, createdMs, nodePort) : undefined
    if (exposed !== undefined) objects.push(exposed)
    objects.push(generatePod(source, { kind: type, createdMs, warn, ...(replicas !== undefined && { replicas }) }))
  }
  return await writeDocuments(objects, [
    'Save the output of this file and use `kubectl create -f` or `tspod kube play` to import it.',
    '',
    `Created with tspod-${systemVersion().Version}`,
  ])
}

type Found = { kind: 'container' | 'pod'; source: GeneratedSource } | { kind: 'claim'; object: KubeObject }

/** Containers win over pods, pods over volumes. */
async function find(engine: Engine, name: string): Promise<Found> {
  const container = unlessMissing(() => seeContainer(engine, findOne(engine, name)).requireRecord())
  if (container?.request.pod !== undefined)
    throw new TspodError('CONFLICT', `container "${name}" is a member of a pod`, {
      hint: `generate the pod: tspod kube generate ${container.request.pod.slice(0, 12)}`,
    })
  if (container !== undefined) return { kind: 'container', source: { containers: [container] } }
  const pod = unlessMissing(() => findPod(engine, name))
  if (pod !== undefined) {
    const members = membersOf(engine, pod).map(seen => seen.requireRecord())
    return {
      kind: 'pod',
      source: {
        pod,
        infra: members.find(({ id }) => id === pod.infraId),
        containers: members.filter(({ id }) => id !== pod.infraId),
      },
    }
  }
  const { listVolumes } = await import('#engine/volume/list.ts')
  const volume = (await listVolumes([])).find(each => each.name === name)
  if (volume !== undefined) return { kind: 'claim', object: generateClaim(volume) }
  throw new TspodError('NOT_FOUND', `name or ID "${name}" is not that of a container, pod or volume`)
}

function unlessMissing<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return undefined
    throw error
  }
}

/** As podman has it: containers that are in no pod are in one together. */
function aloneTogether(found: readonly Found[]): GeneratedSource[] {
  const containers = found.flatMap(each => (each.kind === 'container' ? each.source.containers : []))
  return containers.length === 0 ? [] : [{ containers }]
}

/** Kubernetes' range for them. */
const nodePort = (): number => 30_000 + (Number.parseInt(randomHex(4), 16) % 2768)

function requireImages({ pod, containers }: GeneratedSource): void {
  if (containers.length === 0) throw new TspodError('INVALID', `pod "${pod?.name ?? ''}" has no containers`)
  const without = containers.find(({ image }) => image === undefined)
  if (without !== undefined)
    throw new TspodError('UNSUPPORTED', `container "${without.name}" has no image, which a Kubernetes file needs`)
}
