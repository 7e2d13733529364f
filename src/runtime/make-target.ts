// Places for mounts that lie behind links to nothing (`/etc/resolv.conf -> ../run/systemd/resolve/stub-resolv.conf` without /run/systemd):
// they are made where the links lead beneath the container's root, as other runtimes do. Host namespaces; process 1 does it, one part of
// the path at a time, before anything of the image runs.
import { during, TspodError } from '#errors.ts'
import { O_CLOEXEC, O_NOFOLLOW, O_PATH } from '#sys/flags.ts'
import { call, tolerate } from '#sys/servant/batch.ts'
import type { Servant } from '#sys/servant/servant.ts'
import { openBeneath } from './plan/paths.ts'
import { type Perform, type Step, StepError } from './step.ts'

/** Performs steps; one that finds no place for its mount is tried again once the place is made. Results of earlier steps are lost then. */
export function performMaking(servant: Servant, steps: readonly Step[], perform: Perform): number[][] {
  const made = new Set<Step>()
  const lost: number[][] = []
  for (let rest = steps; ; ) {
    try {
      return [...lost, ...perform(servant, rest)]
    } catch (error) {
      if (!(error instanceof StepError) || error.errno !== 'ENOENT') throw error
      const { step } = error
      if (step.target === undefined || made.has(step)) throw error
      tryMakeTarget(servant, step.doing, step.target)
      made.add(step)
      const index = rest.indexOf(step)
      lost.push(...rest.slice(0, index).map(() => []))
      rest = rest.slice(index)
    }
  }
}

const ENOENT = -2
const S_IFREG = 0o100000
const MOST_LINKS = 40
const PATH_MAX = 4096

function tryMakeTarget(servant: Servant, doing: string, target: NonNullable<Step['target']>): void {
  try {
    makeTarget(servant, target)
  } catch (error) {
    throw during(doing, error)
  }
}

/** Follows the path beneath the root, and makes whatever is missing. */
function makeTarget(servant: Servant, { path, kind }: NonNullable<Step['target']>): void {
  const left = partsOf(path)
  let place: string[] = []
  for (let links = 0; ; ) {
    const name = left.shift()
    if (name === undefined) return
    if (name === '..') {
      place.pop()
      continue
    }
    const next = [...place, name]
    const link = readLink(servant, next)
    if (link === undefined) make(servant, place, name, left.length === 0 && kind === 'file')
    if (typeof link !== 'string') {
      place = next
      continue
    }
    if (++links > MOST_LINKS) throw new TspodError('INVALID', `making "${path}" in the container: too many links`)
    left.unshift(...partsOf(link))
    if (link.startsWith('/')) place = []
  }
}

const partsOf = (path: string): string[] => path.split('/').filter(part => part !== '' && part !== '.')

/** Where a link leads; false for what is no link; `undefined` where there is nothing. */
function readLink(servant: Servant, place: readonly string[]): string | false | undefined {
  const [fd = -1] = servant.do([tolerate('ENOENT', openBeneath(place.join('/'), O_PATH | O_NOFOLLOW))])
  if (fd === ENOENT) return undefined
  try {
    const bytes = servant.fill(PATH_MAX, address => tolerate('any', call('readlinkat', fd, '', address, PATH_MAX - 1)))
    const text = bytes.subarray(0, bytes.indexOf(0)).toString('utf8')
    return text === '' ? false : text // what is no link gives EINVAL or ENOENT, and no bytes
  } finally {
    servant.call('close', fd)
  }
}

function make(servant: Servant, place: readonly string[], name: string, isFile: boolean): void {
  const parent = { resultOf: 0 }
  servant.do([
    openBeneath(place.join('/'), O_PATH | O_CLOEXEC),
    tolerate(
      'EEXIST',
      isFile ? call('mknodat', parent, name, S_IFREG | 0o644, 0) : call('mkdirat', parent, name, 0o755),
    ),
    call('close', parent),
  ])
}
