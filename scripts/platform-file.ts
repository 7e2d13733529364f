// Finds a file of a platform's npm package; one of another platform than this is fetched and kept in .cache/.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'

interface Lock {
  packages: Record<string, { version: string; integrity: string } | undefined>
}

/** Path of `file` in npm package `name` at the version package-lock.json has; its digest is checked when it is fetched. */
export function platformFile(root: string, name: string, file: string): string {
  const installed = join(root, 'node_modules', name, file)
  if (existsSync(installed)) return installed
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock
  const locked = lock.packages[`node_modules/${name}`]
  if (locked === undefined) throw new Error(`package-lock.json does not know "${name}"`)
  const folder = join(root, '.cache/packages', name, locked.version)
  if (!existsSync(folder)) fetchPackage(`${name}@${locked.version}`, locked.integrity, folder)
  return join(folder, file)
}

function fetchPackage(specifier: string, integrity: string, folder: string): void {
  mkdirSync(dirname(folder), { recursive: true })
  const staging = mkdtempSync(`${folder}.`)
  try {
    const answer = execFileSync('npm', ['pack', '--json', '--silent', specifier], { cwd: staging, encoding: 'utf8' })
    const [packed] = JSON.parse(answer) as [{ filename: string }]
    const archive = join(staging, packed.filename)
    const found = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`
    if (found !== integrity)
      throw new Error(`fetching "${specifier}": found ${found}, package-lock.json wants ${integrity}`)
    execFileSync('tar', ['-xzf', archive, '--no-same-owner'], { cwd: staging })
    renameSync(join(staging, 'package'), folder)
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
}
