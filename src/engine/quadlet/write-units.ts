// Writes services where systemd reads them: into the folder that it gives a generator, or among the user's own units.
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { during, errnoOf, TspodError } from '#errors.ts'
import { configHome } from '#host/paths.ts'
import { hostUser } from '#host/user.ts'
import { installLinks } from '#systemd/quadlet/links.ts'
import { networkWaiterName } from '#systemd/quadlet/translate.ts'
import { type CheckedServices, heading } from './translate.ts'

/** Where systemd keeps the units that its user wrote. */
export function unitFolder(): string {
  if (hostUser().isRoot) return '/etc/systemd/system'
  const base = configHome()
  if (base === undefined)
    throw new TspodError('INVALID', 'finding the folder of systemd units: neither HOME nor XDG_CONFIG_HOME is set')
  return join(base, 'systemd/user')
}

/** Makes a folder hold just these services, besides units that are not ours. Gives what it left alone, as failures. */
export function writeUnits(folder: string, { services, networkWaiter }: CheckedServices): TspodError[] {
  const waiter = networkWaiter === undefined ? [] : [{ name: networkWaiterName, unit: networkWaiter }]
  try {
    mkdirSync(folder, { recursive: true })
    const ours = generatedUnits(folder)
    const foreign = [...waiter, ...services].filter(({ name }) => isThere(join(folder, name)) && !ours.has(name))
    removeLinks(folder, ours)
    const kept = [...waiter, ...services].filter(service => !foreign.includes(service))
    for (const name of ours) if (!kept.some(service => service.name === name)) rmSync(join(folder, name))
    for (const service of kept) {
      writeWhole(join(folder, service.name), service.unit.toText([heading]))
      for (const { path, target } of installLinks(service)) makeLink(join(folder, path), target)
    }
    return foreign.map(
      ({ name }) =>
        new TspodError(
          'CONFLICT',
          `writing "${join(folder, name)}": a unit of this name is there that is not tspod's`,
          {
            hint: 'rename one of them, or set ServiceName= in the Quadlet file',
          },
        ),
    )
  } catch (error) {
    throw error instanceof TspodError ? error : during(`writing units to "${folder}"`, error)
  }
}

/** The names of those files that an earlier call wrote. */
function generatedUnits(folder: string): Set<string> {
  return new Set(
    readdirSync(folder, { withFileTypes: true })
      .filter(entry => entry.isFile() && entry.name.endsWith('.service'))
      .map(({ name }) => name)
      .filter(name => readFileSync(join(folder, name), 'utf8').startsWith(`# ${heading}\n`)),
  )
}

/** Links to our units: aliases, and those in `default.target.wants` and its kin. */
function removeLinks(folder: string, ours: ReadonlySet<string>): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isSymbolicLink() && ours.has(readlinkSync(path))) rmSync(path)
    if (!entry.isDirectory() || !/\.(?:wants|requires|upholds)$/.test(entry.name)) continue
    for (const link of readdirSync(path, { withFileTypes: true }))
      if (link.isSymbolicLink() && ours.has(basename(readlinkSync(join(path, link.name)))))
        rmSync(join(path, link.name))
  }
}

function writeWhole(path: string, text: string): void {
  const staged = `${path}.${process.pid}`
  try {
    writeFileSync(staged, text, { mode: 0o644 })
    renameSync(staged, path)
  } catch (error) {
    rmSync(staged, { force: true })
    throw error
  }
}

function makeLink(path: string, target: string): void {
  mkdirSync(dirname(path), { recursive: true })
  rmSync(path, { force: true })
  symlinkSync(target, path)
}

function isThere(path: string): boolean {
  try {
    lstatSync(path)
    return true
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false
    throw error
  }
}
