// What builds remember, in a form that travels: an image whose configuration lists keys of steps, and which of its layers each made.
// The cache of another machine is such an image; an image with `type=inline` is one besides being itself. Pure.
import type { Digest } from '#oci/digest.ts'
import type { BuiltLayer, CacheRecord } from './cache.ts'

/** The key in the image's configuration. */
export const sharedCacheField = 'io.tspod.build-cache.v1'

export interface SharedRecord {
  /** of the step, as `cacheKey` makes it */
  key: string
  /** which layer of the image; absent for a step that changed no file */
  layer?: number
  createdMs: number
  shown: string
}

/** A record that was used or made in a build. */
export interface UsedRecord {
  key: string
  record: CacheRecord
}

/** The records, and the layers that they name in the order that they name them. */
export function shareRecords(used: readonly UsedRecord[]): { records: SharedRecord[]; layers: BuiltLayer[] } {
  const layers: BuiltLayer[] = []
  const records = inOrder(used).map(({ key, record }) => ({
    ...describe(key, record),
    ...indexIn(layers, record.layer),
  }))
  return { records, layers }
}

/** Those records that an image's own layers serve: of steps that led to it, none of other stages. */
export function inlineRecords(used: readonly UsedRecord[], image: readonly BuiltLayer[]): SharedRecord[] {
  return inOrder(used).flatMap(({ key, record }) => {
    const { layer } = record
    if (layer === undefined) return [describe(key, record)]
    const index = image.findIndex(({ diffId }) => diffId === layer.diffId)
    return index < 0 ? [] : [{ ...describe(key, record), layer: index }]
  })
}

/** The records in a configuration; none where it has none, or they are not in this form: a cache that cannot be read is no cache. */
export function readSharedRecords(config: object, layerCount: number): SharedRecord[] {
  const value = (config as Record<string, unknown>)[sharedCacheField]
  if (typeof value !== 'object' || value === null || !('records' in value) || !Array.isArray(value.records)) return []
  return (value.records as unknown[]).filter((each): each is SharedRecord => isRecord(each, layerCount))
}

function isRecord(value: unknown, layerCount: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { key, layer, createdMs, shown } = value as Partial<Record<keyof SharedRecord, unknown>>
  const isLayer = layer === undefined || (Number.isInteger(layer) && Number(layer) >= 0 && Number(layer) < layerCount)
  return (
    typeof key === 'string' &&
    /^[0-9a-f]{64}$/.test(key) &&
    isLayer &&
    typeof createdMs === 'number' &&
    typeof shown === 'string'
  )
}

/** Each once, in an order that does not tell which stage was faster. */
const inOrder = (used: readonly UsedRecord[]): UsedRecord[] =>
  [...new Map(used.map(each => [each.key, each])).values()].toSorted((a, b) => (a.key < b.key ? -1 : 1))

const describe = (key: string, { createdMs, shown }: CacheRecord): SharedRecord => ({ key, createdMs, shown })

function indexIn(layers: BuiltLayer[], layer: BuiltLayer | undefined): { layer?: number } {
  if (layer === undefined) return {}
  const known = layers.findIndex(({ diffId }: { diffId: Digest }) => diffId === layer.diffId)
  return { layer: known < 0 ? layers.push(layer) - 1 : known }
}
