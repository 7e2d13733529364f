// quadlet rm: removes files of the user's folder with their services.
import { existsSync, realpathSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import type { RemoveQuadletOptions } from '#engine/contracts/quadlet.ts'
import { during, TspodError } from '#errors.ts'
import { installFolder, readSources, sourceFolders } from './sources.ts'
import { synchroniseUnits } from './synchronise.ts'
import { systemctl, unitStates } from './systemctl.ts'
import { checkedServices } from './translate.ts'

/** The names of those that went, and what became of the others' services. Throws where one runs and nobody said --force. */
export async function removeQuadlets(
  names: readonly string[],
  { all, force, ignore, reload, check }: RemoveQuadletOptions,
): Promise<{ removed: string[]; failures: TspodError[] }> {
  const folder = existsSync(installFolder()) ? realpathSync(installFolder()) : installFolder()
  const sources = readSources(sourceFolders()).units
  const chosen = all
    ? sources.filter(({ path }) => path.startsWith(`${folder}/`))
    : names.flatMap(name => {
        const found = sources.find(unit => unit.name === name)
        if (found === undefined && !ignore) throw new TspodError('NOT_FOUND', `no Quadlet file "${name}"`)
        return found === undefined ? [] : [found]
      })
  const { services } = await checkedServices(check)
  const own = services.filter(({ source }) => chosen.some(({ name }) => name === source.name))
  const states = unitStates(own.map(({ name }) => name))
  const running = own.filter(({ name }) => /^(?:active|activating|reloading)\//.test(states.get(name) ?? ''))
  const [first] = running
  if (first !== undefined && !force)
    throw new TspodError('IN_USE', `removing "${first.source.name}": its service ${first.name} is active`, {
      hint: '--force stops it first',
    })
  if (first !== undefined) systemctl('stop', '--', ...running.map(({ name }) => name))
  for (const { path } of chosen) {
    if (dirname(path) !== folder)
      throw new TspodError('DENIED', `removing "${path}": it does not lie in "${folder}"`, {
        hint: 'only files that `tspod quadlet install` wrote are removed',
      })
    try {
      rmSync(path)
    } catch (error) {
      throw during(`removing "${path}"`, error)
    }
  }
  return { removed: chosen.map(({ name }) => name), failures: await synchroniseUnits(check, reload) }
}
