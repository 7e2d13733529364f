// A git repository as a folder: contexts and sources of ADD, `url#branch-tag-or-commit:folder`.
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { TspodError } from '#errors.ts'
import { findProgram } from '#host/helper-programs.ts'
import { runProgramSync } from '#host/run-program.ts'

const TIMEOUT_MS = 600_000

/** Fetches one commit into `folder`, which is made; the folder that the URL means. Throws NOT_FOUND, INVALID. */
export function cloneRepository(
  url: string,
  folder: string,
  options: { keepGitDir?: boolean /** the commit it must be, in full or its beginning */; commit?: string } = {},
): string {
  const git = findProgram('git')
  if (git === undefined)
    throw new TspodError('NOT_FOUND', `fetching "${url}": git is not installed`, { hint: 'install the package git' })
  const { repository, ref, path } = parseGitUrl(url)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const run = (...args: string[]): string => {
    const { status, stdout, stderr } = runProgramSync(git, ['-C', folder, ...args], { timeoutMs: TIMEOUT_MS })
    if (status === 0) return stdout.trim()
    throw new TspodError('INVALID', `fetching "${url}": git ${args[0] ?? ''}: ${stderr.trim() || 'it failed'}`)
  }
  run('init', '--quiet')
  run('fetch', '--quiet', '--depth', '1', '--no-tags', '--', repository, ref)
  const commit = run('rev-parse', 'FETCH_HEAD')
  if (options.commit !== undefined && !commit.startsWith(options.commit))
    throw new TspodError('INVALID', `fetching "${url}": found the commit ${commit}, wanted ${options.commit}`)
  run('-c', 'advice.detachedHead=false', 'checkout', '--quiet', 'FETCH_HEAD')
  if (existsSync(join(folder, '.gitmodules')))
    run('submodule', '--quiet', 'update', '--init', '--recursive', '--depth', '1')
  if (options.keepGitDir !== true) rmSync(join(folder, '.git'), { recursive: true, force: true })
  const inside = resolve(folder, path)
  if (inside !== folder && !inside.startsWith(`${folder}/`))
    throw new TspodError('INVALID', `fetching "${url}": the folder "${path}" is not in the repository`)
  if (!existsSync(inside)) throw new TspodError('NOT_FOUND', `fetching "${url}": there is no folder "${path}" in it`)
  return inside
}

/** `https://host/repo.git#ref:folder`; without a ref, what the server calls HEAD. */
export function parseGitUrl(url: string): { repository: string; ref: string; path: string } {
  const hash = url.indexOf('#')
  const repository = hash < 0 ? url : url.slice(0, hash)
  const fragment = hash < 0 ? '' : url.slice(hash + 1)
  const colon = fragment.indexOf(':')
  const ref = colon < 0 ? fragment : fragment.slice(0, colon)
  return {
    repository,
    ref: ref === '' ? 'HEAD' : ref,
    path: colon < 0 ? '' : fragment.slice(colon + 1).replace(/^\/+/, ''),
  }
}
