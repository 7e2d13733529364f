// The image behind a container: found in the store, or pulled, as the pull policy says.

import type { ImageDefaults } from '#container/inputs.ts'
import type { ContainerRecord } from '#container/record.ts'
import type { ContainerRequest } from '#container/request.ts'
import type { PullOptions } from '#engine/contracts/image.ts'
import type { Engine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import type { StoredImage } from '#image/stored-image.ts'
import type { ChainId, Digest } from '#oci/digest.ts'
import type { Healthcheck } from '#oci/image-config.ts'

/** What a container needs to know of its image. */
export interface ChosenImage {
  /** Full name, or the id of a nameless one. */
  name: string
  /** 64 hexadecimal digits. */
  id: string
  /** Of the manifest. */
  digest: string
  defaults: ImageDefaults
  /** Paths of VOLUME. */
  volumes: string[]
  labels: Record<string, string>
  /** Of EXPOSE: `80/tcp`. */
  exposedPorts: string[]
  healthcheck?: Healthcheck
  /** Layers, lowest first. */
  chain: ChainId[]
}

/** Finds or pulls it. Throws NOT_FOUND where the policy forbids to pull what is missing. */
export async function chooseImage(engine: Engine, request: ContainerRequest, pull: PullOptions): Promise<ChosenImage> {
  const { image: text = '' } = request
  // whether what is here is for a platform that was asked for is for the pull to say
  if (request.platform === undefined && (request.pull === 'missing' || request.pull === 'never')) {
    const found = await engine.images.find(text)
    if (found !== undefined && (await hasLayers(engine, found.image)))
      return chosenImage(engine, found.image, found.name)
    if (request.pull === 'never')
      throw new TspodError('NOT_FOUND', `${text}: image not known`, {
        hint: 'it may not be pulled, because of --pull=never',
      })
  }
  const { pullImage } = await import('#engine/image/pull.ts')
  const pulled = await pullImage(text, { ...pull, platform: request.platform, policy: request.pull, allTags: false })
  const { image, name } = await engine.images.resolve(pulled[0]?.id ?? text)
  return chosenImage(engine, image, pulled[0]?.name ?? name)
}

/** The image of a container that exists. */
export async function imageOfRecord(engine: Engine, record: ContainerRecord): Promise<ChosenImage> {
  const { id = '', name = '', digest = '' } = record.image ?? {}
  return describeImage(engine, { id, name, digest: digest as Digest })
}

/** All layers are unpacked: under this mapping an image may have been pulled without. */
async function hasLayers(engine: Engine, image: StoredImage): Promise<boolean> {
  const layers = await engine.layers()
  return engine.images.open(image).chain.every(chainId => layers.has(chainId))
}

function chosenImage(engine: Engine, image: StoredImage, name: string | undefined): ChosenImage {
  return describeImage(engine, { id: image.id, digest: image.digest, name: name ?? image.names[0] ?? image.id })
}

function describeImage(engine: Engine, image: { id: string; digest: Digest; name: string }): ChosenImage {
  const { config, chain } = engine.images.open(image)
  const {
    Entrypoint,
    Cmd,
    Env,
    WorkingDir,
    User,
    StopSignal,
    Volumes,
    Labels,
    ExposedPorts,
    Healthcheck: check,
  } = config.config ?? {}
  return {
    ...image,
    defaults: {
      ...(Entrypoint != null && { entrypoint: Entrypoint }),
      ...(Cmd != null && { command: Cmd }),
      ...(Env != null && { env: Env }),
      ...(WorkingDir != null && WorkingDir !== '' && { workdir: WorkingDir }),
      ...(User != null && User !== '' && { user: User }),
      ...(StopSignal != null && StopSignal !== '' && { stopSignal: StopSignal }),
    },
    volumes: Object.keys(Volumes ?? {}),
    labels: { ...Labels },
    exposedPorts: Object.keys(ExposedPorts ?? {}),
    ...(check != null && { healthcheck: check }),
    chain,
  }
}
