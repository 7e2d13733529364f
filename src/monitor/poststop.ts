// poststop.json: hooks that a running container still owes, in its folder. Its monitor runs them; where that was killed before the
// container, whoever next finds it dead does (runtime-spec, runtime.md, Lifecycle). A kill in between runs them twice, never not at all.
import { rmSync } from 'node:fs'
import { readJson, replaceFile } from '#container/exit-record.ts'
import type { PoststopHooks } from '#runtime/hooks.ts'

const pathIn = (folder: string): string => `${folder}/poststop.json`

/** Before the container's process is recorded. */
export function owePoststop(folder: string, hooks: PoststopHooks): void {
  replaceFile(pathIn(folder), JSON.stringify(hooks), false)
}

/** They have been run. */
export function settlePoststop(folder: string): void {
  rmSync(pathIn(folder), { force: true })
}

/** Runs those that are still owed; what went wrong, in words. For whoever holds the container's lock and has seen that its monitor is dead. */
export async function runOwedPoststop(folder: string): Promise<string[]> {
  const owed = readJson(pathIn(folder)) as PoststopHooks | undefined
  if (owed === undefined) return []
  const { runPoststop } = await import('#runtime/hooks.ts')
  const faults = runPoststop(owed)
  settlePoststop(folder)
  return faults
}
