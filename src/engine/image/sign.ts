// image sign: signs what a registry has under a name, with a key of sigstore's kind; push signs what it has pushed.
import { readFileSync } from 'node:fs'
import type { SignImageOptions, SignRequest } from '#engine/contracts/image.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { during } from '#errors.ts'
import { RegistrySink } from '#image/registry/registry-sink.ts'
import { RegistrySource } from '#image/registry/registry-source.ts'
import { openPrivateKey } from '#image/signature/keys.ts'
import { signManifest } from '#image/signature/sign.ts'
import type { Digest } from '#oci/digest.ts'
import { parseManifest } from '#oci/manifest.ts'
import { formatReference, type Reference } from '#oci/reference.ts'
import { destinationOf } from './push.ts'
import { type RegistryAccess, registryAccess } from './registry-access.ts'

/** The verb: the digests that were signed. With `all`, the images of a list too. */
export async function signImages(names: string[], options: SignImageOptions): Promise<string[]> {
  const engine = await openEngine()
  const signed: string[] = []
  for (const name of names) signed.push(...(await signOne(engine, destinationOf(name), options)))
  return signed
}

async function signOne(engine: Engine, reference: Reference, options: SignImageOptions): Promise<string[]> {
  const access = await registryAccess(engine, reference, options)
  await using source = new RegistrySource(access.reference, access.options)
  const { bytes, digest, mediaType } = await source.openManifest()
  const manifest = parseManifest(new TextDecoder().decode(bytes), mediaType || undefined, formatReference(reference))
  const members = manifest.kind === 'index' && options.all ? manifest.manifests.map(each => each.digest) : []
  await signAt(access, reference, [digest, ...members], options)
  return [digest, ...members]
}

/** Signs manifests that are at the registry, as images of this name. */
export async function signAt(
  { reference: at, options }: RegistryAccess,
  reference: Reference,
  digests: readonly Digest[],
  { signIdentity, keyFile, passphraseFile }: SignRequest,
): Promise<void> {
  const passphrase = passphraseFile === undefined ? undefined : readText(passphraseFile).replace(/\r?\n$/, '')
  const key = await openPrivateKey(readText(keyFile), passphrase, keyFile)
  await using source = new RegistrySource(at, options)
  await using sink = new RegistrySink(at, options)
  const { digest: _digest, ...named } = reference
  const dockerReference = signIdentity ?? formatReference(named)
  for (const digest of digests) await signManifest({ source, sink }, { digest, dockerReference, key })
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw during(`reading "${path}"`, error)
  }
}
