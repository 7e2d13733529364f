// search: images on registries by a part of their names, or all tags of one.
import { resolveShortName } from '#config/pull-sources.ts'
import { openRegistries } from '#config/registries.ts'
import type { FoundTags, SearchedImage, SearchOptions } from '#engine/contracts/image.ts'
import { openEngine } from '#engine/open.ts'
import { during, TspodError } from '#errors.ts'
import { RegistrySource } from '#image/registry/registry-source.ts'
import { searchRegistry } from '#image/registry/search.ts'
import { parseReference, parseTypedName, type Reference, repositoryName } from '#oci/reference.ts'
import { parseRegistryName } from './login.ts'
import { registryAccess } from './registry-access.ts'

/** The verb: on the registry that the term names, or on each of the search list; at most `limit` from each. */
export async function searchImages(text: string, options: SearchOptions): Promise<SearchedImage[]> {
  const engine = await openEngine()
  const { registry, term } = splitTerm(text)
  const registries = registry === undefined ? (await openRegistries()).search : [registry]
  if (registries.length === 0)
    throw new TspodError(
      'INVALID',
      `searching "${text}": no registry is named, and registries.conf lists none to search`,
    )
  const hits: SearchedImage[] = []
  const failures: Error[] = []
  for (const each of registries)
    try {
      const access = await registryAccess(engine, parseReference(`${each}/x`), options)
      const found = await searchRegistry(term, options.limit, {
        ...access.options,
        registry: access.reference.registry,
      })
      hits.push(...found.map(hit => ({ ...hit, name: `${each}/${hit.repository}`, registry: each })))
    } catch (error) {
      if (registries.length === 1 || !(error instanceof TspodError)) throw error
      failures.push(error)
    }
  if (failures.length === registries.length && failures[0] !== undefined)
    throw during(`searching "${text}"`, failures[0])
  for (const failure of failures) options.onProgress?.({ kind: 'note', text: failure.message })
  return hits
}

/** The verb with --list-tags: every tag of one repository, in the registry's order. */
export async function listTags(text: string, options: SearchOptions): Promise<FoundTags> {
  const engine = await openEngine()
  const name = text.replace(/^docker:\/\//, '')
  const { tag, digest } = parseTypedName(name)
  if (tag !== undefined || digest !== undefined)
    throw new TspodError('INVALID', `listing the tags of "${text}": the name must have neither tag nor digest`)
  const [reference] = resolveShortName(name, await openRegistries()) as [Reference]
  const access = await registryAccess(engine, { ...reference, tag: 'latest' }, options)
  await using source = new RegistrySource(access.reference, access.options)
  const tags = await source.listTags()
  return { name: repositoryName(reference), tags: tags.slice(0, options.limit) }
}

/** `quay.io/part`, `quay.io/` for everything, `part`. */
function splitTerm(text: string): { registry?: string; term: string } {
  const slash = text.indexOf('/')
  const first = text.slice(0, slash)
  if (slash === -1 || (!/[.:]/.test(first) && first !== 'localhost')) return { term: text }
  return { registry: parseRegistryName(first), term: text.slice(slash + 1) }
}
