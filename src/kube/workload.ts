// The kinds that are pods, or have a template of one: which pod each of them becomes. Pure.
import type { KubeDocument } from './document.ts'
import type { KubeField } from './field.ts'
import { metadataOf, templateMetadataOf } from './metadata.ts'
import type { PodTemplate } from './pod.ts'

const top = 'apiVersion kind metadata spec'

/** How often a job's pod is tried again (Kubernetes' default). */
const JOB_RETRIES = 6

const templateRules = {
  Deployment: {
    honoured: 'template replicas',
    // about how one version takes the place of another
    idle: 'selector strategy minReadySeconds revisionHistoryLimit progressDeadlineSeconds',
    refused: { paused: 'it asks for no pods' },
  },
  DaemonSet: {
    honoured: 'template',
    idle: 'selector updateStrategy minReadySeconds revisionHistoryLimit',
  },
  Job: {
    honoured: 'template backoffLimit completions parallelism',
    idle: 'selector manualSelector completionMode podReplacementPolicy managedBy',
    warned: {
      activeDeadlineSeconds: 'pods run for as long as they do',
      ttlSecondsAfterFinished: 'the pod stays until `kube down`',
      podFailurePolicy: 'failures are counted alike',
      successPolicy: 'there is one pod',
      backoffLimitPerIndex: 'there is one pod',
      maxFailedIndexes: 'there is one pod',
    },
    refused: { suspend: 'it asks for no pods' },
  },
}

const versions = { Pod: 'v1', Deployment: 'apps/v1', DaemonSet: 'apps/v1', Job: 'batch/v1' } as const

export type WorkloadKind = keyof typeof versions

export function isWorkload(kind: string): kind is WorkloadKind {
  return Object.hasOwn(versions, kind)
}

/** The name of the pod. */
export function podNameOf({ kind, field }: KubeDocument): string {
  const name = field.needed('metadata').requireObject().neededText('name')
  return kind === 'Pod' ? name : `${name}-pod`
}

/** Throws naming the field. */
export function templateOf(document: KubeDocument, warn: (text: string) => void): PodTemplate {
  const { field } = document
  const kind = document.kind as WorkloadKind
  field.check({ honoured: top, idle: 'status' }, warn)
  const version = field.neededText('apiVersion')
  if (version !== versions[kind])
    throw field.needed('apiVersion').error(`is "${version}", must be ${versions[kind]} for a ${kind}`)
  const metadata = metadataOf(field, warn)
  const spec = field.needed('spec').requireObject()
  if (kind === 'Pod') return { metadata, spec, restart: { usual: 'Always' } }
  spec.check(templateRules[kind], warn)
  const template = spec.needed('template').requireObject()
  template.check({ honoured: 'metadata spec' }, warn)
  const inner = template.needed('spec').requireObject()
  return {
    metadata: { ...templateMetadataOf(template, warn), name: podNameOf(document) },
    spec: inner,
    restart: kind === 'Job' ? jobRestart(spec, inner, warn) : alwaysRestart(kind, spec, inner, warn),
  }
}

function alwaysRestart(
  kind: 'Deployment' | 'DaemonSet',
  spec: KubeField,
  inner: KubeField,
  warn: (text: string) => void,
): PodTemplate['restart'] {
  if (kind === 'Deployment') requireOne(spec, 'replicas', warn)
  const policy = inner.text('restartPolicy') ?? 'Always'
  if (policy !== 'Always') throw inner.needed('restartPolicy').error(`is "${policy}", must be Always in a ${kind}`)
  return { usual: 'Always' }
}

function jobRestart(spec: KubeField, inner: KubeField, warn: (text: string) => void): PodTemplate['restart'] {
  requireOne(spec, 'completions', warn)
  requireOne(spec, 'parallelism', warn)
  const policy = inner.choice('restartPolicy', ['OnFailure', 'Never']) ?? 'OnFailure'
  const retries = spec.integer('backoffLimit', 0, 1e6)
  if (policy === 'Never' && retries !== undefined && retries > 0)
    warn(`${spec.needed('backoffLimit').place} is passed over: with restartPolicy "Never" a failure is not tried again`)
  // a policy cannot say "no retries", but no policy does
  return retries === 0 ? { usual: 'Never' } : { usual: 'OnFailure', retries: retries ?? JOB_RETRIES }
}

function requireOne(spec: KubeField, key: string, warn: (text: string) => void): void {
  const count = spec.integer(key, 0)
  if (count === undefined || count === 1) return
  if (count === 0) throw spec.needed(key).error('is 0: it asks for no pods', 'UNSUPPORTED')
  warn(`${spec.needed(key).place} is passed over: found ${count}, there is one pod`)
}
