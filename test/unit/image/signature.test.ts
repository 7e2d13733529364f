// Signed documents, names they are for, and keys sealed as cosign seals them.
import { expect, test } from 'bun:test'
import { createPublicKey, generateKeyPairSync, scryptSync, sign, verify } from 'node:crypto'
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js'
import type { SignedIdentity } from '#config/policy.ts'
import { digestOfBytes } from '#image/blobs.ts'
import { openPrivateKey } from '#image/signature/keys.ts'
import { formatPayload, matchesIdentity, parsePayload } from '#image/signature/payload.ts'
import { verifySignatures } from '#image/signature/verify.ts'
import { digestOf } from '#oci/digest.ts'
import { parseReference } from '#oci/reference.ts'

const digest = digestOf('ab'.repeat(32))
const other = digestOf('cd'.repeat(32))
const claim = { dockerReference: 'quay.io/me/tool:1', digest }

test('a payload says what it was made of, and nothing unknown hides in it', () => {
  const text = new TextDecoder().decode(formatPayload(claim, 5))
  expect(parsePayload(text)).toEqual(claim)
  const change = (edit: (critical: Record<string, unknown>) => void) => {
    const document = JSON.parse(text) as { critical: Record<string, unknown> }
    edit(document.critical)
    return () => parsePayload(JSON.stringify(document))
  }
  expect(change(critical => (critical.more = 1))).toThrow('fields')
  expect(change(critical => (critical.type = 'atomic container signature'))).toThrow('is no')
  expect(change(critical => (critical.identity = {}))).toThrow('fields')
  expect(change(critical => (critical.image = { 'docker-manifest-digest': 'md5:0' }))).toThrow('is no')
  expect(() => parsePayload('null')).toThrow('fields')
})

const cases: [SignedIdentity, string, string, boolean][] = [
  [{ type: 'matchExact' }, 'quay.io/me/tool:1', 'quay.io/me/tool:1', true],
  [{ type: 'matchExact' }, 'quay.io/me/tool:1', 'quay.io/me/tool:2', false],
  [{ type: 'matchExact' }, `quay.io/me/tool@${digest}`, 'quay.io/me/tool:1', false],
  [{ type: 'matchRepoDigestOrExact' }, `quay.io/me/tool@${digest}`, 'quay.io/me/tool:1', true],
  [{ type: 'matchRepoDigestOrExact' }, 'quay.io/me/tool:1', 'quay.io/me/tool', false],
  [{ type: 'matchRepository' }, 'quay.io/me/tool:1', 'quay.io/me/tool:2', true],
  [{ type: 'matchRepository' }, 'quay.io/me/tool:1', 'quay.io/you/tool:1', false],
  [{ type: 'exactReference', dockerReference: 'a.io/x:1' }, 'quay.io/me/tool:1', 'a.io/x:1', true],
  [{ type: 'exactRepository', dockerRepository: 'a.io/x' }, 'quay.io/me/tool:1', 'a.io/x:7', true],
  [{ type: 'exactRepository', dockerRepository: 'a.io/x' }, 'quay.io/me/tool:1', 'a.io/xy:7', false],
  [{ type: 'remapIdentity', prefix: 'm.io/q', signedPrefix: 'quay.io' }, 'm.io/q/me/tool:1', 'quay.io/me/tool:1', true],
  [{ type: 'remapIdentity', prefix: 'm.io/q', signedPrefix: 'quay.io' }, 'm.io/qq/tool:1', 'quay.io/tool:1', false],
  [{ type: 'matchExact' }, 'quay.io/me/tool:1', 'NO NAME', false],
]
for (const [identity, wanted, signedAs, matches] of cases)
  test(`${identity.type}: "${signedAs}" ${matches ? 'is' : 'is not'} a signature for "${wanted}"`, () => {
    expect(matchesIdentity(identity, parseReference(wanted), signedAs)).toBe(matches)
  })

/** A private key as `cosign generate-key-pair` writes it. */
function sealed(der: Uint8Array, passphrase: string): string {
  const [salt, nonce] = [new Uint8Array(32).fill(7), new Uint8Array(24).fill(9)]
  const params = { N: 32768, r: 8, p: 1 }
  const key = scryptSync(passphrase, salt, 32, { ...params, maxmem: 1 << 27 })
  const document = {
    kdf: { name: 'scrypt', params, salt: Buffer.from(salt).toString('base64') },
    cipher: { name: 'nacl/secretbox', nonce: Buffer.from(nonce).toString('base64') },
    ciphertext: Buffer.from(xsalsa20poly1305(key, nonce).encrypt(der)).toString('base64'),
  }
  const body =
    Buffer.from(JSON.stringify(document))
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n${body.join('\n')}\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n`
}

const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })

test('a sealed private key opens with its passphrase only', async () => {
  const text = sealed(pair.privateKey.export({ format: 'der', type: 'pkcs8' }), 'right')
  const key = await openPrivateKey(text, 'right', 'cosign.key')
  const signature = sign('sha256', Buffer.from('x'), key)
  expect(verify('sha256', Buffer.from('x'), createPublicKey(pair.privateKey), signature)).toBe(true)
  expect(openPrivateKey(text, 'wrong', 'cosign.key')).rejects.toThrow('does not open with this passphrase')
  expect(openPrivateKey(text, undefined, 'cosign.key')).rejects.toThrow('sealed with a passphrase')
  expect(openPrivateKey('nonsense', undefined, 'cosign.key')).rejects.toThrow('no private key')
})

const pem = pair.publicKey.export({ format: 'pem', type: 'spki' })
const requirement = {
  keyPaths: [],
  keyData: [pem],
  identity: { type: 'matchRepoDigestOrExact' } as const,
  unsupported: [],
}

async function verdict(payload: Uint8Array, signature: string, digests = [digest]): Promise<string> {
  const layer = {
    mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
    digest: digestOfBytes(payload),
    size: payload.byteLength,
    annotations: { 'dev.cosignproject.cosign/signature': signature },
  }
  const manifest = new TextEncoder().encode(JSON.stringify({ layers: [layer] }))
  const place = { manifest: async () => manifest, blob: async () => payload }
  try {
    await verifySignatures(
      { signatures: [requirement], rule: 'r' },
      parseReference('quay.io/me/tool:1'),
      digests,
      place,
    )
    return 'accepted'
  } catch (error) {
    return (error as Error).message
  }
}

test('verifySignatures() accepts what a trusted key says of this image under this name, and nothing else', async () => {
  const signed = (payload: Uint8Array) => sign('sha256', payload, pair.privateKey).toString('base64')
  const payload = formatPayload(claim, 1)
  expect(await verdict(payload, signed(payload))).toBe('accepted')
  expect(await verdict(payload, signed(payload), [other, digest])).toBe('accepted')
  expect(await verdict(payload, signed(payload), [other])).toContain('another image')
  expect(await verdict(payload, signed(Buffer.from('else')))).toContain('none of the keys')
  expect(await verdict(payload, 'AAAA')).toContain('none of the keys')
  const renamed = formatPayload({ ...claim, dockerReference: 'quay.io/me/tool:2' }, 1)
  expect(await verdict(renamed, signed(renamed))).toContain('for the name "quay.io/me/tool:2"')
})
