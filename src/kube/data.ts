// ConfigMaps and Secrets: named texts and bytes that pods refer to. Pure.
import type { KubeDocument } from './document.ts'
import type { KubeField } from './field.ts'
import { metadataOf } from './metadata.ts'

export type DataKind = 'ConfigMap' | 'Secret'

/** What one holds, by key. */
export type KubeData = ReadonlyMap<string, Uint8Array>

/** All that pods of a play may refer to. */
export interface KubeDataSets {
  ConfigMap: ReadonlyMap<string, KubeData>
  Secret: ReadonlyMap<string, KubeData>
}

/** Name and content of a ConfigMap's or Secret's document. Throws INVALID naming the field. */
export function dataOf({ kind, field }: KubeDocument, warn: (text: string) => void): { name: string; data: KubeData } {
  const { name } = metadataOf(field, warn)
  const plain = kind === 'Secret' ? 'stringData' : 'data'
  const encoded = kind === 'Secret' ? 'data' : 'binaryData'
  field.check({ honoured: `apiVersion kind metadata ${plain} ${encoded}`, idle: 'immutable type status' }, warn)
  const data = new Map<string, Uint8Array>()
  const bytes = field.object(encoded)
  for (const key of bytes?.keys() ?? []) {
    const item = bytes?.child(key)
    if (item !== undefined) data.set(checkKey(item, key), decodeBase64(item))
  }
  const texts = field.object(plain)
  for (const key of texts?.keys() ?? []) {
    const item = texts?.child(key)
    if (item !== undefined && data.has(key) && kind === 'ConfigMap')
      throw item.error('is in "binaryData" too: a key may be in one of them')
    data.set(checkKey(texts ?? field, key), Buffer.from(item?.asText() ?? ''))
  }
  return { name, data }
}

/** A key becomes the name of a file. */
function checkKey(field: KubeField, key: string): string {
  if (/^[-._a-zA-Z0-9]{1,253}$/.test(key) && key !== '.' && !key.startsWith('..')) return key
  throw field.error(`has the key "${key}", must be of letters, digits, "-", "_" and "."`)
}

function decodeBase64(field: KubeField): Uint8Array {
  const text = field.asText().replace(/\s+/g, '')
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) throw field.error('is not base64')
  return Buffer.from(text, 'base64')
}
