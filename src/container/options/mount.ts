// -v, --mount and --tmpfs as the user typed them, each to one mount request (run(1)).
import { posix } from 'node:path'
import { isName } from '#container/name.ts'
import type { MountRequest } from '#container/request.ts'
import { TspodError } from '#errors.ts'
import { splitFields } from './_fields.ts'
import { containerPath, type MountWords, takeMountWord } from './_mount-words.ts'
import { tmpfsRequest } from './_tmpfs.ts'

type Refuse = (why: string) => TspodError

/** -v `[source:]destination[:options]`; a source with `/` or `.` first is a path of the host, else a volume's name. */
export function parseVolumeOption(text: string, cwd: string): MountRequest {
  const refuse: Refuse = why => new TspodError('INVALID', `parsing --volume "${text}": ${why}`)
  const parts = text.split(':')
  if (parts.length > 3) throw refuse(`found ${parts.length} parts, must be [HOST-DIR|VOLUME:]CONTAINER-DIR[:OPTIONS]`)
  const [first = '', second, options] = parts
  const said: MountWords = {}
  for (const word of options?.split(',') ?? []) {
    if (word === '') continue
    if (!takeOverlayFolder(said, word, cwd) && !takeMountWord(said, word, refuse))
      throw refuse(`unknown option "${word}"`)
  }
  if (second === undefined) return volumeRequest('', first, said, refuse)
  if (first === '') throw refuse('the source before ":" is empty')
  if (first.startsWith('/') || first.startsWith('.')) return bindRequest(first, second, said, cwd, refuse)
  return volumeRequest(first, second, said, refuse)
}

/** `upperdir=` and `workdir=` of the option O. */
function takeOverlayFolder(said: MountWords, word: string, cwd: string): boolean {
  const [, key, path = ''] = /^(upper|work)dir=(.*)$/.exec(word) ?? []
  if (key === 'upper') said.upper = posix.resolve(cwd, path)
  else if (key === 'work') said.work = posix.resolve(cwd, path)
  else return false
  return true
}

/** What the words about overlays come to. */
function overlayOf(
  { overlay, upper, work }: MountWords,
  refuse: Refuse,
): { overlay: boolean; overlayFolders?: { upper: string; work: string } } {
  if (upper === undefined && work === undefined) return { overlay: overlay ?? false }
  if (overlay !== true) throw refuse('"upperdir=" and "workdir=" belong to the option "O"')
  if (upper === undefined || work === undefined) throw refuse('"upperdir=" and "workdir=" need each other')
  return { overlay, overlayFolders: { upper, work } }
}

/** --mount `type=bind,src=…,dst=…,…` with CSV quoting; the type is volume where it is not said. */
export function parseMountOption(text: string, cwd: string): MountRequest {
  const refuse: Refuse = why => new TspodError('INVALID', `parsing --mount "${text}": ${why}`)
  const fields = splitFields(text, refuse)
  const type = fields.findLast(([name]) => name === 'type')?.[1] ?? 'volume'
  const rest = fields.filter(([name]) => name !== 'type')
  switch (type) {
    case 'bind':
    case 'volume':
      return bindOrVolume(type, rest, cwd, refuse)
    case 'tmpfs':
    case 'ramfs':
    case 'devpts':
    case 'mqueue':
      return fileSystem(type, rest, refuse)
    case 'image':
      return image(rest, refuse)
    case 'artifact':
    case 'glob':
    case 'npipe':
    case 'cluster':
      throw new TspodError('UNSUPPORTED', refuse(`type "${type}" is not implemented yet`).message)
    default:
      throw refuse(`unknown type "${type}", must be bind, volume, tmpfs, ramfs, devpts, mqueue or image`)
  }
}

/** --tmpfs `destination[:options]`; options as mount(8) takes them for tmpfs, and tmpcopyup, notmpcopyup. */
export function parseTmpfsOption(text: string): MountRequest {
  const refuse: Refuse = why => new TspodError('INVALID', `parsing --tmpfs "${text}": ${why}`)
  const [destination = '', options, ...more] = text.split(':')
  if (more.length > 0) throw refuse(`found ${more.length + 2} parts, must be CONTAINER-DIR[:OPTIONS]`)
  const words = options?.split(',').filter(word => word !== '') ?? []
  return tmpfsRequest(containerPath(destination, refuse), words, refuse)
}

