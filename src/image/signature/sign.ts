// Signs a manifest at a registry: the signature becomes one more entry of those that lie beside it. Host namespaces.
import { type KeyObject, sign } from 'node:crypto'
import { digestOfBytes } from '#image/blobs.ts'
import type { RegistrySink } from '#image/registry/registry-sink.ts'
import type { RegistrySource } from '#image/registry/registry-source.ts'
import type { Descriptor } from '#oci/descriptor.ts'
import type { Digest } from '#oci/digest.ts'
import { ociConfig, ociManifest } from '#oci/media-types.ts'
import { formatPayload, payloadType, signatureAnnotation, signatureTag } from './payload.ts'
import { signaturePlace } from './place.ts'
import { signatureLayers } from './verify.ts'

/** Adds a signature for the manifest `digest` as the name `dockerReference`. */
export async function signManifest(
  { source, sink }: { source: RegistrySource; sink: RegistrySink },
  { digest, dockerReference, key }: { digest: Digest; dockerReference: string; key: KeyObject },
): Promise<void> {
  const payload = formatPayload({ dockerReference, digest }, Math.floor(Date.now() / 1000))
  const signature = sign('sha256', payload, key).toString('base64')
  const layer: Descriptor = {
    mediaType: payloadType,
    digest: digestOfBytes(payload),
    size: payload.byteLength,
    annotations: { [signatureAnnotation]: signature },
  }
  const before = await signaturePlace(source).manifest(digest)
  const known = before === undefined ? [] : signatureLayers(new TextDecoder().decode(before), `signatures of ${digest}`)
  const layers = [...known, layer]
  const config = new TextEncoder().encode(
    JSON.stringify({
      architecture: '',
      os: '',
      config: {},
      rootfs: { type: 'layers', diff_ids: layers.map(each => each.digest) },
    }),
  )
  const configDescriptor = { mediaType: ociConfig, digest: digestOfBytes(config), size: config.byteLength }
  await sink.putBlob(layer, () => once(payload))
  await sink.putBlob(configDescriptor, () => once(config))
  const manifest = new TextEncoder().encode(
    JSON.stringify({ schemaVersion: 2, mediaType: ociManifest, config: configDescriptor, layers }),
  )
  await sink.putManifestAs(
    { bytes: manifest, mediaType: ociManifest, digest: digestOfBytes(manifest) },
    signatureTag(digest),
  )
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}
