// The ids of a user namespace inside the user's one, as the latter counts them. Host namespaces; a servant enters where it must.

import { O_RDONLY } from '#sys/flags.ts'
import { waitProcess } from '#sys/process.ts'
import { call } from '#sys/servant/batch.ts'
import { Servant } from '#sys/servant/servant.ts'
import { type IdMapping, type IdMappings, readIdMap } from './id-mapping.ts'
import { enterCalls, type UserNamespace } from './user-namespace.ts'

/** The mappings of the namespace behind a file such as /proc/PID/ns/user. `outsideId` is an id of the user's namespace. */
export function readNestedMaps(namespace: UserNamespace, path: string): IdMappings {
  const pid = /^\/proc\/([1-9]\d*)\/ns\/user$/.exec(path)?.[1]
  if (pid !== undefined) return nested(namespace.mappings, Number(pid))
  const servant = Servant.start([], [...enterCalls(namespace)])
  try {
    servant.do([call('openat', -100, path, O_RDONLY, 0), call('setns', { resultOf: 0 }, 0)])
    return nested(namespace.mappings, servant.pid)
  } finally {
    servant.close()
    waitProcess(servant.pid)
  }
}

function nested(outer: IdMappings, pid: number): IdMappings {
  return {
    uid: readIdMap(pid, 'uid').map(extent => within(outer.uid, extent)),
    gid: readIdMap(pid, 'gid').map(extent => within(outer.gid, extent)),
  }
}

/** The kernel tells ids as we see them; every extent lies in one of its parent's. */
function within(outer: readonly IdMapping[], { insideId, outsideId, count }: IdMapping): IdMapping {
  const parent = outer.find(each => outsideId >= each.outsideId && outsideId < each.outsideId + each.count)
  return { insideId, outsideId: parent === undefined ? -1 : parent.insideId + outsideId - parent.outsideId, count }
}
