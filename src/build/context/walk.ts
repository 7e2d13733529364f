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

/** What is left out: lines of an ignore file, relative to the root, and patterns of --exclude, relative to the folder that is copied. */
export interface Filter {
  ignore: readonly string[]
  exclude: readonly string[]
  /** COPY --parents: a source keeps its path, or what of it follows the pivot `/./` */
  parents?: boolean
}

export interface FoundSource {
  /** beneath the root, as written in the pattern with its wildcards replaced */
  path: string
  /** its last name, '' for the root */
  name: string
  /** its path in the copy: with --parents what follows the pivot, else the name of a file and nothing for a folder */
  kept: string
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

const partsOf = (pattern: string): string[] => pattern.split('/').filter(part => part !== '' && part !== '.')

/** The sources that a pattern means, in order of their names; none where nothing fits, or all of it is left out. */
export function findSources(root: number, pattern: string, filter: Filter): FoundSource[] {
  const parts = partsOf(pattern)
  const pivot = Math.max(0, pattern.indexOf('/./'))
  const above = partsOf(pattern.slice(0, pivot)).length
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
    const name = path.slice(path.lastIndexOf('/') + 1)
    const kept = filter.parents === true ? path.split('/').slice(above).join('/') : isFolder ? '' : name
    const isLeftOut = isFolder ? rules.leavesOutAll(path, kept) : rules.leavesOut(path, kept)
    return path !== '' && isLeftOut ? [] : [{ path, name, kept, isFolder }]
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
  yield* walkFolder(folder.number, '', source, rules)
}

function* walkFolder(
  folder: number,
  path: ByteName,
  above: { path: string; kept: string },
  rules: Rules,
): Generator<WalkedFile> {
  const names = readFolder(folder).map(({ name }) => name)
  for (const name of names.sort()) {
    const status = statusAt(folder, name)
    const below = path === '' ? name : `${path}/${name}`
    const text = nameText(name)
    const full = { path: join(above.path, text), kept: join(above.kept, text) }
    if (status.type !== S_IFDIR) {
      if (!rules.leavesOut(full.path, full.kept)) yield { path: below, folder, name, status }
      continue
    }
    if (rules.leavesOutAll(full.path, full.kept)) continue
    using inner = openAt(folder, name, O_RDONLY | O_DIRECTORY)
    if (!rules.leavesOut(full.path, full.kept)) yield { path: below, folder, name, status }
    // of a folder that is left out something may be wanted: then it comes along with that
    yield* walkFolder(inner.number, below, full, rules)
  }
}

function openSource(root: number, path: string): Fd {
  const found = findBeneath(root, byteName(path), O_PATH)
  if (found === undefined) throw new RangeError(`"${path}" has vanished`)
  return found
}

/** Asked with the path beneath the root, and the one in the copy. */
interface Rules {
  leavesOut: (path: string, kept: string) => boolean
  leavesOutAll: (path: string, kept: string) => boolean
}

function filterOf({ ignore, exclude }: Filter): Rules {
  if (ignore.length === 0 && exclude.length === 0) return { leavesOut: () => false, leavesOutAll: () => false }
  const ignored = ignoreRules(ignore)
  const excluded = ignoreRules(exclude)
  return {
    leavesOut: (path, kept) => ignored.ignores(path) || (kept !== '' && excluded.ignores(kept)),
    leavesOutAll: (path, kept) => ignored.ignoresAll(path) || (kept !== '' && excluded.ignoresAll(kept)),
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
