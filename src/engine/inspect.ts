// inspect: any kind of object by name; containers win over images, images over volumes, volumes over networks, networks over pods.
import { hasCode, TspodError } from '#errors.ts'
import type { Inspected, InspectObject, InspectOptions } from './contracts/container.ts'

/** The verb: each in order. */
export async function inspectObjects(names: string[], options: InspectOptions): Promise<Inspected> {
  if (options.latest) return { objects: await inspectContainer({ latest: true }, options), missing: [] }
  return await inspectEach(names, async name => await inspectOne(name, options))
}

/** Several names, one after the other; what is missing does not keep the others from being shown. */
export async function inspectEach<Name>(
  names: Name[],
  inspect: (name: Name) => Promise<InspectObject[]>,
): Promise<Inspected> {
  const inspected: Inspected = { objects: [], missing: [] }
  for (const name of names)
    try {
      inspected.objects.push(...(await inspect(name)))
    } catch (error) {
      if (!hasCode(error, 'NOT_FOUND')) throw error
      inspected.missing.push(error)
    }
  return inspected
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
    case 'pod':
      return await inspectPod(name)
    case 'all':
      return (
        (await unlessMissing(async () => await inspectContainer(name, options))) ??
        (await unlessMissing(async () => await inspectImage(name))) ??
        (await unlessMissing(async () => await inspectVolume(name))) ??
        (await unlessMissing(async () => await inspectNetwork(name))) ??
        (await unlessMissing(async () => await inspectPod(name))) ??
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

async function inspectPod(name: string): Promise<InspectObject[]> {
  const { inspectPod: inspect } = await import('./pod/inspect.ts')
  return [await inspect(name)]
}

async function inspectVolume(name: string): Promise<InspectObject[]> {
  const { inspectVolumes } = await import('./volume/inspect.ts')
  return await inspectVolumes([name])
}
