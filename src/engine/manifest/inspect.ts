// manifest inspect: a list of the store, or the manifest of an image, here or at a registry, as JSON.

import { resolveShortName } from '#config/pull-sources.ts'
import { openRegistries } from '#config/registries.ts'
import type { InspectObject } from '#engine/contracts/container.ts'
import type { RegistryOptions } from '#engine/contracts/image.ts'
import { openRemote } from '#engine/image/registry-access.ts'
import { openEngine } from '#engine/open.ts'
import { readBlob } from '#image/blobs.ts'
import { findList } from '#image/manifest-list.ts'
import { parseJson } from '#oci/manifest.ts'
import { type Reference, withDefaultTag } from '#oci/reference.ts'

/** The verb. */
export async function inspectList(text: string, options: RegistryOptions): Promise<InspectObject> {
  const engine = await openEngine()
  const name = text.replace(/^docker:\/\//, '')
  const list = name.includes('@') || text !== name ? undefined : findList(engine.graphRoot, name)
  if (list !== undefined) return jsonOf(readBlob(engine.graphRoot, list.digest, `list "${text}"`), text)
  const [reference] = resolveShortName(name, await openRegistries()) as [Reference]
  return jsonOf((await openRemote(engine, withDefaultTag(reference), options)).top.bytes, text)
}

function jsonOf(bytes: Uint8Array, text: string): InspectObject {
  return parseJson(new TextDecoder().decode(bytes), `manifest of "${text}"`) as InspectObject
}
