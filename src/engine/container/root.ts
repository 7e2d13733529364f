// The root file system of a container: from its image's layers through the storage driver, or a folder of the user's.
import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { ContainerRecord } from '#container/record.ts'
import type { ContainerRequest } from '#container/request.ts'
import type { Engine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { quoted } from '#runtime/plan/paths.ts'
import type { RootSetup } from '#runtime/root-setup.ts'
import type { RootPlan, RootRequest, StorageDriver } from '#storage/driver.ts'
import { giveCalls } from '#storage/inside-owner.ts'
import { planLink } from '#storage/link-calls.ts'
import { ownerChanger, type RootIds } from '#storage/root-ids.ts'
import type { Blueprint } from './blueprint.ts'
import type { ContainerIds } from './choose-ids.ts'
import type { ChosenImage } from './choose-image.ts'

export interface ContainerRoot {
  /** Its name, as inspect shows it. */
  driver: string
  /** Its mount alone, for workers. */
  plan: RootPlan
  /** With all that is mounted from the store, for the container itself. */
  setup: RootSetup
  /** Folders in which files can be looked up without mounting, uppermost first. */
  folders: string[]
  storage?: { driver: StorageDriver; request: RootRequest }
}

/** Owners that differ from those in layers, and the driver that made the writable layer, if there is one yet. */
export interface RootOwners {
  ids: RootIds
  driver?: string
}

/** How the root comes to be mounted. `folder` is the container's. */
export async function rootOf(
  engine: Engine,
  request: ContainerRequest,
  image: Pick<ChosenImage, 'chain'> | undefined,
  folder: string,
  owners?: RootOwners,
): Promise<ContainerRoot> {
  if (image === undefined) return rootfsRoot(request)
  const { driver, diffFolder } = await (owners === undefined ? engine.storage() : engine.mappedStorage(owners.driver))
  const storageRequest = {
    chain: image.chain,
    containerFolder: folder,
    readOnly: false,
    isDiscarded: request.remove,
    ...(owners && { ids: owners.ids }),
  }
  const plan = driver.planRoot(storageRequest)
  return {
    driver: driver.name,
    plan,
    setup: { stages: [plan], path: plan.root },
    folders: [join(folder, 'upper'), ...image.chain.toReversed().map(diffFolder)],
    storage: { driver, request: storageRequest },
  }
}

function rootfsRoot({ rootfs = '' }: ContainerRequest): ContainerRoot {
  const facts = statSync(rootfs, { throwIfNoEntry: false })
  if (facts === undefined || !facts.isDirectory())
    throw new TspodError(
      'NOT_FOUND',
      `--rootfs "${rootfs}": ${facts === undefined ? 'no such directory' : 'it is not a directory'}`,
    )
  return { driver: 'rootfs', plan: { calls: [], root: rootfs }, setup: { stages: [], path: rootfs }, folders: [rootfs] }
}

/** Makes the folders of a writable layer. */
export async function prepareRoot({ storage }: ContainerRoot): Promise<void> {
  if (storage !== undefined) await storage.driver.prepare(storage.request)
}

/** The same for a container that exists. */
export function ownersOf({ rootIds, storageDriver }: ContainerRecord): RootOwners | undefined {
  return rootIds && { ids: rootIds, driver: storageDriver }
}

/** With what is mounted beside the root, for the container to bind. */
export function withStages(setup: RootSetup, { stages }: Pick<RootSetup, 'stages'>): RootSetup {
  return stages.length === 0 ? setup : { ...setup, stages: [...setup.stages, ...stages] }
}

/** The files that the engine writes for a container belong to its root. */
export function withFiles(
  setup: RootSetup,
  folder: string,
  { files }: Blueprint,
  { rootIds }: ContainerIds,
): RootSetup {
  if (rootIds === undefined) return setup
  const paths = Object.keys(files).map(name => join(folder, name))
  const { uid, gid } = ownerChanger(rootIds)({ uid: 0, gid: 0 })
  return { ...setup, stages: [...setup.stages, { calls: giveCalls(paths, uid, gid) }] }
}

/** Where old programs read the mounts from: as podman has it, every container gets the link whose image has /etc and no mtab in it. */
export function withMtab(setup: RootSetup, { rootIds }: ContainerIds): RootSetup {
  const link = { folder: 'etc', name: 'mtab', target: '/proc/mounts' }
  const owner = rootIds && ownerChanger(rootIds)({ uid: 0, gid: 0 })
  const folder = quoted(`${setup.path}/etc`)
  const give = owner === undefined ? '' : ` && chown -h ${owner.uid}:${owner.gid} ${folder}/mtab`
  const shell = `[ -L ${folder} ] || [ ! -d ${folder} ] || [ -e ${folder}/mtab ] || ln -s ${link.target} ${folder}/mtab${give} || :`
  return { ...setup, stages: [...setup.stages, { calls: planLink(setup.path, link, owner), shell }] }
}
