// Root as the caller: a namespace whose root is never the host's. Host namespaces.
import { accessSync, chownSync, constants, existsSync, mkdirSync } from 'node:fs'
import type { Config } from '#config/config.ts'
import { readRemembered, remember } from '#config/settings.ts'
import { ensureGraphRoot } from '#config/storage.ts'
import { TspodError } from '#errors.ts'
import { chooseRootIds, rangeOfStore } from '#userns/root-ids.ts'
import { planRootIdMappings } from '#userns/subordinate-ids.ts'
import { type NamespaceWish, openUserNamespace, type UserNamespace } from '#userns/user-namespace.ts'

/**
 * Makes or finds the namespace, then gives up being root for good. From here on this process is what the
 * container's root is on the host, and everything works as it does for an ordinary user.
 */
export async function becomeMappedRoot(config: Config): Promise<UserNamespace> {
  const wish = await wishedNamespace(config)
  const uid = wish.mappings.uid[0]?.outsideId ?? -1
  const gid = wish.mappings.gid[0]?.outsideId ?? -1
  ensureGraphRoot(config.storage, { uid, gid })
  const runRoot = config.storage.runRoot.path
  mkdirSync(runRoot, { recursive: true, mode: 0o711 })
  chownSync(runRoot, uid, gid)
  const namespace = await openUserNamespace(runRoot, wish, { isInUse: () => false })
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

/** Ids from root's own ranges, else from a free one that is chosen once and remembered. */
async function wishedNamespace(config: Config): Promise<NamespaceWish> {
  const ids = chooseRootIds(readRemembered().rootIds ?? rangeOfStore(config.storage.graphRoot))
  if (ids.toRemember !== undefined) await remember('rootIds', ids.toRemember)
  return {
    mode: 'full',
    mappings: { uid: planRootIdMappings(ids.uid), gid: planRootIdMappings(ids.gid) },
    writer: { kind: 'root' },
  }
}
