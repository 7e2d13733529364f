// What a stage begins with: an image of the store or a registry, another stage, a context that is an image, or nothing.
import type { BuiltLayer } from '#build/cache.ts'
import { defaultPath } from '#build/plan/image-config.ts'
import type { ContainerRequest } from '#container/request.ts'
import { chooseImage } from '#engine/container/choose-image.ts'
import type { BuildEvent } from '#engine/contracts/build.ts'
import { TspodError } from '#errors.ts'
import type { ImageContent } from '#image/store.ts'
import type { ChainId, Digest } from '#oci/digest.ts'
import type { ExecutionConfig, HistoryStep } from '#oci/image-config.ts'
import { type Platform, parsePlatform, platformFit } from '#oci/platform.ts'
import type { BuildSession, FileState } from './session.ts'

/** Where a stage is, or what it begins with. */
export interface BaseState extends FileState {
  config: ExecutionConfig
  author?: string
  history: HistoryStep[]
  platform: Platform
  /** of the base image's files */
  sizeBytes: number
  /** how many of the layers, and of the steps of the history, are of the image that it all began with */
  baseLayers: number
  baseHistory: number
  /** annotations that name the base */
  base?: { name: string; digest: string }
}

/** `FROM scratch`. */
export function scratchBase({ platform }: BuildSession): BaseState {
  return {
    chain: [],
    layers: [],
    config: { Env: [defaultPath] },
    history: [],
    platform,
    sizeBytes: 0,
    baseLayers: 0,
    baseHistory: 0,
  }
}

/** An image by name, pulled as the policy says. All its layers are unpacked then, and no sweep removes them while this build lasts. */
export async function imageBase(
  session: BuildSession,
  name: string,
  platform: string | undefined,
  step: number,
): Promise<BaseState> {
  const { engine, request } = session
  const wanted = platform ?? session.wanted
  const onProgress = (event: Extract<BuildEvent, { kind: 'progress' }>['event']): void =>
    request.onEvent({ kind: 'progress', step, event })
  const choose = async (pull: ContainerRequest['pull']) =>
    await chooseImage(engine, { image: name, pull, platform: wanted } as ContainerRequest, {
      ...request.pullOptions,
      platform: wanted,
      onProgress,
      signal: request.signal,
    })
  let chosen = await choose(request.pull)
  let content = engine.images.open({ digest: chosen.digest as Digest })
  const found = content.config
  const isOther =
    wanted !== undefined && platformFit(found, parsePlatform(wanted, session.args.buildPlatform)) === undefined
  if (isOther && request.pull === 'missing') {
    chosen = await choose('always')
    content = engine.images.open({ digest: chosen.digest as Digest })
  }
  return await storedBase(session, chosen.name, content)
}

/** An image that the store has, in the state that a stage begins with. */
export async function storedBase(session: BuildSession, name: string, image: ImageContent): Promise<BaseState> {
  const { config, manifest, chain, digest } = image
  await session.lease.protect([...manifest.layers.map(({ digest }) => digest), ...chain])
  const sizeOf = (chainId: ChainId | undefined): number =>
    chainId === undefined ? 0 : (session.layers.sizeOf(chainId) ?? 0)
  const layers: BuiltLayer[] = manifest.layers.map((descriptor, index) => {
    const diffId = config.rootfs.diff_ids[index]
    if (diffId === undefined) throw new TspodError('INTERNAL', `image ${name}: layer ${index} has no diff id`)
    return { diffId, descriptor, sizeBytes: sizeOf(chain[index]) }
  })
  return {
    chain,
    layers,
    config: withoutEmpty(config.config ?? {}),
    ...(config.author !== undefined && { author: config.author }),
    history: config.history ?? [],
    platform: {
      os: config.os,
      architecture: config.architecture,
      ...(config.variant !== undefined && { variant: config.variant }),
    },
    sizeBytes: layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    baseLayers: layers.length,
    baseHistory: config.history?.length ?? 0,
    base: { name, digest },
  }
}

/** Go writes what is not set as null. */
function withoutEmpty(config: ExecutionConfig): ExecutionConfig {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value != null)) as ExecutionConfig
}
