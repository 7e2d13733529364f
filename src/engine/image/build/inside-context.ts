// A path of a context as the host has it.
import { openRoot } from '#build/context/root.ts'
import { TspodError } from '#errors.ts'

/** Links are resolved, and nothing outside is found. Throws NOT_FOUND. */
export function insideContext(folder: string, source: string): string {
  using root = openRoot(folder)
  const path = root.realPath(source)
  if (path === undefined) throw new TspodError('NOT_FOUND', `--mount: "${source}" does not exist in the context`)
  return path
}
