// quadlet install: copies files into the user's folder and has systemd know their services.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import type { InstallOptions } from '#engine/contracts/quadlet.ts'
import { during, TspodError } from '#errors.ts'
import { kindOf } from '#systemd/quadlet/kinds.ts'
import { UnitFile } from '#systemd/unit-file.ts'
import { installFolder } from './sources.ts'
import { synchroniseUnits } from './synchronise.ts'
import { checkedServices } from './translate.ts'

/** Installs files, and those in folders; all are looked at before the first is copied. Gives where they lie now. */
export async function installQuadlets(
  paths: readonly string[],
  { replace, reload, check }: InstallOptions,
): Promise<{ installed: string[]; failures: TspodError[] }> {
  const folder = installFolder()
  const files = paths.flatMap(path => filesAt(path))
  if (!files.some(file => kindOf(basename(file)) !== undefined))
    throw new TspodError('INVALID', `installing "${paths.join('", "')}": there is no Quadlet file among them`, {
      hint: 'their names end with .container, .volume, .network, .image, .build, .pod or .kube',
    })
  for (const file of files) {
    const target = join(folder, basename(file))
    if (!replace && existsSync(target))
      throw new TspodError('CONFLICT', `installing "${file}": "${target}" already exists`, {
        hint: 'use --replace to overwrite it',
      })
  }
  await requireTranslation(files, folder, check)
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  const installed = files.map(file => copyInto(file, folder))
  return { installed, failures: await synchroniseUnits(check, reload) }
}

async function requireTranslation(files: string[], folder: string, check: InstallOptions['check']): Promise<void> {
  const added = files
    .filter(file => kindOf(basename(file)) !== undefined)
    .map(file => ({
      name: basename(file),
      path: join(folder, basename(file)),
      unit: UnitFile.parse(readFileSync(file, 'utf8'), file),
    }))
  const { failed } = await checkedServices(check, added)
  for (const { name } of added) {
    const error = failed.get(name)
    if (error !== undefined) throw error
  }
}

function filesAt(path: string): string[] {
  if (/^https?:\/\//.test(path))
    throw new TspodError('UNSUPPORTED', `installing "${path}": addresses are not implemented yet`, {
      hint: 'download the file first',
    })
  const full = resolve(path)
  try {
    if (!statSync(full).isDirectory()) return [full]
    return readdirSync(full, { withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(({ name }) => join(full, name))
      .toSorted()
  } catch (error) {
    throw during(`installing "${path}"`, error)
  }
}

function copyInto(file: string, folder: string): string {
  const target = join(folder, basename(file))
  const staged = `${target}.${process.pid}`
  try {
    copyFileSync(file, staged)
    renameSync(staged, target)
  } catch (error) {
    rmSync(staged, { force: true })
    throw during(`installing "${file}"`, error)
  }
  return target
}
