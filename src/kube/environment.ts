// `env` and `envFrom` of a container, and `$(NAME)` in texts that refer to them. Pure.
import type { DataKind, KubeData, KubeDataSets } from './data.ts'
import type { KubeField } from './field.ts'
import type { MachineSize } from './inputs.ts'
import type { Metadata } from './metadata.ts'
import { quantityOf } from './quantity.ts'

export interface EnvironmentInputs {
  container: KubeField
  /** of the pod */
  metadata: Metadata
  data: KubeDataSets
  machine: MachineSize
  warn: (text: string) => void
}

export interface ContainerEnvironment {
  values: ReadonlyMap<string, string>
  /** variables that get the pod's id */
  podIdVariables: string[]
}

/** What of `envFrom` is said again in `env` has the latter's value. Throws naming the field. */
export function planEnvironment(inputs: EnvironmentInputs): ContainerEnvironment {
  const { container, warn } = inputs
  const values = new Map<string, string>()
  const podIdVariables: string[] = []
  for (const source of container.objects('envFrom')) takeSource(inputs, source, values)
  for (const variable of container.objects('env')) {
    variable.check({ honoured: 'name value valueFrom' }, warn)
    const name = variable.neededText('name')
    if (name.includes('=')) throw variable.needed('name').error(`is "${name}", must be without "="`)
    const from = variable.object('valueFrom')
    const plain = variable.text('value')
    if (from !== undefined && plain !== undefined) throw variable.error('has both "value" and "valueFrom"')
    if (from === undefined) values.set(name, expandReferences(plain ?? '', values))
    else if (from.object('fieldRef')?.text('fieldPath') === 'metadata.uid') podIdVariables.push(name)
    else {
      const value = valueFrom(inputs, from)
      if (value !== undefined) values.set(name, value)
    }
  }
  return { values, podIdVariables }
}

/** `$(NAME)` becomes the variable's value where there is one; `$$` is a dollar sign. */
export function expandReferences(text: string, values: ReadonlyMap<string, string>): string {
  return text.replace(/\$\$|\$\(([^()]+)\)/g, (found, name?: string) =>
    name === undefined ? '$' : (values.get(name) ?? found),
  )
}

function takeSource({ data, warn }: EnvironmentInputs, source: KubeField, values: Map<string, string>): void {
  source.check({ honoured: 'prefix configMapRef secretRef' }, warn)
  const prefix = source.text('prefix') ?? ''
  const [key, kind] = oneOf(source, { configMapRef: 'ConfigMap', secretRef: 'Secret' })
  const reference = source.needed(key).requireObject()
  reference.check({ honoured: 'name optional' }, warn)
  for (const [name, bytes] of findData(data, kind, reference) ?? []) {
    const variable = prefix + name
    if (/^[-._a-zA-Z][-._a-zA-Z0-9]*$/.test(variable)) values.set(variable, textOf(bytes, reference, name))
    else warn(`${reference.place}: the key "${name}" of ${kind} cannot be a variable, and is passed over`)
  }
}

/** The ConfigMap or Secret that a reference names; `undefined` for an optional one that is not there. */
export function findData(data: KubeDataSets, kind: DataKind, reference: KubeField, key = 'name'): KubeData | undefined {
  const name = reference.neededText(key)
  const found = data[kind].get(name)
  if (found !== undefined || reference.boolean('optional') === true) return found
  const hint =
    kind === 'Secret'
      ? 'secrets are read from the files that are played: put it into the same one'
      : 'put it into the same file, or name its file with --configmap'
  throw reference.needed(key).error(`is "${name}": there is no such ${kind}`, 'NOT_FOUND', hint)
}

function valueFrom(inputs: EnvironmentInputs, from: KubeField): string | undefined {
  from.check({ honoured: 'configMapKeyRef secretKeyRef fieldRef resourceFieldRef' }, inputs.warn)
  const [key, kind] = oneOf(from, {
    configMapKeyRef: 'ConfigMap',
    secretKeyRef: 'Secret',
    fieldRef: 'field',
    resourceFieldRef: 'resource',
  })
  const reference = from.needed(key).requireObject()
  if (kind === 'field') return fieldValue(inputs, reference)
  if (kind === 'resource') return resourceValue(inputs, reference)
  reference.check({ honoured: 'name key optional' }, inputs.warn)
  const data = findData(inputs.data, kind, reference)
  const name = reference.neededText('key')
  const bytes = data?.get(name)
  if (bytes !== undefined) return textOf(bytes, reference, name)
  if (reference.boolean('optional') === true) return undefined
  throw reference
    .needed('key')
    .error(`is "${name}": the ${kind} "${reference.text('name') ?? ''}" has no such key`, 'NOT_FOUND')
}

function oneOf<const T extends Record<string, string>>(field: KubeField, kinds: T): [keyof T & string, T[keyof T]] {
  const given = Object.keys(kinds).filter(key => field.child(key) !== undefined)
  const [key] = given
  if (key === undefined || given.length > 1)
    throw field.error(`has ${given.length === 0 ? 'none' : 'more than one'} of ${Object.keys(kinds).join(', ')}`)
  return [key, kinds[key] as T[keyof T]]
}

function fieldValue({ metadata, warn }: EnvironmentInputs, reference: KubeField): string {
  reference.check({ honoured: 'fieldPath', idle: 'apiVersion' }, warn)
  const path = reference.neededText('fieldPath')
  const [, map, key = ''] = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path) ?? []
  if (map === 'labels' || map === 'annotations') return metadata[map][key] ?? ''
  if (path === 'metadata.name') return metadata.name
  throw reference
    .needed('fieldPath')
    .error(
      `is "${path}", must be metadata.name, metadata.uid, metadata.labels['KEY'] or metadata.annotations['KEY']`,
      'UNSUPPORTED',
    )
}

function resourceValue({ container, machine, warn }: EnvironmentInputs, reference: KubeField): string {
  reference.check({ honoured: 'resource divisor containerName' }, warn)
  if ((reference.text('containerName') ?? container.text('name')) !== container.text('name'))
    throw reference.needed('containerName').error('is another container: that is not supported', 'UNSUPPORTED')
  const path = reference.neededText('resource')
  const [, side, what] = /^(limits|requests)\.(cpu|memory)$/.exec(path) ?? []
  if (side === undefined || what === undefined)
    throw reference
      .needed('resource')
      .error(`is "${path}", must be limits.cpu, limits.memory, requests.cpu or requests.memory`, 'UNSUPPORTED')
  const resources = container.objectOrEmpty('resources')
  const limit = resources.objectOrEmpty('limits').child(what)
  const asked = resources.objectOrEmpty(side).child(what) ?? limit
  const whole = what === 'cpu' ? machine.processors : machine.memoryBytes
  const amount = asked === undefined ? (side === 'limits' ? whole : 0) : quantityOf(asked)
  const divisor = reference.child('divisor')
  const unit = divisor === undefined ? 1 : quantityOf(divisor)
  return String(Math.ceil(Number((amount / (unit === 0 ? 1 : unit)).toFixed(9))))
}

function textOf(bytes: Uint8Array, reference: KubeField, key: string): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    if (!text.includes('\0')) return text
  } catch {
    // said below
  }
  throw reference.error(`names "${key}", whose value is no text and cannot be that of a variable`)
}
