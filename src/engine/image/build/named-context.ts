// `--build-context name=…`: what a build file's names mean instead of images. Each is opened once, by whoever needs it first.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { checkPolicy, openPolicy, pathScopes } from '#config/policy.ts'
import type { NamedContext } from '#engine/contracts/build.ts'
import { TspodError } from '#errors.ts'
import type { ArchivedImage } from '#image/archive-image.ts'
import { openImageArchive } from '#image/archive-open.ts'
import { receiveImage } from '#image/receive.ts'
import { type BaseState, storedBase } from './base.ts'
import { contextFolder } from './context.ts'
import type { BuildSession } from './session.ts'
import type { StageFiles } from './stage-files.ts'

type LayoutContext = Extract<NamedContext, { kind: 'layout' }>
type FolderContext = Exclude<NamedContext, LayoutContext | { kind: 'image' }>

export class NamedContexts {
  readonly #session: BuildSession
  readonly #imageOnce: (name: string) => Promise<BaseState>
  readonly #layouts = new Map<string, Promise<BaseState>>()
  readonly #folders = new Map<string, Promise<string>>()

  constructor(session: BuildSession, imageOnce: (name: string) => Promise<BaseState>) {
    this.#session = session
    this.#imageOnce = imageOnce
  }

  /** As what files are copied or mounted from. */
  async files(name: string): Promise<StageFiles> {
    const context = this.#find(name)
    if (context.kind === 'image' || context.kind === 'layout')
      return { kind: 'layers', name, chain: (await this.base(name)).chain }
    const folder = this.#folders.get(name) ?? this.#openFolder(context)
    this.#folders.set(name, folder)
    return { kind: 'folder', folder: await folder, ignore: [] }
  }

  /** As what a stage begins with. Throws INVALID for one that is no image. */
  async base(name: string): Promise<BaseState> {
    const context = this.#find(name)
    if (context.kind === 'image') return await this.#imageOnce(context.name)
    if (context.kind !== 'layout')
      throw new TspodError('INVALID', `FROM ${name}: this build context is files, must be an image`, {
        hint: `--build-context ${name}=docker-image://IMAGE, or oci-layout://FOLDER`,
      })
    const base = this.#layouts.get(name) ?? layoutBase(this.#session, context)
    this.#layouts.set(name, base)
    return await base
  }

  #find(name: string): NamedContext {
    const context = this.#session.request.contexts.get(name)
    if (context === undefined) throw new TspodError('INTERNAL', `there is no build context "${name}"`)
    return context
  }

  async #openFolder(context: FolderContext): Promise<string> {
    const scratch = join(this.#session.scratch, `context-${this.#session.nextFolder()}`)
    mkdirSync(scratch, { mode: 0o700 })
    return await contextFolder(context, scratch)
  }
}

/** An image of an OCI image layout, brought into the store without a name. */
async function layoutBase(session: BuildSession, context: LayoutContext): Promise<BaseState> {
  const { engine, layers, platform, wanted, request } = session
  await using archive = await openImageArchive(context.path, session.scratch)
  if (archive.transport !== 'oci')
    throw new TspodError('INVALID', `"${context.path}" is no OCI image layout: it has no index.json`)
  checkPolicy(openPolicy(), archive.transport, pathScopes(context.path), archive.description)
  const { digest } = await receiveImage(chooseFromLayout(archive.images, context).source, {
    store: engine.images,
    layers,
    names: [],
    platform,
    isPlatformWanted: wanted !== undefined,
    parallel: 2,
    onProgress: event => request.onEvent({ kind: 'progress', step: 0, event }),
    signal: request.signal,
  })
  return await storedBase(session, `oci-layout://${context.path}`, engine.images.open({ digest }))
}

/** By digest or tag; without either, the only image, or `latest`. Throws NOT_FOUND, with the tags that there are. */
function chooseFromLayout(images: readonly ArchivedImage[], { path, tag, digest }: LayoutContext): ArchivedImage {
  const [only, ...others] = images
  const found =
    digest !== undefined
      ? images.find(image => image.digest === digest)
      : tag === undefined && others.length === 0
        ? only
        : images.find(({ tags }) => tags?.some(each => tagOf(each) === (tag ?? 'latest')))
  if (found !== undefined) return found
  const known = images.flatMap(({ tags }) => tags ?? [])
  throw new TspodError(
    'NOT_FOUND',
    `the OCI layout "${path}" has no image ${digest ?? `with the tag "${tag ?? 'latest'}"`}`,
    { hint: known.length === 0 ? 'its images have no tags: name one by @sha256:…' : `it has: ${known.join(', ')}` },
  )
}

/** Some tools write whole names where the specification wants a tag. */
const tagOf = (name: string): string => /:([\w][\w.-]*)$/.exec(name)?.[1] ?? name