function bindRequest(
  source: string,
  destination: string,
  said: MountWords,
  cwd: string,
  refuse: Refuse,
): MountRequest & { type: 'bind' } {
  if (said.readOnlyTree === true && said.recursive === false)
    throw refuse('"rro" needs what is mounted below: leave out "bind"')
  if (said.copyUp !== undefined) throw refuse('the options "copy" and "nocopy" are for named volumes')
  return {
    type: 'bind',
    source: posix.resolve(cwd, source),
    destination: containerPath(destination, refuse),
    readOnly: said.readOnly ?? false,
    ...(said.readOnlyTree === true && { readOnlyTree: true as const }),
    propagation: said.propagation,
    recursive: said.recursive ?? true,
    nosuid: said.nosuid ?? false,
    nodev: said.nodev ?? false,
    noexec: said.noexec ?? false,
    chown: said.chown ?? false,
    relabel: said.relabel,
    ...overlayOf(said, refuse),
    createSource: false,
  }
}

function volumeRequest(
  name: string,
  destination: string,
  said: MountWords,
  refuse: Refuse,
): MountRequest & { type: 'volume' } {
  if (name !== '' && !isName(name))
    throw refuse(`volume name "${name}": names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument`)
  if (said.recursive === false) throw refuse('"bind" is for folders of the host')
  return {
    type: 'volume',
    name,
    destination: containerPath(destination, refuse),
    readOnly: said.readOnly ?? false,
    ...(said.readOnlyTree === true && { readOnlyTree: true as const }),
    nosuid: said.nosuid ?? true,
    nodev: said.nodev ?? true,
    noexec: said.noexec ?? false,
    chown: said.chown ?? false,
    copyUp: said.copyUp ?? true,
    propagation: said.propagation,
    ...overlayOf(said, refuse),
  }
}

function bindOrVolume(type: 'bind' | 'volume', fields: [string, string?][], cwd: string, refuse: Refuse): MountRequest {
  const said: MountWords = {}
  let source: string | undefined
  let destination: string | undefined
  let subpath: string | undefined
  let createSource = false
  for (const [name, value] of fields) {
    const take = (word: string) => {
      if (!takeMountWord(said, word, refuse)) throw refuse(`${name} is "${value ?? ''}", which is not a value it takes`)
    }
    if (name === 'source' || name === 'src') source = needed(name, value, refuse)
    else if (isDestination(name)) destination = needed(name, value, refuse)
    else if (name === 'ro' || name === 'readonly') take(truth(name, value, refuse) ? 'ro' : 'rw')
    else if (name === 'rw') take(truth(name, value, refuse) ? 'rw' : 'ro')
    else if (name === 'U' || name === 'chown') said.chown = truth(name, value, refuse)
    else if (name === 'relabel') take(value === 'shared' ? 'z' : value === 'private' ? 'Z' : '')
    else if (name === 'bind-propagation' || name === 'volume-propagation') takePropagation(name, value, take, refuse)
    else if (name === 'bind-nonrecursive' && type === 'bind') take(truth(name, value, refuse) ? 'bind' : 'rbind')
    else if (name === 'bind-recursive' && type === 'bind') takeRecursion(value, take, refuse)
    else if (name === 'bind-create-src' && type === 'bind') createSource = truth(name, value, refuse)
    else if (name === 'volume-nocopy' && type === 'volume') take(truth(name, value, refuse) ? 'nocopy' : 'copy')
    else if ((name === 'subpath' || name === 'volume-subpath') && type === 'volume')
      subpath = inside(name, value, refuse)
    else if (name === 'consistency') consistency(value, refuse)
    else if (name === 'volume-opt' || name === 'volume-driver' || name === 'volume-label')
      throw new TspodError('UNSUPPORTED', refuse(`"${name}" is not implemented yet, use volume create`).message)
    else if (value !== undefined || !takeMountWord(said, name, refuse)) throw refuse(`unknown option "${name}"`)
  }
  if (destination === undefined) throw refuse('the destination (dst=) is missing')
  if (type === 'volume') {
    const request = volumeRequest(source ?? '', destination, said, refuse)
    return subpath === undefined ? request : { ...request, subpath }
  }
  if (source === undefined) throw refuse('the source (src=) is missing')
  return { ...bindRequest(source, destination, said, cwd, refuse), createSource }
}

