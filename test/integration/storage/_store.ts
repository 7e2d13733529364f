// A store of its own for one test file, with the user's namespace kept below it.
import { createHash } from 'node:crypto'
import { createReadStream, mkdirSync, mkdtempSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { findProgram } from '#host/helper-programs.ts'
import { hostUser } from '#host/user.ts'
import { type ChainId, digestOf } from '#oci/digest.ts'
import type { RootPlan } from '#storage/driver.ts'
import { diffFolder, type LayerMode, layerFolder } from '#storage/layer-paths.ts'
import { type LayerRecord, readLayerRecord } from '#storage/layer-record.ts'
import { openLayerStore } from '#storage/layer-store.ts'
import { removeTree } from '#storage/remove-tree.ts'
import { startRootWorker } from '#storage/root-worker.ts'
import { openPipe } from '#sys/fd.ts'
import { SIGKILL } from '#sys/flags.ts'
import { killProcess, waitProcess } from '#sys/process.ts'
import { type Call, call } from '#sys/servant/batch.ts'
import { Servant } from '#sys/servant/servant.ts'
import { type ReadMember, readArchive } from '#test/unit/image/_tar.ts'
import { planIdMappings, readSubordinateIds } from '#userns/subordinate-ids.ts'
import { enterCalls, type NamespaceWish, openUserNamespace, type UserNamespace } from '#userns/user-namespace.ts'

export interface TestStore extends AsyncDisposable {
  graphRoot: string
  namespace: UserNamespace
  openNamespace: () => UserNamespace
}

/** The wish of the full mapping; `undefined` where this user has no subordinate ids. */
export function fullWish(): NamespaceWish | undefined {
  const user = hostUser()
  const ids = readSubordinateIds(user)
  const [newuidmap, newgidmap] = [findProgram('newuidmap'), findProgram('newgidmap')]
  if (user.isRoot || ids.uid.length === 0 || newuidmap === undefined || newgidmap === undefined) return undefined
  const mappings = { uid: planIdMappings(user.uid, ids.uid), gid: planIdMappings(user.gid, ids.gid) }
  return { mode: 'full', mappings, writer: { kind: 'helpers', newuidmap, newgidmap } }
}

/** The wish of a single id. */
export function singleWish(): NamespaceWish {
  const user = hostUser()
  return {
    mode: 'single',
    mappings: { uid: planIdMappings(user.uid, []), gid: planIdMappings(user.gid, []) },
    writer: { kind: 'self' },
  }
}

export async function openTestStore(wish: NamespaceWish): Promise<TestStore> {
  const base = join(homedir(), '.cache', 'tspod-tests')
  mkdirSync(base, { recursive: true })
  const folder = mkdtempSync(join(base, 'store-'))
  const runRoot = join(folder, 'run')
  const graphRoot = join(folder, 'graph')
  mkdirSync(runRoot, { mode: 0o700 })
  mkdirSync(graphRoot, { mode: 0o700 })
  const namespace = await openUserNamespace(runRoot, wish, { isInUse: () => false })
  return {
    graphRoot,
    namespace,
    openNamespace: () => namespace,
    async [Symbol.asyncDispose]() {
      await removeTree(folder, () => namespace)
      killProcess(namespace.keeper.pid, SIGKILL)
      waitProcess(namespace.keeper.pid)
      namespace[Symbol.dispose]()
    },
  }
}

export interface UnpackedLayer {
  chainId: ChainId
  /** its files, as the host sees them */
  diff: string
  record: LayerRecord
}

/** Unpacks and commits an archive as one layer over `parent`. */
export async function unpackArchive(
  store: TestStore,
  bytes: Uint8Array,
  options: { parent?: ChainId; compression?: 'gzip' | 'zstd' | 'none'; packed?: Uint8Array; mode?: LayerMode } = {},
): Promise<UnpackedLayer> {
  const { parent, compression = 'none', packed = bytes, mode = 'full' } = options
  const sha256 = (data: Uint8Array | string): string => createHash('sha256').update(data).digest('hex')
  const diffId = digestOf(sha256(bytes))
  const chainId = (parent === undefined ? diffId : digestOf(sha256(`${parent} ${diffId}`))) as unknown as ChainId
  const { graphRoot, openNamespace } = store
  const layers = openLayerStore({ graphRoot, mode, openNamespace })
  await using unpack = await layers.unpack({ chainId, parent, diffId, compression })
  for (let at = 0; at < packed.byteLength; at += 50_000) await unpack.write(packed.subarray(at, at + 50_000))
  await unpack.finish()
  await unpack.commit()
  const record = readLayerRecord(layerFolder(graphRoot, mode, chainId))
  if (record === undefined) throw new Error('no layer.json')
  return { chainId, diff: diffFolder(graphRoot, mode, chainId), record }
}

/** What a root file system holds, read as an archive through a worker that has it mounted. */
export async function readRoot(store: TestStore, plan: RootPlan, path = ''): Promise<Map<string, ReadMember>> {
  const [reader, writer] = openPipe()
  await using root = startRootWorker(
    store.namespace,
    plan,
    'pack',
    { root: plan.root, path, as: '' },
    { stdout: writer.number },
  )
  writer.close()
  const chunks: Buffer[] = []
  for await (const chunk of createReadStream('', { fd: reader.take() })) chunks.push(chunk as Buffer)
  await root.worker.result()
  return new Map(readArchive(Buffer.concat(chunks)).map(member => [member.path.replace(/\/$/, ''), member]))
}

/** Has a servant perform calls beside a mounted root file system. Only for plans without a program. */
export function actInRoot(store: TestStore, plan: RootPlan, calls: readonly Call[]): void {
  const servant = Servant.start([], enterCalls(store.namespace))
  try {
    servant.do(plan.calls)
    servant.do([call('chdir', plan.root), ...calls])
  } finally {
    servant.close()
    waitProcess(servant.pid)
  }
}
