// The namespace of a user who is not root: which mappings it should have. Host namespaces.
import type { Config } from '#config/config.ts'
import { findProgram } from '#host/helper-programs.ts'
import { hostUser } from '#host/user.ts'
import { planIdMappings, readSubordinateIds } from '#userns/subordinate-ids.ts'
import { type NamespaceWish, openUserNamespace, type UserNamespace } from '#userns/user-namespace.ts'

/** Joins the kept namespace, or makes it. */
export async function joinNamespace(config: Config): Promise<UserNamespace> {
  return await openUserNamespace(config.storage.runRoot.path, wishedNamespace(config), {
    isInUse: () => false,
    detach: async pid => await (await import('./detach.ts')).detachKeeper(pid),
  })
}

/** The ladder of README, Requirements: subordinate ids through newuidmap; else one single id. */
function wishedNamespace(config: Config): NamespaceWish {
  const user = hostUser()
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
