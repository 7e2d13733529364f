// Kubernetes objects together as what is to be made: volumes of claims, then pods; and only the names of that. Pure.
import { TspodError } from '#errors.ts'
import { planClaim } from './claim.ts'
import { dataOf, type KubeDataSets } from './data.ts'
import type { KubeDocument } from './document.ts'
import type { PlayInputs, PlayPlan } from './inputs.ts'
import { planPod } from './pod.ts'
import { isWorkload, podNameOf, templateOf } from './workload.ts'

/** Throws, naming file, document, line and field, for what cannot be made. */
export function planPlay(documents: readonly KubeDocument[], inputs: Omit<PlayInputs, 'data'>): PlayPlan {
  const { warn } = inputs
  const data = dataSetsOf(documents, warn)
  const claims = documents.filter(({ kind }) => kind === 'PersistentVolumeClaim').map(each => planClaim(each, warn))
  const workloads = documents.filter(({ kind }) => isWorkload(kind))
  for (const { kind, field } of documents)
    if (!isKnown(kind)) warn(`${field.place}: kind "${kind}" is passed over: ${reasonFor(kind)}`)
  if (!documents.some(({ kind }) => isKnown(kind)))
    throw new TspodError('INVALID', 'YAML document does not contain any supported kube kind', {
      hint: 'there are Pod, Deployment, DaemonSet, Job, PersistentVolumeClaim, ConfigMap and Secret',
    })
  requireDistinctPods(workloads)
  const pods = workloads.map((document, index) => planPod(templateOf(document, warn), index, { ...inputs, data }))
  for (const [option, list] of [
    ['--ip', inputs.shape.ips],
    ['--mac-address', inputs.shape.macs],
  ] as const)
    if (list.length > pods.length)
      throw new TspodError('INVALID', `${option}: found ${list.length} for ${pods.length} pods, must not be more`)
  return { claims, pods }
}

/** What a play of these made, for whoever takes it away. */
export function playedNames(documents: readonly KubeDocument[]): { pods: string[]; claims: string[] } {
  return {
    pods: documents.filter(({ kind }) => isWorkload(kind)).map(podNameOf),
    claims: documents
      .filter(({ kind }) => kind === 'PersistentVolumeClaim')
      .map(({ field }) => field.needed('metadata').requireObject().neededText('name')),
  }
}

function isKnown(kind: string): boolean {
  return isWorkload(kind) || kind === 'PersistentVolumeClaim' || kind === 'ConfigMap' || kind === 'Secret'
}

function reasonFor(kind: string): string {
  return kind === 'Service' || kind === 'Ingress'
    ? 'a "hostPort" publishes a port, and pods find each other by name'
    : 'there is nothing like it here'
}

function dataSetsOf(documents: readonly KubeDocument[], warn: (text: string) => void): KubeDataSets {
  const sets = { ConfigMap: new Map(), Secret: new Map() } satisfies KubeDataSets
  for (const document of documents) {
    const { kind, field } = document
    if (kind !== 'ConfigMap' && kind !== 'Secret') continue
    const { name, data } = dataOf(document, warn)
    if (sets[kind].has(name)) throw field.needed('metadata').error(`has the name "${name}", which another ${kind} has`)
    sets[kind].set(name, data)
  }
  return sets
}

function requireDistinctPods(workloads: readonly KubeDocument[]): void {
  const seen = new Set<string>()
  for (const document of workloads) {
    const name = podNameOf(document)
    if (seen.has(name)) throw document.field.needed('metadata').error(`makes a second pod "${name}"`)
    seen.add(name)
  }
}
