// Extents of user_namespaces(7) id maps.
import { readFileSync } from 'node:fs'

export interface IdMapping {
  /** First id as seen inside the namespace. */
  insideId: number
  /** First id as seen in the parent namespace. */
  outsideId: number
  count: number
}

export interface IdMappings {
  uid: IdMapping[]
  gid: IdMapping[]
}

/** The text of /proc/PID/uid_map. */
export function formatIdMap(extents: readonly IdMapping[]): string {
  return extents.map(({ insideId, outsideId, count }) => `${insideId} ${outsideId} ${count}\n`).join('')
}

/** True when both map the same ids. */
export function sameIdMap(a: readonly IdMapping[], b: readonly IdMapping[]): boolean {
  return a.length === b.length && formatIdMap(a) === formatIdMap(b)
}

/** /proc/PID/uid_map or gid_map, in the ids of this process's own user namespace. */
export function readIdMap(pid: number | 'self', kind: 'uid' | 'gid'): IdMapping[] {
  return readFileSync(`/proc/${pid}/${kind}_map`, 'utf8')
    .trim()
    .split('\n')
    .map(line => {
      const [insideId = 0, outsideId = 0, count = 0] = line.trim().split(/\s+/).map(Number)
      return { insideId, outsideId, count }
    })
}