function fileSystem(
  type: 'tmpfs' | 'ramfs' | 'devpts' | 'mqueue',
  fields: [string, string?][],
  refuse: Refuse,
): MountRequest {
  let destination: string | undefined
  const options: string[] = []
  for (const [name, value] of fields) {
    if (isDestination(name)) destination = needed(name, value, refuse)
    else if (name === 'ro' || name === 'readonly') options.push(truth(name, value, refuse) ? 'ro' : 'rw')
    else if (name === 'tmpfs-size' || name === 'tmpfs-mode')
      options.push(`${name.slice(6)}=${needed(name, value, refuse)}`)
    else if (name === 'source' || name === 'src') throw refuse(`a mount of type ${type} has no source`)
    else if (name === 'consistency') consistency(value, refuse)
    else options.push(value === undefined ? name : `${name}=${value}`)
  }
  if (destination === undefined) throw refuse('the destination (dst=) is missing')
  const path = containerPath(destination, refuse)
  if (type === 'tmpfs') return tmpfsRequest(path, options, refuse)
  const allowed = type === 'devpts' ? /^(ro|rw|gid=\d+|uid=\d+|mode=[0-7]+|max=\d+)$/ : /^(ro|rw|mode=[0-7]+)$/
  const odd = options.find(option => !allowed.test(option))
  if (odd !== undefined) throw refuse(`unknown option "${odd}" for type ${type}`)
  return { type, destination: path, options }
}

function image(fields: [string, string?][], refuse: Refuse): MountRequest {
  let source: string | undefined
  let destination: string | undefined
  let subpath: string | undefined
  let readWrite = false
  for (const [name, value] of fields) {
    if (name === 'source' || name === 'src') source = needed(name, value, refuse)
    else if (isDestination(name)) destination = needed(name, value, refuse)
    else if (name === 'rw' || name === 'readwrite') readWrite = truth(name, value, refuse)
    else if (name === 'ro' || name === 'readonly') readWrite = !truth(name, value, refuse)
    else if (name === 'subpath' || name === 'image-subpath') subpath = inside(name, value, refuse)
    else throw refuse(`unknown option "${name}" for type image`)
  }
  if (source === undefined || destination === undefined) throw refuse('source (src=) and destination (dst=) are needed')
  const request = { type: 'image' as const, image: source, destination: containerPath(destination, refuse), readWrite }
  return subpath === undefined ? request : { ...request, subpath }
}

function isDestination(name: string): boolean {
  return name === 'destination' || name === 'dst' || name === 'target'
}

function needed(name: string, value: string | undefined, refuse: Refuse): string {
  if (value === undefined || value === '') throw refuse(`"${name}" needs a value`)
  return value
}

function truth(name: string, value: string | undefined, refuse: Refuse): boolean {
  if (value === undefined || /^(true|1|t)$/i.test(value)) return true
  if (/^(false|0|f)$/i.test(value)) return false
  throw refuse(`${name} is "${value}", must be true or false`)
}

/** docker's words for what is mounted below the source (docker-run reference, bind-recursive). */
function takeRecursion(value: string | undefined, take: (word: string) => void, refuse: Refuse): void {
  if (value === 'enabled') take('rbind')
  else if (value === 'disabled') take('bind')
  else if (value === 'readonly') take('rro')
  else if (value !== 'writable')
    throw refuse(`bind-recursive is "${value ?? ''}", must be enabled, disabled, writable or readonly`)
}

function takePropagation(name: string, value: string | undefined, take: (word: string) => void, refuse: Refuse): void {
  if (!/^r?(private|shared|slave)$/.test(value ?? ''))
    throw refuse(`${name} is "${value ?? ''}", must be private, rprivate, shared, rshared, slave or rslave`)
  take(value ?? '')
}

/** A path below the volume's root, without a leading slash. */
function inside(name: string, value: string | undefined, refuse: Refuse): string {
  const path = posix
    .normalize(`/${needed(name, value, refuse)}`)
    .slice(1)
    .replace(/\/$/, '')
  if (value?.split('/').includes('..') || path === '')
    throw refuse(`${name} is "${value}", must be a path below the volume`)
  return path
}

/** docker's hint for file sharing of virtual machines; on Linux all three mean the same (docker run reference). */
function consistency(value: string | undefined, refuse: Refuse): void {
  if (!['consistent', 'cached', 'delegated', 'default'].includes(value ?? ''))
    throw refuse(`consistency is "${value ?? ''}", must be consistent, cached or delegated`)
}
