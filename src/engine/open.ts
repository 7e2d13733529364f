// The one place that looks at the machine and the configuration and picks what serves here. Each part is opened when a verb first asks.
import { existsSync } from 'node:fs'
import type { PickedCgroups } from '#cgroup/pick.ts'
import { applyEngineEnvironment, type Config, openConfig } from '#config/config.ts'
import { readRemembered, remember } from '#config/settings.ts'
import { ensureGraphRoot } from '#config/storage.ts'
import { ensurePrivateFolder } from '#host/paths.ts'
import { hostUser } from '#host/user.ts'
import { ImageStore } from '#image/store.ts'
import type { ChainId } from '#oci/digest.ts'
import type { StorageDriver } from '#storage/driver.ts'
import { appendEvents, type JournalEvent } from '#storage/journal.ts'
import { diffFolder } from '#storage/layer-paths.ts'
import type { LayerStore } from '#storage/layers.ts'
import type { PickedDriver, PickOptions } from '#storage/pick-driver.ts'
import type { UserNamespace } from '#userns/user-namespace.ts'
import { engineSettings } from './settings.ts'

export interface Engine {
  readonly config: Config
  /** The store. */
  readonly graphRoot: string
  /** Sockets; can vanish at any time. */
  readonly runRoot: string
  /** Images by name; reading takes no lock. */
  readonly images: ImageStore
  /** The user's namespace: joined, or made. */
  namespace(): Promise<UserNamespace>
  /** Unpacked layers. */
  layers(): Promise<LayerStore>
  /** Root file systems of containers. */
  storage(): Promise<EngineStorage>
  /** The same where files have other owners than in the layers; `before` is the driver that made a container's writable layer. */
  mappedStorage(before?: string): Promise<EngineStorage>
  /** Who makes control groups of containers here, if anybody, and why. */
  cgroups(): Promise<PickedCgroups>
  /** Writes to the journal of events, unless the configuration turns it off. */
  journal(event: Omit<JournalEvent, 'timeNano'>): void
}

export interface EngineStorage {
  driver: StorageDriver
  /** Why better drivers do not serve here, one line each. */
  reasons: readonly string[]
  /** The folder with a layer's files. */
  diffFolder(this: void, chainId: ChainId): string
}

let opened: Promise<Engine> | undefined

/** The engine of this process. */
export function openEngine(): Promise<Engine> {
  opened ??= open()
  return opened
}

async function open(): Promise<Engine> {
  const settings = engineSettings()
  const config = await openConfig({
    root: settings.root,
    runRoot: settings.runRoot,
    storageDriver: settings.storageDriver,
    storageOptions: settings.storageOptions,
    cgroupManager: settings.cgroupManager,
    eventsBackend: settings.eventsBackend,
    networkCommandPath: settings.networkCommandPath,
    hooksDirs: settings.hooksDirs,
    tmpDir: settings.tmpDir,
    volumePath: settings.volumePath,
  })
  applyEngineEnvironment(config)
  const { graphRoot } = config.storage
  const runRoot = config.storage.runRoot.path
  const user = hostUser()
  const isRoot = user.isRoot && !user.insideUserNamespace
  let namespace: Promise<UserNamespace> | undefined
  if (isRoot) {
    const { becomeMappedRoot } = await import('./mapped-root.ts')
    namespace = Promise.resolve(await becomeMappedRoot(config))
  } else {
    ensureGraphRoot(config.storage)
    ensurePrivateFolder(runRoot)
  }
  let cgroups: Promise<PickedCgroups> | undefined
  // the mapped root has no way into root's home
  const memory = isRoot ? graphRoot : undefined
  const join = (): Promise<UserNamespace> => {
    namespace ??= import('./join-namespace.ts').then(({ joinNamespace }) => joinNamespace(config))
    return namespace
  }
  const engineStorage = async (pick: (options: PickOptions) => Promise<PickedDriver>): Promise<EngineStorage> => {
    const { mode } = await join()
    const { driver, reasons } = await pick({
      graphRoot,
      mode,
      openNamespace: join,
      wished: config.storage.driver,
      mountProgram: config.storage.mountProgram,
      remembered: readRemembered(memory).storageDriver,
      remember: async found => await remember('storageDriver', found, memory),
    })
    return { driver, reasons, diffFolder: chainId => diffFolder(graphRoot, mode, chainId) }
  }
  return {
    config,
    graphRoot,
    runRoot,
    images: new ImageStore(graphRoot),
    namespace: join,
    async layers() {
      const { openLayerStore } = await import('#storage/layer-store.ts')
      return openLayerStore({ graphRoot, mode: (await join()).mode, openNamespace: join })
    },
    async storage() {
      const { pickStorageDriver } = await import('#storage/pick-driver.ts')
      return await engineStorage(pickStorageDriver)
    },
    async mappedStorage(before) {
      const { isDriverName, pickMappedDriver } = await import('#storage/pick-driver.ts')
      const known = before !== undefined && isDriverName(before) ? before : undefined
      return await engineStorage(async options => await pickMappedDriver(options, known))
    },
    cgroups() {
      cgroups ??= openCgroups(config, settings.cgroupManager)
      return cgroups
    },
    journal(event) {
      if (config.engine.eventsLogger === 'file') appendEvents(graphRoot, event)
    },
  }
}

/** Where there is no unified tree, nothing is loaded or looked at for it. */
async function openCgroups(
  { engine }: Config,
  asked: 'systemd' | 'cgroupfs' | 'none' | undefined,
): Promise<PickedCgroups> {
  if (asked === undefined && !existsSync('/sys/fs/cgroup/cgroup.controllers'))
    return { manager: undefined, reason: 'this machine has version 1 of control groups, or none' }
  const { pickCgroupManager } = await import('#cgroup/pick.ts')
  return await pickCgroupManager(asked ?? engine.cgroupManager, asked !== undefined)
}
