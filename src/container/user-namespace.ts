// Which ids a container sees: its user namespace nested in the user's one (user_namespaces(7), run(1) --userns). Pure.
import { TspodError } from '#errors.ts'
import type { IdMappingSpec } from '#oci/runtime-spec.ts'
import type { UserNamespacePlan } from './inputs.ts'
import type { UsernsMode } from './request.ts'

/** Ids that exist in the user's namespace; a mapping may not straddle two of these (EPERM on writing uid_map). */
export interface ParentExtent {
  insideId: number
  count: number
}

export interface ParentExtents {
  uid: readonly ParentExtent[]
  gid: readonly ParentExtent[]
}

export interface UserNamespaceInputs {
  mode: UsernsMode
  /** `--uidmap` and `--gidmap`: `container:from:amount` */
  uidMap: readonly string[]
  gidMap: readonly string[]
  parent: ParentExtents
  /** the caller's ids on the host, which keep-id shows in the container */
  caller: { uid: number; gid: number }
  /** `auto`: how many ids the image needs at least, and what other `auto` containers hold in the user's namespace */
  wantedSize: number
  taken: readonly { from: number; count: number }[]
}

const highestId = 4294967294

/** The mapping of a container's user namespace. Throws INVALID for one that the user's namespace cannot give. */
export function planUserNamespace(inputs: UserNamespaceInputs): UserNamespacePlan {
  const { mode, parent, uidMap, gidMap } = inputs
  if (uidMap.length > 0 || gidMap.length > 0) {
    if (mode.kind !== 'default') throw new TspodError('INVALID', '--userns and --uidmap or --gidmap exclude each other')
    return fromTexts(inputs)
  }
  const each = (plan: (extents: readonly ParentExtent[], kind: 'uid' | 'gid') => IdMappingSpec[]) => ({
    uidMappings: plan(parent.uid, 'uid'),
    gidMappings: plan(parent.gid, 'gid'),
  })
  switch (mode.kind) {
    case 'host':
      return { kind: 'host', ...each(identity) }
    case 'default':
      return { kind: 'new', ...each(identity) }
    case 'nomap':
      return { kind: 'new', ...each(withoutCaller) }
    case 'keep-id':
      return { kind: 'new', ...each((extents, kind) => keepId(extents, mode[kind] ?? inputs.caller[kind], mode.size)) }
    case 'auto':
      return { kind: 'new', ...auto(inputs, mode.size ?? Math.max(1024, inputs.wantedSize)) }
    case 'container':
    case 'path':
    default:
      return { kind: 'join', ...each(identity) }
  }
}

function identity(extents: readonly ParentExtent[]): IdMappingSpec[] {
  return extents.map(({ insideId, count }) => ({ containerID: insideId, hostID: insideId, size: count }))
}

/** Root of the user's namespace is the caller: everyone else moves down by one. */
function withoutCaller(extents: readonly ParentExtent[]): IdMappingSpec[] {
  const size = idCount(extents) - 1
  if (size < 1)
    throw new TspodError('INVALID', '--userns nomap needs subordinate ids, and this user has none', {
      hint: 'ask an administrator for entries in /etc/subuid and /etc/subgid',
    })
  return split([{ containerID: 0, hostID: 1, size }], extents)
}

/** The caller's id where it is on the host, the others around it in their order. */
function keepId(extents: readonly ParentExtent[], own: number, limit: number | undefined): IdMappingSpec[] {
  const others = Math.min(idCount(extents) - 1, limit === undefined ? Infinity : Math.max(0, limit - 1))
  const below = Math.min(own, others)
  return split(
    [
      { containerID: 0, hostID: 1, size: below },
      { containerID: own, hostID: 0, size: 1 },
      { containerID: own + 1, hostID: below + 1, size: others - below },
    ].filter(({ size }) => size > 0),
    extents,
  )
}

