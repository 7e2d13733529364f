// The files that a COPY means: sources found by pattern beneath a root that no link leads out of, and all that is in them. Where the
// root is the context, on the host's side to find out what they hold, and in a worker to copy them.

import type { ByteName } from '#sys/byte-name.ts'
import { byteName, nameText } from '#sys/byte-name.ts'
import { type Fd, openFile } from '#sys/fd.ts'
import { type FileStatus, S_IFDIR, statusAt, statusOf } from '#sys/file-status.ts'
import { O_DIRECTORY, O_PATH, O_RDONLY } from '#sys/flags.ts'
import { readFolder } from '#sys/folder.ts'
import { openAt } from '#sys/make-at.ts'
import { findBeneath } from '#sys/open-beneath.ts'
import { ignoreRules, patternRegex } from './ignore.ts'

/** What is left out: lines of an ignore file, and patterns of --exclude, both relative to the root. */
export interface Filter {
  ignore: readonly string[]
  exclude: readonly string[]
}

export interface FoundSource {
  /** beneath the root, as written in the pattern with its wildcards replaced */
  path: string
  /** its last name, '' for the root */
  name: string
  isFolder: boolean
}

/** One file of a source. */
export interface WalkedFile {
  /** beneath the source, '' for the source itself */
  path: ByteName
  /** the open folder it is in, and its name there; the file itself with the name '' */
  folder: number
  name: ByteName
  status: FileStatus
}

const hasWildcard = (text: string): boolean => /[*?[\\]/.test(text)

/** The sources that a pattern means, in order of their names; none where nothing fits, or all of it is ignored. */
export function findSources(root: number, pattern: string, filter: Filter): FoundSource[] {
  const parts = pattern.split('/').filter(part => part !== '' && part !== '.')
  let paths: string[] = ['']
  for (const part of parts) {
    if (!hasWildcard(part)) {
      paths = paths.map(path => join(path, part))
      continue
    }
    const regex = patternRegex(part)
    paths = paths.flatMap(path =>
      namesIn(root, path)
        .filter(name => regex.test(name))
        .map(name => join(path, name)),
    )
  }
  const rules = filterOf(filter)
  return paths.flatMap(path => {
    using found = findBeneath(root, byteName(path), O_PATH)
    if (found === undefined) return []
    const isFolder = statusOf(found.number).type === S_IFDIR
    if (path !== '' && (isFolder ? rules.leavesOutAll(path) : rules.leavesOut(path))) return []
    return [{ path, name: path.slice(path.lastIndexOf('/') + 1), isFolder }]
  })
}

/** All files of a source, a folder before what is in it, names in order. A source that is a link is what it leads to. */
export function* walkSource(root: number, source: FoundSource, filter: Filter): Generator<WalkedFile> {
  const rules = filterOf(filter)
  using top = openSource(root, source.path)
  if (!source.isFolder) {
    yield { path: '', folder: top.number, name: '', status: statusOf(top.number) }
    return
  }
  using folder = openFile(`/proc/self/fd/${top.number}`, O_RDONLY | O_DIRECTORY)
  yield { path: '', folder: folder.number, name: '', status: statusOf(folder.number) }
  yield* walkFolder(folder.number, '', source.path, rules)
}

function* walkFolder(folder: number, path: ByteName, above: string, rules: Rules): Generator<WalkedFile> {
  const names = readFolder(folder).map(({ name }) => name)
  for (const name of names.sort()) {
    const status = statusAt(folder, name)
    const full = join(above, nameText(name))
    const below = path === '' ? name : `${path}/${name}`
    if (status.type !== S_IFDIR) {
      if (!rules.leavesOut(full)) yield { path: below, folder, name, status }
      continue
    }
    if (rules.leavesOutAll(full)) continue
    using inner = openAt(folder, name, O_RDONLY | O_DIRECTORY)
    if (!rules.leavesOut(full)) yield { path: below, folder, name, status }
    // of a folder that is left out something may be wanted: then it comes along with that
    yield* walkFolder(inner.number, below, full, rules)
  }
}

function openSource(root: number, path: string): Fd {
  const found = findBeneath(root, byteName(path), O_PATH)
  if (found === undefined) throw new RangeError(`"${path}" has vanished`)
  return found
}

interface Rules {
  leavesOut: (path: string) => boolean
  leavesOutAll: (path: string) => boolean
}

function filterOf({ ignore, exclude }: Filter): Rules {
  if (ignore.length === 0 && exclude.length === 0) return { leavesOut: () => false, leavesOutAll: () => false }
  const ignored = ignoreRules(ignore)
  const excluded = ignoreRules(exclude)
  return {
    leavesOut: path => ignored.ignores(path) || excluded.ignores(path),
    leavesOutAll: path => ignored.ignoresAll(path) || excluded.ignoresAll(path),
  }
}

function namesIn(root: number, path: string): string[] {
  using folder = findBeneath(root, byteName(path), O_RDONLY | O_DIRECTORY)
  if (folder === undefined) return []
  return readFolder(folder.number)
    .map(({ name }) => nameText(name))
    .sort()
}

const join = (folder: string, name: string): string => (folder === '' ? name : `${folder}/${name}`)
