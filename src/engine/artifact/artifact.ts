// artifact add, ls, inspect, rm, extract, pull, push: files kept and moved as images are.
import { createReadStream, statSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { checkPolicy, dockerScopes, openPolicy } from '#config/policy.ts'
import type { AddArtifactOptions, ArtifactSummary, MoveArtifactOptions } from '#engine/contracts/artifact.ts'
import type { InspectObject } from '#engine/contracts/container.ts'
import { openRemote, registryAccess } from '#engine/image/registry-access.ts'
import { openEngine } from '#engine/open.ts'
import { during, TspodError } from '#errors.ts'
import {
  ArtifactStore,
  createdAnnotation,
  fileNameOf,
  parseArtifact,
  type StoredArtifact,
  titleAnnotation,
} from '#image/artifact.ts'
import { RegistrySink } from '#image/registry/registry-sink.ts'
import { signaturePlace } from '#image/signature/place.ts'
import { verifySignatures } from '#image/signature/verify.ts'
import type { Descriptor } from '#oci/descriptor.ts'
import { hexOf } from '#oci/digest.ts'
import { ociManifest } from '#oci/media-types.ts'
import { formatReference, parseReference, type Reference, withDefaultTag } from '#oci/reference.ts'

/** The verb: the artifact's digest, 64 digits. */
export async function addArtifact(text: string, paths: string[], options: AddArtifactOptions): Promise<string> {
  const store = await openStore()
  const name = nameOf(text)
  const known = store.find(name, name)
  if (known !== undefined && !options.append && !options.replace)
    throw new TspodError('CONFLICT', `artifact "${name}" exists already`, { hint: 'use --append or --replace' })
  if (known === undefined && options.append) throw missing(text)
  const base = options.append ? known : undefined
  const layers: Descriptor[] = [...(base?.manifest.layers ?? [])]
  for (const path of paths) {
    const title = basename(path)
    if (layers.some(layer => layer.annotations?.[titleAnnotation] === title))
      throw new TspodError('CONFLICT', `artifact "${name}" has a file "${title}" already`)
    if (!statSync(path, { throwIfNoEntry: false })?.isFile())
      throw new TspodError('NOT_FOUND', `adding "${path}": there is no such file`)
    const annotations = { ...options.annotations, [titleAnnotation]: title }
    layers.push({
      mediaType: options.fileType ?? 'application/octet-stream',
      ...(await store.addFile(path)),
      annotations,
    })
  }
  const bytes = store.makeManifest({
    artifactType: options.type ?? base?.manifest.artifactType,
    layers,
    annotations: base?.manifest.annotations ?? { [createdAnnotation]: new Date().toISOString() },
  })
  return hexOf(await store.put(name, bytes))
}

/** The verb. */
export async function listArtifacts(): Promise<ArtifactSummary[]> {
  return (await openStore()).list().map(({ name, digest, manifest }) => ({
    name,
    digest,
    createdMs: Date.parse(manifest.annotations?.[createdAnnotation] ?? '') || 0,
    sizeBytes: manifest.layers.reduce((sum, { size }) => sum + size, 0),
  }))
}

/** The verb: podman's JSON. */
export async function inspectArtifacts(names: string[]): Promise<InspectObject[]> {
  const store = await openStore()
  return names.map(text => {
    const { name, digest, bytes } = requireArtifact(store, text)
    return { Manifest: JSON.parse(new TextDecoder().decode(bytes)) as object, Name: name, Digest: digest }
  })
}

/** The verb: the digests of what is gone. */
export async function removeArtifacts(names: string[], { all }: { all: boolean }): Promise<string[]> {
  const store = await openStore()
  const chosen = all ? store.list() : names.map(name => requireArtifact(store, name))
  await store.remove(new Set(chosen.map(({ name }) => name)))
  return chosen.map(({ digest }) => hexOf(digest))
}

/** The verb: writes the files, or the one with this title or digest, into a folder; a single one also as the file `target`. */
export async function extractArtifact(
  text: string,
  target: string,
  { title, digest }: { title?: string; digest?: string },
): Promise<void> {
  const store = await openStore()
  const { name, manifest } = requireArtifact(store, text)
  const chosen = manifest.layers.filter(
    layer =>
      (title === undefined || layer.annotations?.[titleAnnotation] === title) &&
      (digest === undefined || layer.digest.startsWith(digest)),
  )
  if (chosen.length === 0) throw new TspodError('NOT_FOUND', `artifact "${name}" has no such file`)
  const isFolder = statSync(target, { throwIfNoEntry: false })?.isDirectory() === true
  if (!isFolder && chosen.length > 1)
    throw new TspodError('INVALID', `extracting ${chosen.length} files to "${target}": it is no directory`)
  const names = chosen.map(fileNameOf)
  if (new Set(names).size < names.length)
    throw new TspodError('CONFLICT', `artifact "${name}" has two files of the same name`, {
      hint: 'choose one by --digest',
    })
  for (const [index, layer] of chosen.entries()) {
    const to = isFolder ? join(target, names[index] ?? '') : target
    await copyFile(store.pathOf(layer), to).catch((error: unknown) => {
      throw during(`writing "${to}"`, error)
    })
  }
}

/** The verb: the artifact's digest, 64 digits. */
export async function pullArtifact(text: string, options: MoveArtifactOptions): Promise<string> {
  const engine = await openEngine()
  const store = await openStore()
  const reference = referenceOf(text)
  const name = formatReference(reference)
  const demand = checkPolicy(openPolicy(), 'docker', dockerScopes(reference), name)
  const { source, top } = await openRemote(engine, reference, options)
  const manifest = parseArtifact(top.bytes, `artifact "${name}"`)
  if (demand.signatures.length > 0) await verifySignatures(demand, reference, [top.digest], signaturePlace(source))
  for (const descriptor of [manifest.config, ...manifest.layers]) {
    const { digest, size: totalBytes } = descriptor
    const role = descriptor === manifest.config ? 'config' : 'layer'
    options.onProgress?.({ kind: 'blob', digest, role, phase: 'copying', doneBytes: 0, totalBytes })
    await store.receive(descriptor, async offset => await source.openBlob(descriptor, offset))
    options.onProgress?.({ kind: 'blob', digest, role, phase: 'done', doneBytes: totalBytes, totalBytes })
  }
  await store.put(name, top.bytes)
  options.onProgress?.({ kind: 'manifest', digest: top.digest })
  return hexOf(top.digest)
}

/** The verb: the digest at the registry. */
export async function pushArtifact(
  text: string,
  destination: string | undefined,
  options: MoveArtifactOptions,
): Promise<string> {
  const engine = await openEngine()
  const store = await openStore()
  const { name, manifest, bytes, digest } = requireArtifact(store, text)
  const access = await registryAccess(engine, referenceOf(destination ?? name), options)
  await using sink = new RegistrySink(access.reference, access.options)
  for (const descriptor of [manifest.config, ...manifest.layers]) {
    const { digest, size: totalBytes } = descriptor
    const role = descriptor === manifest.config ? 'config' : 'layer'
    const open = (start = 0) => createReadStream(store.pathOf(descriptor), { start, highWaterMark: 1 << 20 })
    const outcome = await sink.upload(descriptor, open, {
      onBytes: doneBytes =>
        options.onProgress?.({ kind: 'blob', digest, role, phase: 'copying', doneBytes, totalBytes }),
    })
    const phase = outcome === 'sent' ? 'done' : 'exists'
    options.onProgress?.({ kind: 'blob', digest, role, phase, doneBytes: totalBytes, totalBytes })
  }
  await sink.putManifest({ bytes, mediaType: ociManifest, digest })
  options.onProgress?.({ kind: 'manifest', digest })
  return digest
}

async function openStore(): Promise<ArtifactStore> {
  return new ArtifactStore((await openEngine()).graphRoot)
}

function requireArtifact(store: ArtifactStore, text: string): StoredArtifact {
  const found = store.find(nameOf(text), text)
  if (found === undefined) throw missing(text)
  return found
}

function missing(text: string): TspodError {
  return new TspodError('NOT_FOUND', `${text}: artifact does not exist`, {
    hint: '"tspod artifact ls" shows what there is',
  })
}

/** Artifacts have names with a registry, as podman wants it; a digest's beginning is no name. */
function nameOf(text: string): string {
  return /^(sha256:)?[0-9a-f]{12,64}$/.test(text) ? text : formatReference(referenceOf(text))
}

function referenceOf(text: string): Reference {
  return withDefaultTag(parseReference(text.replace(/^docker:\/\//, '')))
}
