// `--cache-to`: what this build remembered, for builds elsewhere: an image of all layers that its steps made, at a registry or in a folder.

import type { BuiltLayer } from '#build/cache.ts'
import { inlineRecords, type SharedRecord, sharedCacheField, shareRecords } from '#build/shared-cache.ts'
import type { CacheTarget } from '#engine/contracts/build.ts'
import { neighbours } from '#engine/image/push.ts'
import { registryAccess } from '#engine/image/registry-access.ts'
import { during } from '#errors.ts'
import { OciLayoutSink } from '#image/archive-write.ts'
import { folderWriter } from '#image/archive-writers.ts'
import { writeBlob } from '#image/blobs.ts'
import { defaultLevel } from '#image/compress.ts'
import { type ConvertOptions, convertImage } from '#image/convert.ts'
import { type ImageToPush, pushImage } from '#image/push.ts'
import { RegistrySink } from '#image/registry/registry-sink.ts'
import { parseManifest } from '#oci/manifest.ts'
import { ociConfig, ociManifest } from '#oci/media-types.ts'
import { parseReference, withDefaultTag } from '#oci/reference.ts'
import type { BuildSession } from './session.ts'

type Session = Omit<BuildSession, 'filesOf' | 'args' | 'globals'>

/** Writes to all places that were asked for what led to these layers of images; `inline` is an image's own business. */
export async function exportCache(session: Session, layers: readonly BuiltLayer[]): Promise<void> {
  for (const to of session.request.cacheTo) {
    if (to.kind === 'inline') continue
    const step = session.nextStep()
    const started = performance.now()
    const place = to.kind === 'registry' ? to.reference : to.path
    const { onEvent } = session.request
    onEvent({ kind: 'start', step, name: `exporting cache to ${place}` })
    try {
      await exportTo(session, layers, to, step)
      onEvent({ kind: 'done', step, how: 'done', ms: performance.now() - started })
    } catch (error) {
      const told = during(`exporting the cache to "${place}"`, error)
      onEvent({ kind: 'failed', step, message: told.message, ms: performance.now() - started })
      if (!to.ignoresErrors) throw told
    }
  }
}

async function exportTo(
  session: Session,
  layers: readonly BuiltLayer[],
  to: Exclude<CacheTarget, { kind: 'inline' }>,
  step: number,
): Promise<void> {
  const { engine, request, scratch, used } = session
  const image = await cacheImage(session, to.mode === 'max' ? shareRecords(used) : ofResult(session, layers))
  const options: ConvertOptions = {
    layers: { format: 'gzip', level: defaultLevel.gzip, keep: 'any' },
    scratch,
    openNamespace: () => engine.namespace(),
  }
  if (to.kind === 'local') {
    await using sink = new OciLayoutSink(folderWriter(to.path))
    const converted = await convertImage(engine.graphRoot, image, options)
    for (const { descriptor, open } of converted.blobs)
      if (!(await sink.hasBlob(descriptor))) await sink.putBlob(descriptor, open)
    await sink.putManifest(converted.manifest, ['cache'])
    return await sink.finish()
  }
  const reference = withDefaultTag(parseReference(to.reference))
  const access = await registryAccess(engine, reference, { ...request.pullOptions, signal: request.signal })
  await using sink = new RegistrySink(access.reference, access.options)
  await pushImage(sink, access.reference, image, {
    ...options,
    parallel: engine.config.engine.imageParallelCopies || 3,
    mountFrom: neighbours(engine, access.reference),
    onProgress: event => request.onEvent({ kind: 'progress', step, event }),
    signal: request.signal,
  })
}

/** Images for several platforms may share layers. */
function ofResult({ used }: Session, all: readonly BuiltLayer[]): { records: SharedRecord[]; layers: BuiltLayer[] } {
  const layers = [...new Map(all.map(layer => [layer.diffId, layer])).values()]
  return { records: inlineRecords(used, layers), layers }
}

/** An image that stands in no list: its blobs are kept for as long as this build lasts. */
async function cacheImage(
  { engine, lease, platform }: Session,
  { records, layers }: { records: SharedRecord[]; layers: BuiltLayer[] },
): Promise<ImageToPush> {
  const diffIds = layers.map(({ diffId }) => diffId)
  const { architecture, os } = platform
  const rootfs = { type: 'layers', diff_ids: diffIds }
  const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
  const config = encode({ architecture, os, rootfs, [sharedCacheField]: { records } })
  const { graphRoot: root } = engine
  const configDigest = writeBlob(root, config)
  await lease.protect([configDigest])
  const bytes = encode({
    schemaVersion: 2,
    mediaType: ociManifest,
    config: { mediaType: ociConfig, digest: configDigest, size: config.byteLength },
    layers: layers.map(({ descriptor }) => descriptor),
  })
  const digest = writeBlob(root, bytes)
  await lease.protect([digest])
  const manifest = parseManifest(new TextDecoder().decode(bytes), ociManifest, 'the cache')
  if (manifest.kind !== 'image') throw new TypeError('a manifest was written as an index')
  return { root, digest, manifest, diffIds }
}
