// worker:remove: removes a folder whose files belong to subordinate ids. Inside the user's namespace, as its root.
import { TspodError } from '#errors.ts'
import { removeTreeHere } from './remove-tree.ts'

/** Removes `path`, an absolute path. Throws DENIED where even the namespace's root may not. */
export function removeWorker(request: { path: string }): void {
  if (removeTreeHere(request.path)) return
  throw new TspodError('DENIED', `removing "${request.path}": some of its files belong to ids that are not mapped`, {
    hint: 'were /etc/subuid or /etc/subgid changed? An administrator can remove the folder',
  })
}
