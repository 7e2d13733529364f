// import: an image from an archive of a root file system.
import { createReadStream, statSync } from 'node:fs'
import type { ArchiveInput, ImportOptions, OnProgress } from '#engine/contracts/image.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { applyChanges } from '#image/config-changes.ts'
import { newImageSource, writeLayerFile } from '#image/new-image.ts'
import { receiveImage } from '#image/receive.ts'
import type { ImageSource } from '#image/source.ts'
import { fullTagName } from '#image/store.ts'
import type { StoredImage } from '#image/stored-image.ts'
import { normalizePlatform, type Platform, parsePlatform } from '#oci/platform.ts'
import { openStaging } from '#storage/staging.ts'
import { standardInput } from './archive-input.ts'

/** The verb: the new image's id. */
export async function importImage(input: ArchiveInput, options: ImportOptions): Promise<{ id: string }> {
  const names = options.reference === undefined ? [] : [fullTagName(options.reference)]
  const execution = applyChanges({}, options.changes)
  const host = hostPlatform()
  const platform = options.platform === undefined ? host : parsePlatform(options.platform, host)
  const engine = await openEngine()
  await using staging = openStaging(engine.graphRoot, 'import', () => engine.namespace())
  const shownAs = shownInput(input)
  const layer = await writeLayerFile(await openStream(input), staging.path, shownAs)
  const source = newImageSource(layer, {
    platform,
    execution,
    createdBy: `/bin/sh -c #(nop) ADD file:${layer.diffId.slice('sha256:'.length)} in /`,
    comment: options.message ?? `Imported from ${input.kind === 'stream' ? '-' : shownAs}`,
    created: new Date(),
  })
  const image = await storeImage(engine, source, { names, platform, onProgress: options.onProgress })
  engine.journal({ type: 'image', status: 'import', id: image.id, name: names[0] ?? '', attributes: image.labels })
  return { id: image.id }
}

/** Receives an image that was made here. */
export async function storeImage(
  engine: Engine,
  source: ImageSource,
  options: { names: string[]; platform: Platform; onProgress?: OnProgress },
): Promise<StoredImage> {
  return await receiveImage(source, {
    store: engine.images,
    layers: await engine.layers(),
    names: options.names,
    platform: options.platform,
    isPlatformWanted: false,
    parallel: 1,
    onProgress: options.onProgress ?? (() => undefined),
    signal: new AbortController().signal,
  })
}

/** This machine's. */
export function hostPlatform(): Platform {
  return normalizePlatform({ os: 'linux', architecture: process.arch })
}

function shownInput(input: ArchiveInput): string {
  if (input.kind === 'stream') return 'standard input'
  return input.kind === 'url' ? input.url : input.path
}

async function openStream(input: ArchiveInput): Promise<AsyncIterable<Uint8Array>> {
  if (input.kind === 'stream') return standardInput()
  if (input.kind === 'url') return await (await import('#image/download.ts')).download(new URL(input.url))
  const facts = statSync(input.path, { throwIfNoEntry: false })
  if (facts === undefined) throw new TspodError('NOT_FOUND', `importing "${input.path}": no such file or directory`)
  if (facts.isDirectory())
    throw new TspodError('INVALID', `importing "${input.path}": it is a directory, must be a tar archive`, {
      hint: `tar -C "${input.path}" -c . | tspod import -`,
    })
  return createReadStream(input.path, { highWaterMark: 1 << 20 })
}
