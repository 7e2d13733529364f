// Which ids a container sees: its user namespace nested in the user's one (user_namespaces(7), run(1) --userns). Pure.
import { TspodError } from '#errors.ts'
import type { IdMappingSpec } from '#oci/runtime-spec.ts'
import type { UserNamespacePlan } from './inputs.ts'
import type { UsernsMode } from './request.ts'
import { type Accounts, parseGroup, parsePasswd } from './users.ts'

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
  /** for `auto`: what was set aside for this container (planAutoIds) */
  autoIds?: HeldIds
}

/** Ids of the user's namespace, uids and gids alike, that one `auto` container has for itself. */
export interface HeldIds {
  from: number
  count: number
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
      return { kind: 'new', ...each(extents => fromHeld(extents, inputs.autoIds)) }
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
  if (size < 1) throw needsSubordinateIds('nomap')
  return split([{ containerID: 0, hostID: 1, size }], extents)
}

function needsSubordinateIds(mode: string): TspodError {
  return new TspodError('INVALID', `--userns ${mode} needs subordinate ids, and this user has none`, {
    hint: 'ask an administrator for entries in /etc/subuid and /etc/subgid',
  })
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

function fromHeld(extents: readonly ParentExtent[], held: HeldIds | undefined): IdMappingSpec[] {
  if (held === undefined) throw new TspodError('INTERNAL', '--userns auto: no ids were set aside for the container')
  const mappings = split([{ containerID: 0, hostID: held.from, size: held.count }], extents)
  if (mappings.reduce((sum, { size }) => sum + size, 0) === held.count) return mappings
  throw new TspodError(
    'CONFLICT',
    `--userns auto: the container's ids ${held.from} to ${held.from + held.count - 1} are not among this user's ${idCount(extents)} any more`,
    { hint: 'the subordinate ids have changed since it was made: remove it, and make it again' },
  )
}

const fewestAutoIds = 1024

/** Who is in an image's files by name, for the size of `auto`; the ids of nobody do not count (user_namespaces(7), overflow ids). */
export function idsNeeded({ passwd, group }: Accounts, user: string): number {
  const numbers = user.split(':').flatMap(word => (/^[0-9]{1,9}$/.test(word) ? [Number(word)] : []))
  const ids = [
    ...parsePasswd(passwd).flatMap(({ uid, gid }) => [uid, gid]),
    ...parseGroup(group).map(({ gid }) => gid),
    ...numbers,
  ]
  return Math.max(fewestAutoIds, ...ids.filter(id => id < overflowId).map(id => id + 1))
}

const overflowId = 65534

/** The first hole past the caller's own id that is large enough for both kinds of ids. Throws INVALID where there is none. */
export function planAutoIds(parent: ParentExtents, taken: readonly HeldIds[], count: number): HeldIds {
  const available = Math.min(idCount(parent.uid), idCount(parent.gid))
  if (available <= 1) throw needsSubordinateIds('auto')
  let from = 1
  for (const held of taken.toSorted((a, b) => a.from - b.from)) {
    if (held.from - from >= count) break
    from = Math.max(from, held.from + held.count)
  }
  if (from + count <= available) return { from, count }
  throw new TspodError(
    'INVALID',
    `--userns auto: ${count} ids are wanted, ${Math.max(0, available - from)} of ${available} are free`,
    {
      hint: 'use auto:size= with a smaller number, remove containers that hold ids, or get more in /etc/subuid and /etc/subgid',
    },
  )
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
