// One instruction of a Containerfile as a value: words and flags told apart, variables not yet replaced. Pure.
// The grammar is that of the Dockerfile reference; flags that are known and not there yet are refused by name.
import type { TspodError } from '#errors.ts'
import type { WholeLine } from './lines.ts'
import { nearest } from './nearest.ts'
import { type Flag, parseList, parsePairs, rawWords, takeFlags } from './words.ts'

/** `RUN a b`, or `RUN ["a", "b"]`. */
export type CommandText = { form: 'shell'; text: string } | { form: 'exec'; list: string[] }

export interface RawPair {
  key: string
  value: string
}

export interface CopyInstruction {
  kind: 'copy' | 'add'
  line: WholeLine
  /** words before the last, here-documents among them as `<<NAME` */
  sources: string[]
  destination: string
  from?: string
  chown?: string
  chmod?: string
  link: boolean
  parents: boolean
  exclude: string[]
  checksum?: string
  keepGitDir: boolean
  /** ADD: whether archives are unpacked; absent: local ones are */
  unpack?: boolean
}

export interface RunInstruction {
  kind: 'run'
  line: WholeLine
  command: CommandText
  /** each `--mount` as written */
  mounts: string[]
  network?: string
}

export interface HealthcheckInstruction {
  kind: 'healthcheck'
  line: WholeLine
  /** absent for NONE */
  command?: CommandText
  /** as written: `30s` */
  interval?: string
  timeout?: string
  startPeriod?: string
  startInterval?: string
  retries?: string
}

export type Instruction =
  | { kind: 'from'; line: WholeLine; image: string; platform?: string; name?: string }
  | { kind: 'arg'; line: WholeLine; items: { name: string; value?: string }[] }
  | { kind: 'env' | 'label'; line: WholeLine; pairs: RawPair[] }
  | RunInstruction
  | CopyInstruction
  | { kind: 'cmd' | 'entrypoint'; line: WholeLine; command: CommandText }
  | { kind: 'shell'; line: WholeLine; list: string[] }
  | { kind: 'expose'; line: WholeLine; text: string }
  | { kind: 'volume'; line: WholeLine; words: string[] }
  | { kind: 'user' | 'workdir' | 'stopsignal' | 'maintainer'; line: WholeLine; value: string }
  | HealthcheckInstruction
  | { kind: 'onbuild'; line: WholeLine; text: string }

export type InstructionKind = Instruction['kind']

const keywords: readonly InstructionKind[] = [
  'add',
  'arg',
  'cmd',
  'copy',
  'entrypoint',
  'env',
  'expose',
  'from',
  'healthcheck',
  'label',
  'maintainer',
  'onbuild',
  'run',
  'shell',
  'stopsignal',
  'user',
  'volume',
  'workdir',
]

/** What stands after the keyword, with the means to complain about it. */
interface Body {
  line: WholeLine
  keyword: string
  flags: Flag[]
  rest: string
  escape: string
}

/** Throws INVALID or UNSUPPORTED, with file, line and column. */
export function parseInstruction(line: WholeLine, escape: string): Instruction {
  const [, word = '', after = ''] = /^(\S+)\s*([\s\S]*)$/.exec(line.text) ?? []
  const kind = keywords.find(each => each === word.toLowerCase())
  if (kind === undefined) {
    const near = nearest(word.toLowerCase(), keywords)
    throw line.error(`"${word}" is no instruction`, word, {
      hint: near === undefined ? 'an instruction is FROM, RUN, COPY, …' : `did you mean ${near.toUpperCase()}?`,
    })
  }
  const keyword = kind.toUpperCase()
  const { flags, rest } =
    kind === 'onbuild' || kind === 'env' || kind === 'label' || kind === 'maintainer' || kind === 'cmd'
      ? { flags: [], rest: after }
      : takeFlags(after, escape)
  const body: Body = { line, keyword, flags, rest, escape }
  if (rest === '' && kind !== 'cmd' && kind !== 'entrypoint' && kind !== 'shell')
    throw line.error(`${keyword} has no arguments, must have ${needs[kind]}`, word)
  return parseBody(kind, body)
}

const needs: Record<InstructionKind, string> = {
  add: 'sources and a destination',
  arg: 'a name',
  cmd: 'a command',
  copy: 'sources and a destination',
  entrypoint: 'a command',
  env: 'NAME=value',
  expose: 'a port',
  from: 'an image or a stage',
  healthcheck: 'CMD and a command, or NONE',
  label: 'NAME=value',
  maintainer: 'a name',
  onbuild: 'an instruction',
  run: 'a command',
  shell: 'a JSON list',
  stopsignal: 'a signal',
  user: 'a user',
  volume: 'a path',
  workdir: 'a path',
}

