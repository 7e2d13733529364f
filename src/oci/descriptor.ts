// A descriptor: what a blob is, its digest and its size (OCI image-spec, descriptor.md). Pure.
import { type Digest, parseDigest } from './digest.ts'
import { isArrayOf, isInteger, isMapOf, isNonEmptyString, isObject, isString } from './json-shape.ts'
import { type Platform, platformShape } from './platform.ts'

export interface Descriptor {
  mediaType: string
  digest: Digest
  /** Bytes of the blob as it is stored. */
  size: number
  platform?: Platform
  annotations?: Record<string, string>
  artifactType?: string
  urls?: string[]
}

/** 1 TiB: beyond it a size is a lie or a mistake. */
const largestBlobBytes = 2 ** 40

const shape = isObject(
  { mediaType: isNonEmptyString, size: isInteger(0, largestBlobBytes) },
  {
    platform: platformShape,
    annotations: isMapOf(isString),
    artifactType: isString,
    urls: isArrayOf(isString),
  },
)

/** Checks a descriptor that came from outside; `path` names it in the error. Throws INVALID. */
export function parseDescriptor(value: unknown, path: string): Descriptor {
  shape(value, path)
  const descriptor = value as Descriptor
  parseDigest(descriptor.digest, `${path}.digest`)
  return descriptor
}
