// `RUN --mount=…`: every type with its keys. Pure.
import { TspodError } from '#errors.ts'

export type RunMount =
  | { type: 'bind'; target: string; source: string; from?: string; readWrite: boolean }
  | {
      type: 'cache'
      target: string
      id: string
      sharing: 'shared' | 'private' | 'locked'
      readOnly: boolean
      from?: string
      source: string
      mode: number
      uid: number
      gid: number
    }
  | { type: 'tmpfs'; target: string; sizeBytes?: number }
  | {
      type: 'secret'
      id: string
      /** absent where it is only a variable */
      target?: string
      env?: string
      required: boolean
      mode: number
      uid: number
      gid: number
    }
  | { type: 'ssh'; id: string; target?: string; required: boolean; mode: number; uid: number; gid: number }

type MountType = RunMount['type']

const keysOf: Record<MountType, readonly string[]> = {
  bind: ['target', 'source', 'from', 'rw'],
  cache: ['id', 'target', 'ro', 'sharing', 'from', 'source', 'mode', 'uid', 'gid'],
  tmpfs: ['target', 'size'],
  secret: ['id', 'target', 'env', 'required', 'mode', 'uid', 'gid'],
  ssh: ['id', 'target', 'required', 'mode', 'uid', 'gid'],
}

const aliases: Record<string, string> = {
  dst: 'target',
  destination: 'target',
  src: 'source',
  readwrite: 'rw',
  readonly: 'ro',
}

/** `text` has no variables any more. Throws INVALID without a place: the caller knows the line. */
export function parseRunMount(text: string): RunMount {
  const fields = new Map<string, string>()
  for (const field of splitFields(text)) {
    const equals = field.indexOf('=')
    const written = (equals < 0 ? field : field.slice(0, equals)).trim().toLowerCase()
    fields.set(aliases[written] ?? written, equals < 0 ? 'true' : field.slice(equals + 1))
  }
  const type = (fields.get('type') ?? 'bind') as MountType
  fields.delete('type')
  if (!Object.hasOwn(keysOf, type))
    throw invalid(text, `the type "${type}" is unknown, must be bind, cache, tmpfs, secret or ssh`)
  const known = keysOf[type]
  // Podman's files carry them; a label of SELinux has no meaning for a mount of our own
  for (const key of ['relabel', 'z', 'Z', 'bind-propagation']) if (!known.includes(key)) fields.delete(key)
  // both words exist for bind and cache
  if (type === 'bind' && fields.has('ro')) {
    if (!fields.has('rw')) fields.set('rw', String(!boolean(text, 'ro', fields.get('ro'))))
    fields.delete('ro')
  }
  if (type === 'cache' && fields.has('rw')) {
    if (!fields.has('ro')) fields.set('ro', String(!boolean(text, 'rw', fields.get('rw'))))
    fields.delete('rw')
  }
  for (const key of fields.keys())
    if (!known.includes(key)) throw invalid(text, `a mount of type ${type} has no "${key}", it has ${known.join(', ')}`)
  return build(type, text, fields)
}

function build(type: MountType, text: string, fields: ReadonlyMap<string, string>): RunMount {
  const target = fields.get('target')
  const from = fields.get('from')
  const owner = (mode: string) => ({
    mode: octal(text, fields.get('mode') ?? mode),
    uid: integer(text, 'uid', fields.get('uid') ?? '0'),
    gid: integer(text, 'gid', fields.get('gid') ?? '0'),
  })
  const required = boolean(text, 'required', fields.get('required'))
  switch (type) {
    case 'bind':
      return {
        type,
        target: wanted(text, target),
        source: fields.get('source') ?? '/',
        ...(from !== undefined && { from }),
        readWrite: boolean(text, 'rw', fields.get('rw')),
      }
    case 'cache': {
      const sharing = fields.get('sharing') ?? 'shared'
      if (sharing !== 'shared' && sharing !== 'private' && sharing !== 'locked')
        throw invalid(text, `sharing is "${sharing}", must be shared, private or locked`)
      return {
        type,
        target: wanted(text, target),
        id: fields.get('id') ?? wanted(text, target),
        sharing,
        readOnly: boolean(text, 'ro', fields.get('ro')),
        ...(from !== undefined && { from }),
        source: fields.get('source') ?? '/',
        ...owner('0755'),
      }
    }
    case 'tmpfs': {
      const size = fields.get('size')
      return { type, target: wanted(text, target), ...(size !== undefined && { sizeBytes: bytes(text, size) }) }
    }
    case 'secret': {
      const id = fields.get('id') ?? target?.split('/').at(-1)
      if (id === undefined || id === '') throw invalid(text, 'a secret needs an id, or a target')
      const env = fields.get('env')
      const place = target ?? (env === undefined ? `/run/secrets/${id}` : undefined)
      return {
        type,
        id,
        ...(place !== undefined && { target: place }),
        ...(env !== undefined && { env }),
        required,
        ...owner('0400'),
      }
    }
    case 'ssh':
      return {
        type,
        id: fields.get('id') ?? 'default',
        ...(target !== undefined && { target }),
        required,
        ...owner('0600'),
      }
  }
}

function wanted(text: string, target: string | undefined): string {
  if (target === undefined || target === '') throw invalid(text, 'it has no target')
  return target
}

function boolean(text: string, key: string, value: string | undefined): boolean {
  if (value === undefined) return false
  if (value === 'true' || value === '1') return true
  if (value === 'false' || value === '0') return false
  throw invalid(text, `${key} is "${value}", must be true or false`)
}

function integer(text: string, key: string, value: string): number {
  if (!/^\d{1,10}$/.test(value)) throw invalid(text, `${key} is "${value}", must be a number`)
  return Number(value)
}

function octal(text: string, value: string): number {
  if (!/^(?:0o)?[0-7]{1,5}$/.test(value))
    throw invalid(text, `mode is "${value}", must be an octal number such as 0755`)
  return Number.parseInt(value.replace('0o', ''), 8)
}

function bytes(text: string, value: string): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?$/i.exec(value) ?? []
  if (number === '') throw invalid(text, `size is "${value}", must be a number of bytes such as 64m`)
  return Math.floor(Number(number) * 1024 ** ' kmgt'.indexOf(unit === '' ? ' ' : unit.toLowerCase()))
}

function invalid(text: string, found: string): TspodError {
  return new TspodError('INVALID', `--mount=${text}: ${found}`)
}

/** One CSV record: a field may be in double quotes. */
function splitFields(text: string): string[] {
  return (text.match(/(?:"(?:[^"]|"")*"|[^,"])+/g) ?? []).map(field =>
    /^".*"$/s.test(field) ? field.slice(1, -1).replaceAll('""', '"') : field,
  )
}