function parseBody(kind: InstructionKind, body: Body): Instruction {
  const { line, rest } = body
  switch (kind) {
    case 'from':
      return parseFrom(body)
    case 'arg':
      refuseFlags(body, [])
      return { kind, line, items: rawWords(rest, body.escape).map(({ text }) => parseArg(body, text)) }
    case 'env':
    case 'label': {
      const pairs = parsePairs(rest, body.escape)
      if (!Array.isArray(pairs))
        throw line.error(`${body.keyword} "${pairs.wrong}" must be NAME=value`, pairs.wrong, {
          hint: 'put quotes around values with blanks',
        })
      return { kind, line, pairs }
    }
    case 'run':
      return parseRun(body)
    case 'copy':
    case 'add':
      return parseCopy(kind, body)
    case 'cmd':
    case 'entrypoint':
      refuseFlags(body, [])
      return { kind, line, command: parseCommand(body, rest) }
    case 'shell': {
      const list = parseList(rest)
      if (list === undefined || list === 'mixed' || list.length === 0)
        throw line.error(`SHELL ${rest} must be a JSON list of strings`, rest, { hint: 'SHELL ["/bin/bash", "-c"]' })
      return { kind, line, list }
    }
    case 'expose':
      refuseFlags(body, [])
      return { kind, line, text: rest }
    case 'volume': {
      refuseFlags(body, [])
      const list = parseList(rest)
      if (list === 'mixed') throw notStrings(body)
      const words = list ?? rawWords(rest, body.escape).map(({ text }) => text)
      if (words.some(each => each === '')) throw line.error('VOLUME has an empty path')
      return { kind, line, words }
    }
    case 'user':
    case 'workdir':
    case 'stopsignal':
    case 'maintainer':
      refuseFlags(body, [])
      return { kind, line, value: rest }
    case 'healthcheck':
      return parseHealthcheck(body)
    case 'onbuild':
      return parseOnbuild(body)
  }
}

function parseFrom(body: Body): Instruction {
  const { line, rest } = body
  refuseFlags(body, ['platform'])
  const words = rawWords(rest, body.escape).map(({ text }) => text)
  const [image = '', as, name, more] = words
  if (words.length !== 1 && (words.length !== 3 || as?.toLowerCase() !== 'as'))
    throw line.error(`FROM ${rest} must be FROM image, or FROM image AS name`, more ?? as)
  if (name !== undefined && !/^[a-z][a-z0-9_.-]*$/i.test(name))
    throw line.error(
      `the stage name "${name}" must begin with a letter and hold letters, digits, "-", "_" and "."`,
      name,
    )
  const platform = flagValue(body, 'platform')
  return {
    kind: 'from',
    line,
    image,
    ...(platform !== undefined && { platform }),
    ...(name !== undefined && { name: name.toLowerCase() }),
  }
}

function parseArg({ line }: Body, text: string): { name: string; value?: string } {
  const equals = text.indexOf('=')
  const name = equals < 0 ? text : text.slice(0, equals)
  if (!/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name)) throw line.error(`ARG "${text}" must be NAME or NAME=value`, text)
  return equals < 0 ? { name } : { name, value: text.slice(equals + 1) }
}

function parseRun(body: Body): RunInstruction {
  const { line, rest } = body
  refuseFlags(body, ['mount', 'network', 'security'])
  const security = flagValue(body, 'security')
  if (security !== undefined && security !== 'sandbox')
    throw line.error(`RUN --security=${security} is not implemented yet`, '--security', { code: 'UNSUPPORTED' })
  const network = flagValue(body, 'network')
  if (network !== undefined && !['default', 'none', 'host'].includes(network))
    throw line.error(`RUN --network=${network} must be default, none or host`, '--network')
  return {
    kind: 'run',
    line,
    command: parseCommand(body, rest),
    mounts: body.flags.flatMap(({ name, value }) => (name === 'mount' ? [value ?? ''] : [])),
    ...(network !== undefined && { network }),
  }
}

const copyFlags = ['from', 'chown', 'chmod', 'link', 'parents', 'exclude']
const addFlags = ['chown', 'chmod', 'link', 'exclude', 'checksum', 'keep-git-dir', 'unpack']

