// What a sigstore signature of an image says: cosign's "simple signing" document (cosign's SIGNATURE_SPEC.md). Pure.

import type { SignedIdentity } from '#config/policy.ts'
import { TspodError } from '#errors.ts'
import { type Digest, isDigest } from '#oci/digest.ts'
import { parseJson } from '#oci/manifest.ts'
import { formatReference, parseReference, type Reference, repositoryName } from '#oci/reference.ts'

export const payloadType = 'application/vnd.dev.cosign.simplesigning.v1+json'
export const signatureAnnotation = 'dev.cosignproject.cosign/signature'
const kind = 'cosign container image signature'

export interface SignedClaim {
  /** name it was signed as */
  dockerReference: string
  digest: Digest
}

/** The tag under which a repository keeps the signatures of a manifest. */
export function signatureTag(digest: Digest): string {
  return `${digest.replace(':', '-')}.sig`
}

/** The document to be signed. */
export function formatPayload({ dockerReference, digest }: SignedClaim, createdSeconds: number): Uint8Array {
  const critical = {
    identity: { 'docker-reference': dockerReference },
    image: { 'docker-manifest-digest': digest },
    type: kind,
  }
  return new TextEncoder().encode(
    JSON.stringify({ critical, optional: { creator: 'tspod', timestamp: createdSeconds } }),
  )
}

/** What a document claims; its signature has been verified before. Strict: anything unknown in the critical part refuses it. */
export function parsePayload(text: string): SignedClaim {
  const document = parseJson(text, 'the signed document') as { critical?: unknown } | null
  const critical = fieldsOf(document?.critical, ['identity', 'image', 'type'])
  const identity = fieldsOf(critical.identity, ['docker-reference'])['docker-reference']
  const digest = fieldsOf(critical.image, ['docker-manifest-digest'])['docker-manifest-digest']
  if (critical.type !== kind || typeof identity !== 'string' || !isDigest(digest))
    throw new TspodError('INVALID', `the signed document is no "${kind}"`)
  return { dockerReference: identity, digest }
}

function fieldsOf(value: unknown, keys: readonly string[]): Record<string, unknown> {
  const found = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  if (Object.keys(found).toSorted().join() !== keys.toSorted().join())
    throw new TspodError('INVALID', `the signed document has the fields ${Object.keys(found).join(', ')}`)
  return found
}

/** True where an image of this name may have been signed as that one (containers-policy.json(5), signedIdentity). */
export function matchesIdentity(identity: SignedIdentity, wanted: Reference, signedAs: string): boolean {
  let signed: Reference
  try {
    signed = parseReference(signedAs)
  } catch {
    return false
  }
  switch (identity.type) {
    case 'matchExact':
      return isExact(wanted, signed)
    case 'matchRepoDigestOrExact':
      return wanted.digest === undefined ? isExact(wanted, signed) : isSameRepository(wanted, signed)
    case 'matchRepository':
      return isSameRepository(wanted, signed)
    case 'exactReference':
      return formatReference(signed) === formatReference(parseReference(identity.dockerReference))
    case 'exactRepository':
      return repositoryName(signed) === repositoryName(parseReference(identity.dockerRepository))
    case 'remapIdentity':
      return matchesIdentity({ type: 'matchRepoDigestOrExact' }, remapped(wanted, identity), signedAs)
  }
}

function isExact(wanted: Reference, signed: Reference): boolean {
  return wanted.tag !== undefined && wanted.tag === signed.tag && isSameRepository(wanted, signed)
}

function isSameRepository(wanted: Reference, signed: Reference): boolean {
  return repositoryName(wanted) === repositoryName(signed)
}

function remapped(wanted: Reference, { prefix, signedPrefix }: { prefix: string; signedPrefix: string }): Reference {
  const name = repositoryName(wanted)
  if (name !== prefix && !name.startsWith(`${prefix}/`)) return wanted
  const { registry, repository } = parseReference(signedPrefix + name.slice(prefix.length))
  return { ...wanted, registry, repository }
}
