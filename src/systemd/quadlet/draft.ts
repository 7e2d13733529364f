// A service that is being made from a Quadlet file: what every kind does alike. Pure.
import { dirname, join } from 'node:path/posix'
import { TspodError } from '#errors.ts'
import { splitOnce, type UnitFile } from '#systemd/unit-file.ts'
import { joinWords } from '#systemd/words.ts'

/** A Quadlet file, its drop-ins merged. */
export interface SourceUnit {
  /** `web.container` */
  name: string
  /** absolute */
  path: string
  unit: UnitFile
}

/** What other files may refer to by a file's name. */
export interface UnitInfo {
  /** `web.service` */
  service: string
  /** the container, volume, network or image that it makes; `undefined` where only systemd knows */
  resource: string | undefined
  /** of a container: the `.pod` file whose service starts this one's */
  pod?: string | undefined
}

export interface Surroundings {
  /** the words that start tspod, an absolute path first */
  program: readonly string[]
  /** for a user's manager, not the system's */
  isUser: boolean
  /** a service's control group can be parted: one for the container, one for its monitor */
  canSplit: boolean
  /** every Quadlet file by name */
  known: ReadonlyMap<string, UnitInfo>
  /** whether a file is there on this machine */
  exists: (path: string) => boolean
}

export interface Draft extends Surroundings {
  source: SourceUnit
  /** the kind's group in the source, `Container` */
  group: string
  service: UnitFile
}

/** `Key` to `--option`, in the order in which they appear on the command line. */
export type KeyTable = Readonly<Record<string, string>>

export const wrong = (message: string): TspodError => new TspodError('INVALID', message)

/** The beginning of every command: the program and its global options. */
export function baseCommand({ source, group, program }: Draft): string[] {
  const modules = source.unit.all(group, 'ContainersConfModule').map(module => `--module=${module}`)
  return [...program, ...modules, ...source.unit.words(group, 'GlobalArgs')]
}

export function addCommand({ service }: Draft, key: string, argv: readonly string[]): void {
  service.add('Service', key, joinWords(argv))
}

/** Options with the last text of their key. */
export function textOptions({ source, group }: Draft, table: KeyTable): string[] {
  return Object.entries(table).flatMap(([key, option]) => {
    const value = source.unit.text(group, key)
    return value === undefined ? [] : [option, value]
  })
}

/** Options once for each value of their key. */
export function listOptions({ source, group }: Draft, table: KeyTable): string[] {
  return Object.entries(table).flatMap(([key, option]) => source.unit.all(group, key).flatMap(value => [option, value]))
}

/** Options once for each word of their key; backslashes stay. */
export function wordOptions({ source, group }: Draft, table: KeyTable): string[] {
  return Object.entries(table).flatMap(([key, option]) =>
    source.unit.words(group, key, 'raw').flatMap(word => [option, word]),
  )
}

/** Flags that are set or taken back. */
export function flagOptions({ source, group }: Draft, table: KeyTable): string[] {
  return Object.entries(table).flatMap(([key, option]) => {
    const value = source.unit.boolean(group, key)
    if (value === undefined) return []
    return value ? [option] : [`${option}=false`]
  })
}

/** Options with `name=value`, sorted by name; of two values for one name the later counts. */
export function pairOptions({ source, group }: Draft, table: KeyTable): string[] {
  return Object.entries(table).flatMap(([key, option]) => {
    const pairs = new Map(source.unit.words(group, key).map(word => [splitOnce(word, '=')[0], word]))
    return [...pairs].toSorted(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, word]) => [option, word])
  })
}

/** --network, where `web.network` and `db.container` stand for what those files make. */
export function networkOptions(draft: Draft): string[] {
  const { source, group } = draft
  return source.unit.all(group, 'Network').flatMap(value => {
    const [name, options] = splitOnce(value, ':')
    const isContainer = name.endsWith('.container')
    if (!isContainer && !name.endsWith('.network')) return ['--network', value]
    if (isContainer && options !== undefined)
      throw wrong(`Network=${value}: options are not possible for the network of another container`)
    const resource = requireUnit(draft, name, 'Network')
    if (isContainer) return ['--network', `container:${resource}`]
    return ['--network', options === undefined ? resource : `${resource}:${options}`]
  })
}

/** `--volume`, where `data.volume` stands for the volume that file makes. */
export function volumeOptions(draft: Draft): string[] {
  return draft.source.unit.all(draft.group, 'Volume').flatMap(value => {
    const [source, rest] = splitOnce(value, ':')
    return ['-v', rest === undefined ? value : `${storageSource(draft, source, false)}:${rest}`]
  })
}

/** Where a mount comes from: a folder that must be mounted, or what another file makes. */
export function storageSource(draft: Draft, text: string, mayBeImage: boolean): string {
  const source = text.startsWith('.') ? absolutePath(draft, text) : text
  if (source.startsWith('/')) draft.service.add('Unit', 'RequiresMountsFor', source)
  else if (source.endsWith('.volume') || (mayBeImage && /\.(?:image|build)$/.test(source)))
    return requireUnit(draft, source, 'Volume')
  return source
}

/** An image by its name, or that of a `.image` or `.build` file. */
export function imageSource(draft: Draft, text: string): string {
  return /\.(?:image|build)$/.test(text) ? requireUnit(draft, text, 'Image') : text
}

/** What another file makes; the service starts after its service and not without it. */
export function requireUnit({ known, service }: Draft, name: string, key: string): string {
  const info = known.get(name)
  if (info === undefined) throw wrong(`${key}=${name}: there is no Quadlet file "${name}"`)
  if (info.resource === undefined) throw wrong(`${key}=${name}: only systemd knows the name of what "${name}" makes`)
  service.add('Unit', 'Requires', info.service)
  service.add('Unit', 'After', info.service)
  return info.resource
}

/** A path in a Quadlet file is relative to it; one that begins with a specifier of systemd is not. */
export function absolutePath({ source }: Draft, path: string): string {
  return path.startsWith('/') || /^%[^%]/.test(path) ? path : join(dirname(source.path), path)
}

/** A service that does one thing and is then active. */
export function describeOneshot({ service }: Draft, remains: boolean): void {
  const defaults = { SyslogIdentifier: '%N', Type: 'oneshot', ...(remains && { RemainAfterExit: 'yes' }) }
  for (const [key, value] of Object.entries(defaults))
    if (service.last('Service', key) === undefined) service.set('Service', key, value)
}
