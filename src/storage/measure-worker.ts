// worker:measure: how many bytes folders hold whose files belong to subordinate ids. Inside the user's namespace, as its root.
import { measureTreeHere } from './measure-tree.ts'

/** Bytes in each folder; what even the namespace's root may not read counts nothing. */
export function measureWorker(request: { paths: string[] }): number[] {
  return request.paths.map(path => measureTreeHere(path) ?? 0)
}
