// A PersistentVolumeClaim as a volume. Pure.
import type { KubeDocument } from './document.ts'
import type { ClaimPlan } from './inputs.ts'
import { metadataOf } from './metadata.ts'

const prefix = 'volume.podman.io/'
const keys = ['driver', 'device', 'type', 'uid', 'gid', 'mount-options']

const specRules = {
  honoured: 'volumeMode',
  // a volume is one folder of this machine, for whoever mounts it, as large as its disk
  idle: 'accessModes resources storageClassName volumeName volumeAttributesClassName',
  warned: { selector: 'it is a volume of its own name' },
  refused: {
    dataSource: 'volumes begin empty, or with what the image has',
    dataSourceRef: 'volumes begin empty, or with what the image has',
  },
}

/** Throws naming the field. */
export function planClaim({ field }: KubeDocument, warn: (text: string) => void): ClaimPlan {
  field.check({ honoured: 'apiVersion kind metadata spec', idle: 'status' }, warn)
  const { name, labels, annotations } = metadataOf(field, warn)
  const spec = field.objectOrEmpty('spec')
  spec.check(specRules, warn)
  spec.choice('volumeMode', ['Filesystem'])
  const said = (key: string) => annotations[prefix + key] ?? ''
  const holder = field.needed('metadata').objectOrEmpty('annotations')
  const unknown = Object.keys(annotations).find(
    key => key.startsWith(prefix) && !keys.includes(key.slice(prefix.length)),
  )
  if (unknown !== undefined)
    throw holder
      .needed(unknown)
      .error(`is not supported: use ${keys.map(key => prefix + key).join(', ')}`, 'UNSUPPORTED')
  const id = (key: string) => {
    if (said(key) === '' || /^\d{1,10}$/.test(said(key))) return said(key)
    throw holder.needed(prefix + key).error(`is "${said(key)}", must be a number`)
  }
  const options = { type: said('type'), device: said('device'), o: said('mount-options') }
  return {
    name,
    labels,
    driver: said('driver') || 'local',
    options: Object.fromEntries(Object.entries(options).filter(([, value]) => value !== '')),
    ...(id('uid') !== '' && { uid: Number(id('uid')) }),
    ...(id('gid') !== '' && { gid: Number(id('gid')) }),
  }
}
