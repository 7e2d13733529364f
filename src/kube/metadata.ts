// The metadata of a Kubernetes object: name, labels, annotations. Pure.
import type { KubeField } from './field.ts'

export interface Metadata {
  name: string
  labels: Record<string, string>
  annotations: Record<string, string>
}

const rules = {
  honoured: 'name labels annotations',
  idle: `namespace uid resourceVersion generation creationTimestamp deletionTimestamp deletionGracePeriodSeconds selfLink
    ownerReferences finalizers managedFields`,
  refused: { generateName: 'give it a "name"' },
}

/** Of an object that needs a name. Throws INVALID where it has none. */
export function metadataOf(object: KubeField, warn: (text: string) => void): Metadata {
  const field = object.needed('metadata').requireObject()
  field.check(rules, warn)
  return { name: field.neededText('name'), labels: field.textMap('labels'), annotations: field.textMap('annotations') }
}

/** Of a template, which needs none. */
export function templateMetadataOf(template: KubeField, warn: (text: string) => void): Omit<Metadata, 'name'> {
  const field = template.objectOrEmpty('metadata')
  field.check(rules, warn)
  return { labels: field.textMap('labels'), annotations: field.textMap('annotations') }
}
