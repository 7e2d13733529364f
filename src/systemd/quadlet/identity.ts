// Who a container runs as and how its ids are mapped: User=, UserNS= and the older Remap…= keys. Pure.
import { type Draft, textOptions, wordOptions, wrong } from './draft.ts'

export function identityOptions(draft: Draft): string[] {
  return [...userOption(draft), ...mappingOptions(draft)]
}

function userOption({ source, group }: Draft): string[] {
  const user = source.unit.text(group, 'User')
  const userGroup = source.unit.text(group, 'Group')
  if (user !== undefined) return ['--user', userGroup === undefined ? user : `${user}:${userGroup}`]
  if (userGroup !== undefined) throw wrong(`Group=${userGroup} without User=`)
  return []
}

/** UserNS= and its kin, of containers and pods alike. */
export function mappingOptions(draft: Draft): string[] {
  const { source, group } = draft
  const options = [
    ...textOptions(draft, { UserNS: '--userns' }),
    ...wordOptions(draft, { UIDMap: '--uidmap', GIDMap: '--gidmap' }),
    ...textOptions(draft, { SubUIDMap: '--subuidname', SubGIDMap: '--subgidname' }),
  ]
  if (options.length === 0) return remapOptions(draft)
  const old = ['RemapUid', 'RemapGid', 'RemapUsers'].find(key => source.unit.last(group, key) !== undefined)
  if (old !== undefined) throw wrong(`${old}= cannot be set beside the keys that replaced it`)
  return options
}

function remapOptions({ source, group }: Draft): string[] {
  const { unit } = source
  const uids = unit.words(group, 'RemapUid', 'raw')
  const gids = unit.words(group, 'RemapGid', 'raw')
  const mode = unit.text(group, 'RemapUsers')
  const join = (kind: string, options: string[]) => [
    '--userns',
    options.length === 0 ? kind : `${kind}:${options.join(',')}`,
  ]
  switch (mode) {
    case undefined:
      if (uids.length + gids.length > 0) throw wrong('RemapUid= and RemapGid= need RemapUsers=')
      return []
    case 'manual':
      return [...uids.flatMap(uid => ['--uidmap', uid]), ...gids.flatMap(gid => ['--gidmap', gid])]
    case 'auto': {
      const size = unit.text(group, 'RemapUidSize')
      return join('auto', [
        ...uids.map(uid => `uidmapping=${uid}`),
        ...gids.map(gid => `gidmapping=${gid}`),
        ...(size === undefined ? [] : [`size=${size}`]),
      ])
    }
    case 'keep-id':
      if (uids.length > 1 || gids.length > 1) throw wrong('RemapUsers=keep-id takes one RemapUid= and one RemapGid=')
      return join('keep-id', [...uids.map(uid => `uid=${uid}`), ...gids.map(gid => `gid=${gid}`)])
    default:
      throw wrong(`RemapUsers=${mode}: must be manual, auto or keep-id`)
  }
}
