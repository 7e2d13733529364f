// One container of a pod as the request that makes it. Pure.
import { parseUlimit } from '#container/options/ulimit.ts'
import { requestWith } from '#container/plain-request.ts'
import type { ContainerRequest } from '#container/request.ts'
import type { RestartPolicy } from '#container/restart-policy.ts'
import { expandReferences, planEnvironment } from './environment.ts'
import type { KubeField } from './field.ts'
import type { ContainerPlan, PlayInputs } from './inputs.ts'
import type { Metadata } from './metadata.ts'
import { planHealth } from './probe.ts'
import { planResources } from './resources.ts'
import { planSecurity } from './security.ts'
import { type PodVolumes, planMounts } from './volumes.ts'

/** What the containers of a pod have in common. */
export interface PodParts {
  metadata: Metadata
  spec: KubeField
  volumes: PodVolumes
  restart: RestartPolicy | undefined
  /** of init containers; absent for the others */
  initCtr?: 'always' | 'once'
}

const rules = {
  honoured: `name image imagePullPolicy command args workingDir env envFrom ports volumeMounts resources securityContext
    livenessProbe startupProbe lifecycle stdin tty`,
  // nobody reads the message of a container's end; nothing is resized in place
  idle: 'stdinOnce terminationMessagePath terminationMessagePolicy resizePolicy',
  warned: { readinessProbe: 'there is no service that would wait for it' },
  refused: {
    volumeDevices: 'use a hostPath volume of type BlockDevice',
    restartPolicy: 'containers restart as their pod says; init containers run to their end',
    restartPolicyRules: 'containers restart as their pod says',
  },
}

const lifecycleRules = {
  honoured: 'stopSignal',
  warned: {
    postStart: 'nothing is run beside the start of a container',
    preStop: 'the container gets its stop signal at once',
  },
}

const pullPolicies = { Always: 'always', IfNotPresent: 'missing', Never: 'never' } as const

/** Throws naming the field. */
export function planContainer(container: KubeField, parts: PodParts, inputs: PlayInputs): ContainerPlan {
  const { warn, shape } = inputs
  const { spec, metadata, volumes } = parts
  container.check(rules, warn)
  const name = nameOf(container)
  const { values, podIdVariables } = planEnvironment({ ...inputs, container, metadata })
  const expand = (text: string) => expandReferences(text, values)
  const command = container.texts('command').map(expand)
  const security = planSecurity(spec, container, shape.seccompRoot, warn)
  const { limits, wishes } = planResources(container, warn)
  const isInit = parts.initCtr !== undefined
  const restart = isInit ? undefined : parts.restart
  const health = isInit ? undefined : planHealth(container, restart !== undefined, warn)
  const workdir = container.text('workingDir')
  const image = container.neededText('image')
  const request = requestWith({
    name: shape.noPodPrefix ? name : `${metadata.name}-${name}`,
    image,
    pull: pullPolicyOf(container, image),
    ...(command.length > 0 && { entrypoint: command }),
    command: container.texts('args').map(expand),
    env: [...values].map(([variable, value]) => `${variable}=${value}`),
    labels: metadata.labels,
    ...annotated(container, name, { ...metadata.annotations, ...shape.annotations }),
    interactive: container.boolean('stdin') ?? false,
    tty: container.boolean('tty') ?? false,
    ...(workdir !== undefined && workdir !== '' && { workdir }),
    ...security.said,
    ...planMounts(container, volumes, expand, warn),
    ...(limits !== undefined && { resources: limits }),
    ...(shape.softLimits && { softLimits: true as const }),
    ...(health !== undefined && { health }),
    ...(restart !== undefined && { restart }),
    ...stopping(container, spec, warn),
    ...(spec.boolean('hostPID') === true && { pid: { kind: 'host' as const } }),
    ...(spec.boolean('hostIPC') === true && { ipc: { kind: 'host' as const } }),
    ...(spec.boolean('hostNetwork') === true && { uts: { kind: 'host' as const } }),
    ...(shape.noHosts && { noHosts: true }),
    logDriver: shape.logDriver,
    logOpts: shape.logOpts,
    // whoever plays them tells a service manager
    sdnotify: 'ignore',
    ...(parts.initCtr !== undefined && { initCtr: parts.initCtr }),
  })
  return {
    request,
    ...(wishes !== undefined && { wishes }),
    ...(security.nonRootPlace !== undefined && { nonRootPlace: security.nonRootPlace }),
    podIdVariables,
  }
}

function nameOf(container: KubeField): string {
  const name = container.neededText('name')
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name)) return name
  throw container.needed('name').error(`is "${name}", must be of letters, digits, "-", "_" and "."`)
}

/** As podman has it: without a policy, an image called `latest` in a registry is looked for there. */
function pullPolicyOf(container: KubeField, image: string): ContainerRequest['pull'] {
  const policy = container.choice('imagePullPolicy', ['', 'Always', 'IfNotPresent', 'Never'])
  if (policy !== undefined && policy !== '') return pullPolicies[policy]
  const [, registry, tag = 'latest'] = /^([^/@]+[.:][^/@]*)\/[^:@]+(?::([^@]+))?$/.exec(image) ?? []
  return registry !== undefined && tag === 'latest' ? 'newer' : 'missing'
}

function stopping(
  container: KubeField,
  spec: KubeField,
  warn: (text: string) => void,
): Pick<Partial<ContainerRequest>, 'stopSignal' | 'stopTimeoutSeconds'> {
  const lifecycle = container.objectOrEmpty('lifecycle')
  lifecycle.check(lifecycleRules, warn)
  const stopSignal = lifecycle.text('stopSignal')
  const stopTimeoutSeconds = spec.integer('terminationGracePeriodSeconds', 0, 1e9)
  return {
    ...(stopSignal !== undefined && { stopSignal }),
    ...(stopTimeoutSeconds !== undefined && { stopTimeoutSeconds }),
  }
}

const ulimitAnnotation = 'io.podman.annotations.ulimit'
const initAnnotation = 'io.podman.annotations.init'

/** Annotations, and what podman's own among them ask for. */
function annotated(
  container: KubeField,
  name: string,
  annotations: Record<string, string>,
): Pick<ContainerRequest, 'annotations'> & Pick<Partial<ContainerRequest>, 'ulimits' | 'init'> {
  const ulimits = (annotations[ulimitAnnotation] ?? '').split(',').filter(text => text !== '')
  for (const text of ulimits) parseUlimit(text)
  const init = annotations[`${initAnnotation}/${name}`]
  if (init !== undefined && init !== 'TRUE' && init !== 'FALSE' && init !== 'true' && init !== 'false')
    throw container.error(`has the annotation ${initAnnotation}/${name} "${init}", must be true or false`)
  return {
    annotations,
    ...(ulimits.length > 0 && { ulimits }),
    ...(init !== undefined && { init: init.toLowerCase() === 'true' }),
  }
}
