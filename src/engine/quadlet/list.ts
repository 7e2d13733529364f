// quadlet list and quadlet print.
import { readFileSync } from 'node:fs'
import type { CommandCheck, QuadletFile } from '#engine/contracts/quadlet.ts'
import { TspodError } from '#errors.ts'
import type { SourceUnit } from '#systemd/quadlet/draft.ts'
import { readSources, sourceFolders } from './sources.ts'
import { unitStates } from './systemctl.ts'
import { checkedServices } from './translate.ts'

/** Every Quadlet file with its service and that service's state. */
export async function listQuadlets(check: CommandCheck): Promise<{ files: QuadletFile[]; failures: TspodError[] }> {
  const { services, failed, failures } = await checkedServices(check)
  const states = unitStates(services.map(({ name }) => name))
  const files: QuadletFile[] = readSources(sourceFolders()).units.map(({ name, path }) => {
    const service = services.find(({ source }) => source.name === name)?.name
    if (service === undefined) return { name, path, status: failed.has(name) ? 'Invalid' : 'Not loaded' }
    return { name, path, service, status: states.get(service) ?? 'Not loaded' }
  })
  return { files, failures }
}

/** The text of a file as it is. */
export function readQuadlet(name: string): string {
  return readFileSync(findQuadlet(name).path, 'utf8')
}

/** Throws NOT_FOUND. */
export function findQuadlet(name: string): SourceUnit {
  const found = readSources(sourceFolders()).units.find(unit => unit.name === name)
  if (found === undefined)
    throw new TspodError('NOT_FOUND', `no Quadlet file "${name}"`, {
      hint: '`tspod quadlet list` shows those there are',
    })
  return found
}
