// Extents of user_namespaces(7) id maps.

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
