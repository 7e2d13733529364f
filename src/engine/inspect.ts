// inspect: any kind of object by name; containers win over images, images over volumes, volumes over networks.
import { hasCode, TspodError } from '#errors.ts'
import type { InspectObject, InspectOptions } from './contracts/container.ts'

/** The verb: each in order; fails on the first name that nothing has. */
export async function inspectObjects(names: string[], options: InspectOptions): Promise<InspectObject[]> {
  if (options.latest) return await inspectContainer({ latest: true }, options)
  const objects: InspectObject[] = []
  for (const name of names) objects.push(...(await inspectOne(name, options)))
  return objects
}

async function inspectOne(name: string, options: InspectOptions): Promise<InspectObject[]> {
  switch (options.type) {
    case 'container':
      return await inspectContainer(name, options)
    case 'image':
      return await inspectImage(name)
    case 'volume':
      return await inspectVolume(name)
    case 'network':
      return await inspectNetwork(name)
    case 'all':
      return (
        (await unlessMissing(async () => await inspectContainer(name, options))) ??
        (await unlessMissing(async () => await inspectImage(name))) ??
        (await unlessMissing(async () => await inspectVolume(name))) ??
        (await unlessMissing(async () => await inspectNetwork(name))) ??
        missing(name)
      )
  }
}

/** What may be no container's name can still be an image's: only a name that several have ends the search. */
async function unlessMissing(inspect: () => Promise<InspectObject[]>): Promise<InspectObject[] | undefined> {
  try {
    return await inspect()
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return undefined
    throw error
  }
}

function missing(name: string): never {
  throw new TspodError('NOT_FOUND', `no such object: "${name}"`)
}

async function inspectContainer(
  name: string | { latest: true },
  { size }: Pick<InspectOptions, 'size'>,
): Promise<InspectObject[]> {
  const { inspectContainers } = await import('./container/inspect.ts')
  return await inspectContainers([name], { size })
}

async function inspectImage(name: string): Promise<InspectObject[]> {
  const { inspectImages } = await import('./image/inspect.ts')
  return await inspectImages([name])
}

async function inspectNetwork(name: string): Promise<InspectObject[]> {
  const { inspectNetworks } = await import('./network/inspect.ts')
  return await inspectNetworks([name])
}

async function inspectVolume(name: string): Promise<InspectObject[]> {
  const { inspectVolumes } = await import('./volume/inspect.ts')
  return await inspectVolumes([name])
}
