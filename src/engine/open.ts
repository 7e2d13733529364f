// The one place that looks at the machine and the configuration and picks what serves here. Each part is opened when a verb first asks.
import { accessSync, chownSync, constants, existsSync, mkdirSync } from 'node:fs'
import { applyEngineEnvironment, type Config, openConfig } from '#config/config.ts'
import { readRemembered, remember } from '#config/settings.ts'
import { ensureGraphRoot } from '#config/storage.ts'
import { TspodError } from '#errors.ts'
import { findProgram } from '#host/helper-programs.ts'
import { ensurePrivateFolder } from '#host/paths.ts'
import { hostUser } from '#host/user.ts'
import { ImageStore } from '#image/store.ts'
import type { ChainId } from '#oci/digest.ts'
import type { StorageDriver } from '#storage/driver.ts'
import { appendEvent, type JournalEvent } from '#storage/journal.ts'
import { diffFolder } from '#storage/layer-paths.ts'
import type { LayerStore } from '#storage/layers.ts'
import type { PickedDriver, PickOptions } from '#storage/pick-driver.ts'
import { chooseRootIds, rangeOfStore } from '#userns/root-ids.ts'
import { planIdMappings, planRootIdMappings, readSubordinateIds } from '#userns/subordinate-ids.ts'
import { type NamespaceWish, openUserNamespace, type UserNamespace } from '#userns/user-namespace.ts'
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
  const wish = await wishedNamespace(config)
  let namespace: Promise<UserNamespace> | undefined
  if (wish.writer.kind === 'root') {
    namespace = Promise.resolve(await becomeMappedRoot(config, wish))
  } else {
    ensureGraphRoot(config.storage)
    ensurePrivateFolder(runRoot)
  }
  // the mapped root has no way into root's home
  const memory = wish.writer.kind === 'root' ? graphRoot : undefined
  const join = (): Promise<UserNamespace> => {
    namespace ??= openUserNamespace(runRoot, wish, () => false)
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
    journal(event) {
      if (config.engine.eventsLogger === 'file') appendEvent(graphRoot, event)
    },
  }
}

/**
 * Root as the caller: makes or finds the namespace, then gives up being root for good. From here on this process is what the
 * container's root is on the host, and everything works as it does for an ordinary user.
 */
async function becomeMappedRoot(config: Config, wish: NamespaceWish): Promise<UserNamespace> {
  const uid = wish.mappings.uid[0]?.outsideId ?? -1
  const gid = wish.mappings.gid[0]?.outsideId ?? -1
  ensureGraphRoot(config.storage, { uid, gid })
  const runRoot = config.storage.runRoot.path
  mkdirSync(runRoot, { recursive: true, mode: 0o711 })
  chownSync(runRoot, uid, gid)
  const namespace = await openUserNamespace(runRoot, wish, () => false)
  // whoever serves a container later reads them as the mapped root
  for (const path of [`${runRoot}/lock`, `${runRoot}/userns`]) if (existsSync(path)) chownSync(path, uid, gid)
  process.setgroups?.([])
  process.setgid?.(gid)
  process.setuid?.(uid)
  requireReach(config.storage.graphRoot, uid)
  requireReach(runRoot, uid)
  return namespace
}

function requireReach(path: string, uid: number): void {
  try {
    accessSync(path, constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new TspodError(
      'DENIED',
      `opening "${path}" as user ${uid}, who is the root of root's containers: no way there`,
      {
        cause: error,
        hint: 'every folder above it must let others pass (chmod o+x); --root and --runroot name other places',
      },
    )
  }
}

/**
 * Which mappings the user's namespace should have: the ladder of README, Requirements. Subordinate ids through newuidmap; else
 * one single id. For root as the caller, ids that are never the host's root.
 */
export async function wishedNamespace(config: Config): Promise<NamespaceWish> {
  const user = hostUser()
  if (user.isRoot && !user.insideUserNamespace) {
    const ids = chooseRootIds(readRemembered().rootIds ?? rangeOfStore(config.storage.graphRoot))
    if (ids.toRemember !== undefined) await remember('rootIds', ids.toRemember)
    return {
      mode: 'full',
      mappings: { uid: planRootIdMappings(ids.uid), gid: planRootIdMappings(ids.gid) },
      writer: { kind: 'root' },
    }
  }
  const folders = config.engine.helperBinariesDirs
  const newuidmap = findProgram('newuidmap', folders)
  const newgidmap = findProgram('newgidmap', folders)
  const ids = readSubordinateIds(user)
  if (newuidmap === undefined || newgidmap === undefined || ids.uid.length === 0 || ids.gid.length === 0)
    return {
      mode: 'single',
      mappings: { uid: planIdMappings(user.uid, []), gid: planIdMappings(user.gid, []) },
      writer: { kind: 'self' },
    }
  return {
    mode: 'full',
    mappings: { uid: planIdMappings(user.uid, ids.uid), gid: planIdMappings(user.gid, ids.gid) },
    writer: { kind: 'helpers', newuidmap, newgidmap },
  }
}
