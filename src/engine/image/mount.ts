// image mount and unmount: an image's files, read-only, for whoever is in a shell of `tspod unshare`.
import { mkdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { MountedImage } from '#engine/contracts/image.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { hostUser } from '#host/user.ts'
import type { StoredImage } from '#image/stored-image.ts'
import { mountHere, mountsBelow, unmountHere } from '#storage/mount-here.ts'

const folderOf = ({ runRoot }: Engine): string => join(runRoot, 'images')

/** The verb: mounts these images, or all. One that is mounted stays as it is. */
export async function mountImages(names: string[], { all }: { all: boolean }): Promise<MountedImage[]> {
  const engine = await openEngine()
  requireNamespace('image mount')
  const chosen = all ? engine.images.list() : await resolveAll(engine, names)
  const mounted: MountedImage[] = []
  for (const image of chosen) mounted.push(await mountOne(engine, image))
  return mounted
}

/** What is mounted, as this shell sees it. */
export async function listMountedImages(): Promise<MountedImage[]> {
  const engine = await openEngine()
  const known = new Map(engine.images.list().map(image => [image.id, image.names]))
  return mountsBelow(folderOf(engine)).map(path => {
    const id = basename(dirname(path))
    return { id, path, names: known.get(id) ?? [] }
  })
}

/** The verb: the ids of the images that are not mounted any more. */
export async function unmountImages(names: string[], options: { all: boolean; force: boolean }): Promise<string[]> {
  const engine = await openEngine()
  requireNamespace('image unmount')
  const mounted = await listMountedImages()
  const chosen = options.all ? mounted.map(({ id }) => id) : (await resolveAll(engine, names)).map(({ id }) => id)
  for (const id of chosen) {
    const found = mounted.find(each => each.id === id)
    if (found === undefined) throw new TspodError('NOT_FOUND', `image ${id.slice(0, 12)} is not mounted here`)
    unmountHere(found.path, options.force)
  }
  return chosen
}

async function mountOne(engine: Engine, image: StoredImage): Promise<MountedImage> {
  const folder = join(folderOf(engine), image.id)
  const path = join(folder, 'merged')
  if (!mountsBelow(folder).includes(path)) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const { driver } = await engine.storage()
    const request = { chain: engine.images.open(image).chain, containerFolder: folder, readOnly: true }
    await driver.prepare(request)
    mountHere(driver.planRoot(request))
    engine.journal({ type: 'image', status: 'mount', id: image.id, name: image.names[0] ?? '', attributes: {} })
  }
  return { id: image.id, path, names: image.names }
}

async function resolveAll({ images }: Engine, names: readonly string[]): Promise<StoredImage[]> {
  const found: StoredImage[] = []
  for (const name of names) found.push((await images.resolve(name)).image)
  return found
}

/** A mount is seen where it was made: outside it would be gone with this command. */
function requireNamespace(verb: string): void {
  if (hostUser().insideUserNamespace) return
  throw new TspodError(
    'UNSUPPORTED',
    `cannot run command "tspod ${verb}" in rootless mode, must execute \`tspod unshare\` first`,
    {
      hint: `tspod unshare sh -c 'cd $(tspod image mount alpine) && ls'`,
    },
  )
}
