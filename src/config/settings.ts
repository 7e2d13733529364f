// What tspod found out once and remembers between commands: one small JSON file in $XDG_STATE_HOME/tspod. Losing it costs a
// moment, never data. Read by hand, since that is on every command's way; written through the `conf` library.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf } from '#errors.ts'
import { stateFolder } from '#host/paths.ts'
import { log } from '#log.ts'

/** The remembered facts by name; every one can be missing. */
export interface Remembered {
  /** The storage driver that a probe chose, by `<kernel release> <file system> <graph root>`. */
  storageDriver?: Record<string, { driver: string; reasons: string[] }>
  /** Ids that root's containers are mapped to (userns/root-ids.ts). */
  rootIds?: { start: number; count: number }
}

const fileName = 'remembered'

/** All remembered facts; empty where there is no file, or one that is damaged. */
export function readRemembered(folder: string | undefined = stateFolder()): Remembered {
  if (folder === undefined) return {}
  const path = join(folder, `${fileName}.json`)
  try {
    const content: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return typeof content === 'object' && content !== null && !Array.isArray(content) ? content : {}
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') log.debug(`reading "${path}": ${String(error)}`)
    return {}
  }
}

/**
 * Remembers one fact. Resolves to false where it could not be written (a read-only home, a full disk): the next command
 * finds it out again.
 */
export async function remember<K extends keyof Remembered>(
  name: K,
  value: NonNullable<Remembered[K]>,
  folder: string | undefined = stateFolder(),
): Promise<boolean> {
  if (folder === undefined) return false
  try {
    const { default: Conf } = await import('conf')
    const store = new Conf<Remembered>({
      cwd: folder,
      configName: fileName,
      projectName: 'tspod',
      configFileMode: 0o600,
      clearInvalidConfig: true,
      accessPropertiesByDotNotation: false,
    })
    store.set(name, value)
    return true
  } catch (error) {
    log.debug(`remembering ${name} in "${folder}": ${String(error)}`)
    return false
  }
}
