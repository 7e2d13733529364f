// What a play makes of a text, for tests.
import { parseDocuments } from '#kube/document.ts'
import type { ContainerPlan, PlayPlan, PlayShape, PodPlan } from '#kube/inputs.ts'
import { planPlay } from '#kube/play.ts'

export const plainShape: PlayShape = {
  annotations: {},
  ips: [],
  macs: [],
  logOpts: {},
  noHosts: false,
  noPodPrefix: false,
  publish: [],
  publishAll: false,
  seccompRoot: '/profiles',
  softLimits: false,
}

export interface Planned extends PlayPlan {
  warnings: string[]
  /** the first pod, and its first container */
  pod: PodPlan
  container: ContainerPlan
}

export async function plan(text: string, shape: Partial<PlayShape> = {}): Promise<Planned> {
  const warnings: string[] = []
  const planned = planPlay(await parseDocuments(text, 'a.yaml'), {
    shape: { ...plainShape, ...shape },
    machine: { processors: 4, memoryBytes: 8 * 2 ** 30 },
    warn: warning => warnings.push(warning),
  })
  const pod = planned.pods[0] as PodPlan
  return { ...planned, warnings, pod, container: pod?.containers[0] as ContainerPlan }
}

/** A pod `web` with one container `app`: lines of the pod's and of the container's specification. */
export function podText(container = '', spec = ''): string {
  const indent = (text: string, by: string) =>
    text
      .split('\n')
      .filter(line => line.trim() !== '')
      .map(line => `${by}${line}\n`)
      .join('')
  return `apiVersion: v1
kind: Pod
metadata: {name: web, labels: {tier: front}, annotations: {note: hello}}
spec:
${indent(spec, '  ')}  containers:
  - name: app
    image: alpine
${indent(container, '    ')}`
}

/** The message of the error that a text is refused with. */
export async function refusal(text: string, shape: Partial<PlayShape> = {}): Promise<string> {
  try {
    await plan(text, shape)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  return 'nothing is refused'
}