function parseCopy(kind: 'copy' | 'add', body: Body): CopyInstruction {
  const { line, rest, keyword, escape } = body
  refuseFlags(body, kind === 'copy' ? copyFlags : addFlags)
  const list = parseList(rest)
  if (list === 'mixed') throw notStrings(body)
  const words = list ?? rawWords(rest, escape).map(({ text }) => text)
  const destination = words.pop()
  if (destination === undefined || words.length === 0)
    throw line.error(`${keyword} ${rest} must have at least one source and a destination`, rest)
  const text = (name: string): string | undefined => flagValue(body, name)
  const values = { from: text('from'), chown: text('chown'), chmod: text('chmod'), checksum: text('checksum') }
  const unpack = body.flags.some(({ name }) => name === 'unpack') ? flagBoolean(body, 'unpack') : undefined
  return {
    kind,
    line,
    sources: words,
    destination,
    ...Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)),
    link: flagBoolean(body, 'link'),
    parents: flagBoolean(body, 'parents'),
    exclude: body.flags.flatMap(({ name, value }) => (name === 'exclude' ? [value ?? ''] : [])),
    keepGitDir: flagBoolean(body, 'keep-git-dir'),
    ...(unpack !== undefined && { unpack }),
  }
}

const healthFlags = ['interval', 'timeout', 'start-period', 'start-interval', 'retries']

function parseHealthcheck(body: Body): HealthcheckInstruction {
  const { line, rest } = body
  refuseFlags(body, healthFlags)
  const [, word = '', after = ''] = /^(\S+)\s*([\s\S]*)$/.exec(rest) ?? []
  if (word.toUpperCase() === 'NONE') {
    if (after !== '' || body.flags.length > 0)
      throw line.error('HEALTHCHECK NONE takes no arguments and no flags', rest)
    return { kind: 'healthcheck', line }
  }
  if (word.toUpperCase() !== 'CMD')
    throw line.error(`HEALTHCHECK "${word}" must be CMD or NONE`, word, { hint: `HEALTHCHECK CMD ${rest}` })
  if (after === '') throw line.error('HEALTHCHECK CMD has no command', word)
  return {
    kind: 'healthcheck',
    line,
    command: parseCommand(body, after),
    interval: flagValue(body, 'interval'),
    timeout: flagValue(body, 'timeout'),
    startPeriod: flagValue(body, 'start-period'),
    startInterval: flagValue(body, 'start-interval'),
    retries: flagValue(body, 'retries'),
  }
}

function parseOnbuild({ line, rest }: Body): Instruction {
  const word = (/^\S+/.exec(rest)?.[0] ?? '').toUpperCase()
  if (word === 'ONBUILD') throw line.error('ONBUILD ONBUILD is not allowed', rest)
  if (word === 'FROM' || word === 'MAINTAINER') throw line.error(`ONBUILD ${word} is not allowed`, rest)
  if (!keywords.some(each => each === word.toLowerCase()))
    throw line.error(`ONBUILD: "${word}" is no instruction`, rest)
  return { kind: 'onbuild', line, text: rest }
}

function parseCommand(body: Body, text: string): CommandText {
  const list = parseList(text)
  if (list === 'mixed') throw notStrings(body)
  if (list === undefined) return { form: 'shell', text }
  return { form: 'exec', list }
}

function notStrings({ line, keyword, rest }: Body): TspodError {
  return line.error(`${keyword} ${rest} must be a list of strings`, rest, { hint: 'put numbers into quotes' })
}

function refuseFlags({ line, keyword, flags }: Body, known: readonly string[]): void {
  for (const { name, raw } of flags) {
    if (known.includes(name)) continue
    if (keyword === 'RUN' && name === 'device')
      throw line.error('RUN --device is not implemented yet', raw, { code: 'UNSUPPORTED' })
    throw line.error(`${keyword} has no flag --${name}`, raw, {
      hint: known.length === 0 ? undefined : `it has ${known.map(each => `--${each}`).join(', ')}`,
    })
  }
}

/** The last one counts. */
function flagValue({ line, keyword, flags }: Body, wanted: string): string | undefined {
  const flag = flags.findLast(({ name }) => name === wanted)
  if (flag === undefined) return undefined
  if (flag.value === undefined || flag.value === '')
    throw line.error(`${keyword} --${wanted} has no value, must be --${wanted}=…`, flag.raw)
  return flag.value
}

function flagBoolean({ line, keyword, flags }: Body, wanted: string): boolean {
  const flag = flags.findLast(({ name }) => name === wanted)
  if (flag === undefined) return false
  const value = flag.value?.toLowerCase() ?? 'true'
  if (value !== 'true' && value !== 'false')
    throw line.error(`${keyword} --${wanted}=${flag.value ?? ''} must be true or false`, flag.raw)
  return value === 'true'
}

/** The keyword that one or two slips make of it. */
