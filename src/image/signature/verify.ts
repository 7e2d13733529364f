// Whether an image is signed as policy.json demands: signatures lie beside it at its registry (cosign's attachments). Host namespaces.
import { readFileSync } from 'node:fs'
import type { Demand, SignedRequirement } from '#config/policy.ts'
import { during, hasCode, TspodError } from '#errors.ts'
import { digestOfBytes } from '#image/blobs.ts'
import { SourceError } from '#image/source.ts'
import type { Descriptor } from '#oci/descriptor.ts'
import { parseDescriptor } from '#oci/descriptor.ts'
import type { Digest } from '#oci/digest.ts'
import { isObject } from '#oci/json-shape.ts'
import { parseJson } from '#oci/manifest.ts'
import { formatReference, type Reference } from '#oci/reference.ts'
import { matchesIdentity, parsePayload, payloadType, type SignedClaim, signatureAnnotation } from './payload.ts'

/** Where signatures are read: one repository. */
export interface SignaturePlace {
  /** the manifest under the tag of a digest's signatures; `undefined` where there is none */
  manifest: (digest: Digest) => Promise<Uint8Array | undefined>
  blob: (descriptor: Descriptor) => Promise<Uint8Array>
}

interface FoundSignature {
  payload: Uint8Array
  signature: Buffer
}

const mostSignatures = 100
const longestPayload = 1 << 20

/**
 * Throws DENIED unless the image meets every requirement. `digests` are its manifest's and those of the indexes that led to it, all
 * of them verified: a signature of any covers it.
 */
export async function verifySignatures(
  { signatures, rule }: Demand,
  wanted: Reference,
  digests: readonly Digest[],
  place: SignaturePlace,
): Promise<void> {
  const found: FoundSignature[] = []
  for (const digest of digests) found.push(...(await readSignatures(digest, place)))
  for (const requirement of signatures) {
    const failures: string[] = []
    const isMet = found.some(each => {
      const failure = failureOf(each, requirement, wanted, digests)
      if (failure !== undefined) failures.push(failure)
      return failure === undefined
    })
    if (isMet) continue
    const why = found.length === 0 ? 'it has no signature' : [...new Set(failures)].join('; ')
    throw new TspodError('DENIED', `using "${formatReference(wanted)}": ${why} (${rule} demands one)`)
  }
}

/** Why a signature does not meet a requirement; `undefined` where it does. */
function failureOf(
  { payload, signature }: FoundSignature,
  requirement: SignedRequirement,
  wanted: Reference,
  digests: readonly Digest[],
): string | undefined {
  if (!isSignedByAny(payload, signature, requirement)) return 'a signature is by none of the keys that are trusted'
  let claim: SignedClaim
  try {
    claim = parsePayload(new TextDecoder('utf-8', { fatal: true }).decode(payload))
  } catch (error) {
    return error instanceof Error ? error.message : 'the signed document cannot be read'
  }
  if (!digests.includes(claim.digest)) return `a signature is for ${claim.digest}, another image`
  if (!matchesIdentity(requirement.identity, wanted, claim.dockerReference))
    return `a signature is for the name "${claim.dockerReference}"`
  return undefined
}

function isSignedByAny(payload: Uint8Array, signature: Buffer, { keyPaths, keyData }: SignedRequirement): boolean {
  const { createPublicKey, verify } = process.getBuiltinModule('node:crypto')
  const texts = [...keyPaths.map(readKey), ...keyData]
  return texts.some(text => {
    let key: ReturnType<typeof createPublicKey>
    try {
      key = createPublicKey(text)
    } catch (error) {
      throw new TspodError('INVALID', 'a key that policy.json names is no public key in PEM', { cause: error })
    }
    try {
      return verify('sha256', payload, key, signature)
    } catch {
      return false // bytes that are no signature at all
    }
  })
}

function readKey(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw during(`reading the key "${path}" that policy.json names`, error)
  }
}

async function readSignatures(digest: Digest, place: SignaturePlace): Promise<FoundSignature[]> {
  const bytes = await place.manifest(digest)
  if (bytes === undefined) return []
  const found: FoundSignature[] = []
  for (const layer of signatureLayers(new TextDecoder().decode(bytes), `signatures of ${digest}`)) {
    const signature = layer.annotations?.[signatureAnnotation]
    if (layer.mediaType !== payloadType || signature === undefined || layer.size > longestPayload) continue
    const payload = await place.blob(layer)
    if (digestOfBytes(payload) !== layer.digest)
      throw new SourceError('INVALID', `signature ${layer.digest} has other bytes than its digest says`)
    found.push({ payload, signature: Buffer.from(signature, 'base64') })
  }
  return found
}

const shape = isObject({}, {})

/** The entries of a manifest of signatures. Throws INVALID. */
export function signatureLayers(text: string, what: string): Descriptor[] {
  const value = parseJson(text, what)
  shape(value, what)
  const { layers } = value as { layers?: unknown }
  if (!Array.isArray(layers) || layers.length > mostSignatures)
    throw new SourceError('INVALID', `${what} are no list of at most ${mostSignatures}`)
  return layers.map((layer, index) => parseDescriptor(layer, `${what}: layers[${index}]`))
}

/** `undefined` for what is not there. */
export async function orAbsent<T>(asking: Promise<T>): Promise<T | undefined> {
  try {
    return await asking
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return undefined
    throw error
  }
}
