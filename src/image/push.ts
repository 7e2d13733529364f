// `push`: an image of the store to a repository of a registry, several layers at a time; each is compressed where it must be, then sent
// unless the registry has it. Host namespaces.

import { TspodError } from '#errors.ts'
import type { Digest } from '#oci/digest.ts'
import type { ImageManifest } from '#oci/manifest.ts'
import { type Reference, repositoryName } from '#oci/reference.ts'
import {
  type ConvertedBlob,
  type ConvertOptions,
  configOf,
  convertLayer,
  convertManifest,
  familyOf,
} from './convert.ts'
import type { OnProgress } from './progress.ts'
import type { HeadStart } from './registry/head-start.ts'
import type { RegistrySink } from './registry/registry-sink.ts'
import { Slots } from './slots.ts'
import type { ManifestBytes } from './source.ts'

export interface PushOptions extends ConvertOptions {
  /** layers at a time */
  parallel: number
  onProgress: OnProgress
  signal: AbortSignal
  /** repositories of the same registry that may have a layer, by the digest of its uncompressed archive */
  mountFrom: (diffId: Digest) => readonly string[]
  /** as far as is known the registry has no such layer: then sending may begin while it is compressed */
  isNew?: (diffId: Digest) => boolean
}

export interface ImageToPush {
  root: string
  digest: Digest
  manifest: ImageManifest
  diffIds: readonly Digest[]
}

/** Sends the image's blobs, then its manifest under the reference's tag or digest. Returns the manifest that was written. */
export async function pushImage(
  sink: RegistrySink,
  reference: Reference,
  image: ImageToPush,
  options: PushOptions,
): Promise<ManifestBytes> {
  const manifest = await pushBlobs(sink, image, options)
  if (reference.digest !== undefined && reference.digest !== manifest.digest)
    throw new TspodError(
      'INVALID',
      `pushing to "${repositoryName(reference)}@${reference.digest}": the manifest has the digest ${manifest.digest}`,
      { hint: 'push to a tag, or leave out the options that change the image on its way' },
    )
  await sink.putManifest(manifest)
  options.onProgress({ kind: 'manifest', digest: manifest.digest })
  return manifest
}

/** Sends configuration and layers; the manifest that names them is made, and left to the caller. */
export async function pushBlobs(sink: RegistrySink, image: ImageToPush, options: PushOptions): Promise<ManifestBytes> {
  const { root, manifest } = image
  const family = familyOf(manifest, options)
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  const slots = new Slots(options.parallel)
  const config = configOf(root, image, family)
  const sent = new Map<Digest, Promise<ConvertedBlob>>()
  const jobs = manifest.layers.map((layer, position) => {
    // images may have the same layer twice
    const known = sent.get(layer.digest)
    if (known !== undefined) return known
    const job = slots.run(signal, async () => {
      const diffId = image.diffIds[position]
      const isNew = diffId !== undefined && options.isNew?.(diffId) === true
      let begun: HeadStart | undefined
      const onGrowth = (path: string, bytes: number): void => (begun ??= sink.headStart(signal)).grow(path, bytes)
      const blob = await convertLayer(root, image, position, { ...options, ...(isNew && { onGrowth }) })
      await sendBlob(sink, blob, 'layer', signal, options, begun)
      return blob
    })
    sent.set(layer.digest, job)
    return job
  })
  const all = [sendBlob(sink, config, 'config', signal, options).then(() => config), ...jobs]
  for (const job of all) job.catch((error: unknown) => stop.abort(error))
  const results = await Promise.allSettled(all)
  options.signal.throwIfAborted()
  const blobs = results.map(result => {
    if (result.status === 'rejected') throw stop.signal.reason
    return result.value
  })
  return convertManifest(root, image, family, blobs)
}

async function sendBlob(
  sink: RegistrySink,
  { descriptor, diffId, open }: ConvertedBlob,
  role: 'layer' | 'config',
  signal: AbortSignal,
  { onProgress, mountFrom }: PushOptions,
  begun?: HeadStart,
): Promise<void> {
  const { digest, size: totalBytes } = descriptor
  const tell = (phase: 'copying' | 'done' | 'exists', doneBytes: number) =>
    onProgress({ kind: 'blob', digest, role, phase, doneBytes, totalBytes })
  let isBegun = false
  const outcome = await sink.upload(descriptor, open, {
    signal,
    ...(begun && { begun }),
    mountFrom: diffId === undefined ? [] : mountFrom(diffId),
    onBytes(doneBytes) {
      isBegun = true
      tell('copying', doneBytes)
    },
  })
  if (outcome === 'sent' && !isBegun) tell('copying', 0)
  tell(outcome === 'sent' ? 'done' : 'exists', totalBytes)
}
