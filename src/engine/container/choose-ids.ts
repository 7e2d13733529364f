// Which ids a container sees, and whose the files of its image are then: decided before there is a root file system.
import { existsSync, readFileSync } from 'node:fs'
import { holdIds, readHeldIds } from '#container/held-ids.ts'
import type { PlanInputs, UserNamespacePlan } from '#container/inputs.ts'
import { type ContainerId, containerDir, readRecord } from '#container/record.ts'
import type { ContainerRequest, UsernsMode } from '#container/request.ts'
import { type HeldIds, idsNeeded, planAutoIds, planUserNamespace } from '#container/user-namespace.ts'
import type { Accounts } from '#container/users.ts'
import type { Engine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { hostUser, passwdEntry } from '#host/user.ts'
import { readChainFile } from '#storage/chain-file.ts'
import { isIdentity, ownerChanger, type RootIds } from '#storage/root-ids.ts'
import type { IdMapping } from '#userns/id-mapping.ts'
import type { UserNamespace } from '#userns/user-namespace.ts'
import type { ChosenImage } from './choose-image.ts'
import { type JoinedContainers, joinNamespaces } from './join-namespaces.ts'

export interface ContainerIds {
  userNamespace: UserNamespacePlan
  /** What owners in layers become; absent where they stay as they are. */
  rootIds: RootIds | undefined
  joined: JoinedContainers
  caller: PlanInputs['caller']
}

/** Decides; `auto` sets ids aside with `hold` in the container's folder, which exists. `image` is absent for --rootfs. */
export async function chooseIds(
  engine: Engine,
  id: ContainerId,
  request: ContainerRequest,
  image: Pick<ChosenImage, 'chain' | 'defaults'> | undefined,
  hold: typeof holdIds = holdIds,
): Promise<ContainerIds> {
  const namespace = await engine.namespace()
  const joined = joinNamespaces(engine, request)
  const caller = callerFacts(request)
  const mode = sharedUserNamespace(request, joined)
  const plan = planUserNamespace({
    mode,
    uidMap: request.uidMap,
    gidMap: request.gidMap,
    parent: namespace.mappings,
    caller,
    ...(mode.kind === 'auto' && { autoIds: await autoIds(engine, id, mode, request, image, hold) }),
  })
  const userNamespace =
    mode.kind !== 'path'
      ? plan
      : (recordedNamespace(engine, joined, plan) ?? (await joinedNamespace(namespace, mode.path)))
  return { userNamespace, rootIds: rootIdsOf(userNamespace, namespace), joined, caller }
}

export interface Owner {
  uid: number
  gid: number
}

/** Somebody of the container as the user's namespace counts ids. */
export function mapsOwner({ userNamespace }: ContainerIds, owner: Owner): Owner {
  return ownerChanger({ uid: userNamespace.uidMappings, gid: userNamespace.gidMappings })(owner)
}

/** Sharing another container's namespace puts a container into that one's user namespace. */
function sharedUserNamespace(request: ContainerRequest, joined: JoinedContainers): UsernsMode {
  const path = joined.paths.user
  const isShared = request.userns.kind === 'default' || request.userns.kind === 'container'
  if (joined.isInOurs && isShared) return { kind: 'host' }
  if (path === undefined) return request.userns
  if (request.userns.kind === 'default' || request.userns.kind === 'container' || request.userns.kind === 'path')
    return { kind: 'path', path }
  throw new TspodError(
    'INVALID',
    `--userns ${request.userns.kind}: the container shares a namespace of another, and so its user namespace`,
  )
}

/** That of a container which does not run yet, as it will be; `undefined` where there is nobody to wait for. */
function recordedNamespace(
  { graphRoot }: Engine,
  { waitsFor }: JoinedContainers,
  identity: UserNamespacePlan,
): UserNamespacePlan | undefined {
  if (waitsFor === undefined) return undefined
  const { rootIds } = readRecord(graphRoot, waitsFor)
  return rootIds === undefined
    ? identity
    : { kind: 'join', uidMappings: [...rootIds.uid], gidMappings: [...rootIds.gid] }
}

async function joinedNamespace(namespace: UserNamespace, path: string): Promise<UserNamespacePlan> {
  const { readNestedMaps } = await import('#userns/nested-maps.ts')
  const { uid, gid } = readNestedMaps(namespace, path)
  const spec = ({ insideId, outsideId, count }: IdMapping) => ({
    containerID: insideId,
    hostID: outsideId,
    size: count,
  })
  return { kind: 'join', uidMappings: uid.map(spec), gidMappings: gid.map(spec) }
}

/** With one id alone all files are the caller's, whatever the container calls him. */
function rootIdsOf(plan: UserNamespacePlan, { mode }: UserNamespace): RootIds | undefined {
  const ids = { uid: plan.uidMappings, gid: plan.gidMappings }
  return mode === 'single' || isIdentity(ids) ? undefined : ids
}

async function autoIds(
  engine: Engine,
  id: ContainerId,
  mode: Extract<UsernsMode, { kind: 'auto' }>,
  request: ContainerRequest,
  image: Pick<ChosenImage, 'chain' | 'defaults'> | undefined,
  hold: typeof holdIds,
): Promise<HeldIds> {
  const held = readHeldIds(containerDir(engine.graphRoot, id))
  if (held !== undefined) return held
  const { mappings } = await engine.namespace()
  const size =
    mode.size ?? idsNeeded(await accountsOf(engine, request, image), request.user ?? image?.defaults.user ?? '')
  return await hold(engine.graphRoot, id, taken => planAutoIds(mappings, taken, size))
}

async function accountsOf(
  engine: Engine,
  { rootfs = '' }: ContainerRequest,
  image: Pick<ChosenImage, 'chain'> | undefined,
): Promise<Accounts> {
  const { diffFolder } = await engine.storage()
  const folders = image === undefined ? [rootfs] : image.chain.toReversed().map(diffFolder)
  return { passwd: readChainFile(folders, 'etc/passwd'), group: readChainFile(folders, 'etc/group') }
}

/** Who calls, for keep-id; names are looked up only where the container is to know them. */
function callerFacts(request: ContainerRequest): PlanInputs['caller'] {
  const { uid, gid } = hostUser()
  if (request.userns.kind !== 'keep-id') return { uid, gid, name: '', groupName: '' }
  const name = passwdEntry(uid)?.name ?? String(uid)
  return { uid, gid, name, groupName: groupName(gid) ?? name }
}

function groupName(gid: number): string | undefined {
  const lines = existsSync('/etc/group') ? readFileSync('/etc/group', 'utf8').split('\n') : []
  return lines.map(line => line.split(':')).find(([, , id]) => Number(id) === gid)?.[0]
}
