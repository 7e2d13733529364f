// What the owners in an image's layers become in a container that does not see ids as the user's namespace counts them. Pure.
import { sha256Hex } from '#host/bun.ts'
import type { IdMappingSpec } from '#oci/runtime-spec.ts'
import type { LayerMode } from './layer-paths.ts'

/** Per id in a layer (`containerID`) the id of the user's namespace (`hostID`) that is it in the container. */
export interface RootIds {
  uid: readonly IdMappingSpec[]
  gid: readonly IdMappingSpec[]
}

/** How the kernel shows an id that has no name (user_namespaces(7)). */
export const overflowId = 65534

/** An id that the container does not know either: what it has no name for looks like nobody's. */
function strangerOf(extents: readonly IdMappingSpec[]): number {
  let id = 0
  for (const { hostID, size } of extents.toSorted((a, b) => a.hostID - b.hostID)) if (hostID <= id) id = hostID + size
  return id
}

/** A function from a layer's ids to those of the user's namespace. */
export function idChanger(extents: readonly IdMappingSpec[]): (id: number) => number {
  const stranger = strangerOf(extents)
  return id => {
    const extent = extents.find(({ containerID, size }) => id >= containerID && id < containerID + size)
    return extent === undefined ? stranger : extent.hostID + id - extent.containerID
  }
}

/** The same for the owner of a file. */
export function ownerChanger(ids: RootIds): (owner: { uid: number; gid: number }) => { uid: number; gid: number } {
  const [changeUid, changeGid] = [idChanger(ids.uid), idChanger(ids.gid)]
  return ({ uid, gid }) => ({ uid: changeUid(uid), gid: changeGid(gid) })
}

/** The way back: what the container calls an id of the user's namespace; `undefined` where it has no name for it. */
export function idInContainer(extents: readonly IdMappingSpec[], id: number): number | undefined {
  const extent = extents.find(({ hostID, size }) => id >= hostID && id < hostID + size)
  return extent === undefined ? undefined : extent.containerID + id - extent.hostID
}

/** `0:1:1000:1000:0:1`, as fuse-overlayfs(1) takes it for uidmapping= and gidmapping=. */
export function idOption(extents: readonly IdMappingSpec[]): string {
  return joined(extents)
    .map(({ containerID, hostID, size }) => `${containerID}:${hostID}:${size}`)
    .join(':')
}

/** Where copies of layers with these owners lie: the same for mappings that say the same. */
export function mappedLayers({ uid, gid }: RootIds): LayerMode {
  const text = `${idOption(uid)} ${idOption(gid)}`
  return `mapped/${sha256Hex(text).slice(0, 16)}`
}

/** Extents that continue one another as one. */
function joined(extents: readonly IdMappingSpec[]): IdMappingSpec[] {
  const result: IdMappingSpec[] = []
  for (const extent of extents.toSorted((a, b) => a.containerID - b.containerID)) {
    const last = result.at(-1)
    const continues =
      last !== undefined &&
      last.containerID + last.size === extent.containerID &&
      last.hostID + last.size === extent.hostID
    if (continues) last.size += extent.size
    else result.push({ ...extent })
  }
  return result
}

/** True where every id is what it is in the user's namespace. */
export function isIdentity({ uid, gid }: RootIds): boolean {
  return [...uid, ...gid].every(({ containerID, hostID }) => containerID === hostID)
}
