// manifest create, add, annotate, remove, rm: changes to lists of images for several platforms.
import type { AddOptions, CreateListOptions } from '#engine/contracts/manifest.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import {
  describeMember,
  emptyIndex,
  findList,
  type ManifestList,
  type MemberFacts,
  requireList,
  withMember,
  writeList,
} from '#image/manifest-list.ts'
import { fullTagName } from '#image/store.ts'
import { hexOf, isDigest } from '#oci/digest.ts'
import { findMembers } from './members.ts'

/** The verb: the new list's id. */
export async function createList(text: string, images: string[], options: CreateListOptions): Promise<string> {
  const engine = await openEngine()
  const name = fullTagName(text)
  const known = findList(engine.graphRoot, text)
  if (known !== undefined && !options.amend)
    throw new TspodError('CONFLICT', `manifest list "${name}": that name is already in use`, { hint: 'use --amend' })
  const { annotations } = options
  const start = known ?? { name, index: emptyIndex(), sources: {} }
  const index = annotations === undefined ? start.index : { ...start.index, annotations }
  return await addAll(engine, { ...start, index }, images, { ...options, facts: {} })
}

/** The verb: adds images, each with these facts; the list's new id. */
export async function addToList(text: string, images: string[], options: AddOptions): Promise<string> {
  const engine = await openEngine()
  return await addAll(engine, requireList(engine.graphRoot, text), images, options)
}

/** The verb: changes what the list says of a member, or, without one, of itself. */
export async function annotateList(text: string, image: string | undefined, facts: MemberFacts): Promise<string> {
  const engine = await openEngine()
  const list = requireList(engine.graphRoot, text)
  if (image === undefined) {
    const annotations = { ...list.index.annotations, ...facts.annotations }
    return await write(engine, { ...list, index: { ...list.index, annotations } })
  }
  const digest = await memberDigest(engine, list, image)
  const manifests = list.index.manifests.map(each => (each.digest === digest ? describeMember(each, facts) : each))
  return await write(engine, { ...list, index: { ...list.index, manifests } })
}

/** The verb: takes a member out. */
export async function removeFromList(text: string, image: string): Promise<string> {
  const engine = await openEngine()
  const list = requireList(engine.graphRoot, text)
  const digest = await memberDigest(engine, list, image)
  const manifests = list.index.manifests.filter(each => each.digest !== digest)
  return await write(engine, { ...list, index: { ...list.index, manifests } })
}

/** The verb: the ids of lists that are gone. */
export async function removeLists(names: string[]): Promise<string[]> {
  const engine = await openEngine()
  const lists = names.map(name => requireList(engine.graphRoot, name))
  for (const { name } of lists) await engine.images.removeList(name)
  return lists.map(({ digest }) => hexOf(digest))
}

/** The verb. */
export async function listExists(name: string): Promise<boolean> {
  return findList((await openEngine()).graphRoot, name) !== undefined
}

async function addAll(
  engine: Engine,
  start: Omit<ManifestList, 'digest'>,
  images: string[],
  options: AddOptions,
): Promise<string> {
  let { index } = start
  const sources = { ...start.sources }
  for (const image of images)
    for (const { member, source } of await findMembers(engine, image, options)) {
      // with --all the platforms are those of the members
      const facts = options.all ? { annotations: options.facts.annotations } : options.facts
      index = withMember(index, describeMember(member, facts))
      if (source !== undefined) sources[member.digest] = source
    }
  return await write(engine, { ...start, index, sources })
}

async function write({ images }: Engine, list: Omit<ManifestList, 'digest'>): Promise<string> {
  return hexOf(await writeList(images, list))
}

/** The member that a digest or an image's name means. */
async function memberDigest({ images }: Engine, { name, index }: ManifestList, text: string): Promise<string> {
  const wanted = isDigest(text) ? text : (await images.find(text))?.image.digests
  const found = index.manifests.find(({ digest }) => digest === wanted || wanted?.includes(digest))
  if (found !== undefined) return found.digest
  throw new TspodError('NOT_FOUND', `manifest list "${name}" has no member "${text}"`, {
    hint: `tspod manifest inspect ${name}`,
  })
}
