// volume rm.

import type { Outcome } from '#engine/contracts/container.ts'
import type { RemoveVolumeOptions } from '#engine/contracts/volume.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { during, TspodError } from '#errors.ts'
import { removeTree } from '#storage/remove-tree.ts'
import { hideVolume, listVolumeRecords, lockVolumes } from '#storage/volumes.ts'
import { volumePlace } from './place.ts'
import { containersByVolume } from './users.ts'

/** The verb: by name or the unambiguous beginning of one. One's failure does not keep the others from their turn. */
export async function removeVolumes(names: string[], options: RemoveVolumeOptions): Promise<Outcome[]> {
  const engine = await openEngine()
  const known = listVolumeRecords(volumePlace(engine)).map(({ name }) => name)
  const outcomes: Outcome[] = []
  for (const input of options.all ? known : names) {
    try {
      const name = findName(known, input)
      if (options.force) await removeUsers(engine, name, options)
      await removeVolume(engine, name)
      outcomes.push({ input, id: name })
    } catch (error) {
      const failure = error instanceof TspodError ? error : during(`removing volume "${input}"`, error)
      outcomes.push(options.force && failure.code === 'NOT_FOUND' ? { input } : { input, error: failure })
    }
  }
  return outcomes
}

/** One volume that no container uses. Throws IN_USE, NOT_FOUND in podman's words. */
export async function removeVolume(engine: Engine, name: string): Promise<void> {
  const place = volumePlace(engine)
  let trash: string | undefined
  {
    using _lock = await lockVolumes(place, false)
    const users = containersByVolume(engine).get(name) ?? []
    if (users.length > 0)
      throw new TspodError(
        'IN_USE',
        `volume ${name} is being used by the following container(s): ${users.join(', ')}: volume is being used`,
        { hint: 'remove the containers first, or use --force' },
      )
    trash = hideVolume(place, name)
  }
  if (trash === undefined) throw new TspodError('NOT_FOUND', `no volume with name "${name}" found: no such volume`)
  await removeTree(trash, place.openNamespace)
  engine.journal({ type: 'volume', status: 'remove', id: name, name, attributes: {} })
}

function findName(known: readonly string[], text: string): string {
  if (known.includes(text)) return text
  const fitting = known.filter(name => name.startsWith(text))
  if (fitting.length > 1)
    throw new TspodError('CONFLICT', `more than one volume has a name that begins with "${text}"`, {
      hint: `there are ${fitting.join(', ')}`,
    })
  const [found] = fitting
  if (found === undefined || text === '')
    throw new TspodError('NOT_FOUND', `no volume with name "${text}" found: no such volume`)
  return found
}

async function removeUsers(engine: Engine, name: string, { timeoutSeconds }: RemoveVolumeOptions): Promise<void> {
  const users = containersByVolume(engine).get(name) ?? []
  if (users.length === 0) return
  const { removeContainers } = await import('#engine/container/remove.ts')
  const selection = { names: users, all: false, filters: [], ignoreMissing: true }
  for (const { error } of await removeContainers(selection, {
    force: true,
    volumes: false,
    depend: true,
    withPods: true,
    timeoutSeconds,
  }))
    if (error !== undefined) throw error
}