/** The first hole that is large enough for both kinds of ids, past the caller's own. */
function auto(
  inputs: UserNamespaceInputs,
  size: number,
): { uidMappings: IdMappingSpec[]; gidMappings: IdMappingSpec[] } {
  const available = Math.min(idCount(inputs.parent.uid), idCount(inputs.parent.gid))
  let start = 1
  for (const { from, count } of inputs.taken.toSorted((a, b) => a.from - b.from)) {
    if (from - start >= size) break
    start = Math.max(start, from + count)
  }
  if (start + size > available)
    throw new TspodError(
      'INVALID',
      `--userns auto: ${size} ids are wanted, ${Math.max(0, available - start)} of ${available} are free`,
      {
        hint: 'use auto:size= with a smaller number, remove containers that hold ids, or get more in /etc/subuid and /etc/subgid',
      },
    )
  const wanted = [{ containerID: 0, hostID: start, size }]
  return { uidMappings: split(wanted, inputs.parent.uid), gidMappings: split(wanted, inputs.parent.gid) }
}

function fromTexts({ uidMap, gidMap, parent }: UserNamespaceInputs): UserNamespacePlan {
  const uid = uidMap.map(text => parseMapping('--uidmap', text))
  const gid = gidMap.map(text => parseMapping('--gidmap', text))
  return {
    kind: 'new',
    uidMappings: checked('--uidmap', uid.length > 0 ? uid : gid, parent.uid),
    gidMappings: checked('--gidmap', gid.length > 0 ? gid : uid, parent.gid),
  }
}

function parseMapping(option: string, text: string): IdMappingSpec {
  const match = /^([0-9]{1,10}):([0-9]{1,10})(?::([0-9]{1,10}))?$/.exec(text)
  if (match === null)
    throw new TspodError('INVALID', `parsing ${option} "${text}": must be CONTAINER-ID:FROM-ID[:AMOUNT]`)
  const mapping = { containerID: Number(match[1]), hostID: Number(match[2]), size: Number(match[3] ?? 1) }
  if (mapping.size < 1 || mapping.containerID + mapping.size - 1 > highestId)
    throw new TspodError(
      'INVALID',
      `parsing ${option} "${text}": the amount is ${mapping.size}, must be 1 or more and end below 2^32-1`,
    )
  return mapping
}

function checked(option: string, mappings: IdMappingSpec[], extents: readonly ParentExtent[]): IdMappingSpec[] {
  const overlaps = (key: 'containerID' | 'hostID') => {
    const sorted = mappings.toSorted((a, b) => a[key] - b[key])
    return sorted.some(
      (each, index) => index > 0 && each[key] < (sorted[index - 1]?.[key] ?? 0) + (sorted[index - 1]?.size ?? 0),
    )
  }
  if (overlaps('containerID')) throw new TspodError('INVALID', `${option}: two mappings share ids of the container`)
  if (overlaps('hostID')) throw new TspodError('INVALID', `${option}: two mappings share ids they map to`)
  const result = split(mappings, extents)
  const wanted = mappings.reduce((sum, { size }) => sum + size, 0)
  const given = result.reduce((sum, { size }) => sum + size, 0)
  if (given < wanted)
    throw new TspodError(
      'INVALID',
      `${option}: ${wanted} ids are asked for, and ${wanted - given} of them are not among this user's ${idCount(extents)}`,
    )
  return result
}

/** How many ids there are from 0 on without a hole (the user's namespace has them in a row). */
function idCount(extents: readonly ParentExtent[]): number {
  let end = 0
  for (const { insideId, count } of extents.toSorted((a, b) => a.insideId - b.insideId))
    if (insideId === end) end += count
  return end
}

/** The mappings cut at the parent's extents, in order of the container's ids; what the parent lacks is left out. */
function split(mappings: readonly IdMappingSpec[], extents: readonly ParentExtent[]): IdMappingSpec[] {
  return mappings
    .flatMap(({ containerID, hostID, size }) =>
      extents.flatMap(({ insideId, count }) => {
        const from = Math.max(hostID, insideId)
        const end = Math.min(hostID + size, insideId + count)
        return end > from ? [{ containerID: containerID + (from - hostID), hostID: from, size: end - from }] : []
      }),
    )
    .toSorted((a, b) => a.containerID - b.containerID)
}
