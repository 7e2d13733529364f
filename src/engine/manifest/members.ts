// From what a user names as a member of a list to descriptors: an image of the store, or one at a registry whose layers stay there.

import { resolveShortName } from '#config/pull-sources.ts'
import { openRegistries } from '#config/registries.ts'
import type { AddOptions } from '#engine/contracts/manifest.ts'
import { hostPlatform } from '#engine/image/import.ts'
import { openRemote } from '#engine/image/registry-access.ts'
import type { Engine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { blobSize, writeBlob } from '#image/blobs.ts'
import { findList } from '#image/manifest-list.ts'
import type { RegistrySource } from '#image/registry/registry-source.ts'
import type { ManifestBytes } from '#image/source.ts'
import { readImage } from '#image/stored-image.ts'
import type { Descriptor } from '#oci/descriptor.ts'
import type { Digest } from '#oci/digest.ts'
import { parseImageConfig } from '#oci/image-config.ts'
import { type ImageManifest, parseManifest } from '#oci/manifest.ts'
import { choosePlatform, normalizePlatform, type Platform, parsePlatform } from '#oci/platform.ts'
import { type Reference, repositoryName, withDefaultTag } from '#oci/reference.ts'

export interface FoundMember {
  member: Descriptor
  /** the repository it is at, where its layers are not in the store */
  source?: string
}

/** One member, or with `all` each of a list. */
export async function findMembers(engine: Engine, text: string, options: AddOptions): Promise<FoundMember[]> {
  const name = text.replace(/^(docker:\/\/|containers-storage:)/, '')
  if (!text.startsWith('docker://')) {
    const list = findList(engine.graphRoot, name)
    if (list !== undefined)
      return chosen(list.index.manifests, options, name).map(member => ({
        member,
        source: list.sources[member.digest],
      }))
    const found = await engine.images.find(name)
    if (found !== undefined) return [{ member: storedMember(engine, engine.images.digestOf(found)) }]
  }
  return await remoteMembers(engine, name, options)
}

function storedMember({ graphRoot }: Engine, digest: Digest): Descriptor {
  const { manifest, config } = readImage(graphRoot, digest)
  const size = blobSize(graphRoot, digest) ?? 0
  return { mediaType: manifest.mediaType, digest, size, platform: platformOf(config) }
}

async function remoteMembers(engine: Engine, text: string, options: AddOptions): Promise<FoundMember[]> {
  const [reference] = resolveShortName(text, await openRegistries()) as [Reference]
  const { source, top } = await openRemote(engine, withDefaultTag(reference), options)
  const manifest = parsed(top, text)
  const wanted = manifest.kind === 'index' ? chosen(manifest.manifests, options, text) : [descriptorOf(top, manifest)]
  const members: FoundMember[] = []
  for (const descriptor of wanted) {
    const bytes = descriptor.digest === top.digest ? top : await source.openManifest(descriptor)
    const image = parsed(bytes, text)
    if (image.kind === 'index') throw new TspodError('UNSUPPORTED', `"${text}" has a list within a list`)
    const platform = descriptor.platform ?? (await platformAt(source, image, text))
    writeBlob(engine.graphRoot, bytes.bytes)
    const { mediaType, digest, size } = descriptor
    members.push({ member: { mediaType, digest, size, platform }, source: repositoryName(reference) })
  }
  return members
}

function parsed(manifest: ManifestBytes, text: string) {
  return parseManifest(
    new TextDecoder().decode(manifest.bytes),
    manifest.mediaType || undefined,
    `manifest of "${text}"`,
  )
}

function descriptorOf({ digest, bytes }: ManifestBytes, { mediaType }: { mediaType: string }): Descriptor {
  return { mediaType, digest, size: bytes.byteLength }
}

async function platformAt(source: RegistrySource, { config, layers }: ImageManifest, text: string): Promise<Platform> {
  const parts: Uint8Array[] = []
  for await (const chunk of await source.openBlob(config, 0)) parts.push(chunk)
  const bytes = new TextDecoder().decode(Buffer.concat(parts))
  return platformOf(parseImageConfig(bytes, `configuration of "${text}"`, layers.length))
}

function platformOf(config: Platform): Platform {
  return normalizePlatform(config)
}

/** All members of a list, or the one that fits. */
function chosen(members: readonly Descriptor[], { all, facts }: AddOptions, text: string): Descriptor[] {
  if (all) return [...members]
  const host = hostPlatform()
  const wanted = parsePlatform(
    [facts.os ?? host.os, facts.architecture ?? host.architecture, facts.variant].filter(Boolean).join('/'),
    host,
  )
  const found = choosePlatform(members, wanted)
  if (found === undefined)
    throw new TspodError('NOT_FOUND', `"${text}" is a list without an image for ${wanted.os}/${wanted.architecture}`, {
      hint: '--all adds every image of it',
    })
  return [found]
}
