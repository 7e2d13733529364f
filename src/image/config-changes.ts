// Changes to an image's configuration, written as instructions of a Containerfile (podman-import(1), --change). Pure.
import { posix } from 'node:path'
import { TspodError } from '#errors.ts'
import type { ExecutionConfig } from '#oci/image-config.ts'
import { parseSignal } from '#oci/signal.ts'

const known = 'CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME or WORKDIR'

/** The configuration after these instructions, `CMD /bin/sh` or `CMD=/bin/sh`, in order. Throws INVALID. */
export function applyChanges(config: ExecutionConfig, changes: readonly string[]): ExecutionConfig {
  return changes.reduce((changed, text) => ({ ...changed, ...parseChange(changed, text) }), config)
}

function parseChange(config: ExecutionConfig, text: string): ExecutionConfig {
  const [, word = '', rest = ''] = /^\s*([A-Za-z]+)(?:\s+|\s*=\s*|$)([\s\S]*)$/.exec(text) ?? []
  const value = rest.trim()
  const refuse = (found: string): never => {
    throw new TspodError('INVALID', `--change "${text}": ${found}`)
  }
  const instruction = word.toUpperCase()
  if (value === '') return refuse(`must be an instruction and its value; instructions are ${known}`)
  switch (instruction) {
    case 'CMD':
      return { Cmd: parseCommand(value) }
    case 'ENTRYPOINT':
      return { Entrypoint: parseCommand(value) }
    case 'ENV':
      return { Env: setVariables(config.Env ?? [], parsePairs(value, refuse)) }
    case 'LABEL':
      return { Labels: { ...config.Labels, ...Object.fromEntries(parsePairs(value, refuse)) } }
    case 'EXPOSE':
      return { ExposedPorts: { ...config.ExposedPorts, ...parsePorts(value, refuse) } }
    case 'VOLUME':
      return { Volumes: { ...config.Volumes, ...namesAsKeys(parseList(value) ?? splitWords(value)) } }
    case 'ONBUILD':
      return { OnBuild: [...(config.OnBuild ?? []), value] }
    case 'STOPSIGNAL':
      parseSignal(value)
      return { StopSignal: value }
    case 'USER':
      return { User: value }
    case 'WORKDIR':
      return { WorkingDir: posix.resolve(config.WorkingDir || '/', value) }
    default:
      return refuse(`"${word}" is no such instruction, must be ${known}`)
  }
}

/** JSON is the command itself, anything else a line for the shell. */
function parseCommand(value: string): string[] {
  return parseList(value) ?? ['/bin/sh', '-c', value]
}

/** A JSON list of strings; `undefined` for anything else. */
function parseList(value: string): string[] | undefined {
  if (!value.startsWith('[')) return undefined
  try {
    const list: unknown = JSON.parse(value)
    return Array.isArray(list) && list.every(each => typeof each === 'string') ? list : undefined
  } catch {
    return undefined
  }
}

/** `A=1 B="two words"`, or the old form `A value`. */
function parsePairs(value: string, refuse: (found: string) => never): [string, string][] {
  const words = splitWords(value)
  const [first = ''] = words
  if (!first.includes('=')) return [[first, value.slice(first.length).trim()]]
  return words.map(word => {
    const equals = word.indexOf('=')
    if (equals < 1) refuse(`"${word}" must be KEY=VALUE`)
    return [word.slice(0, equals), word.slice(equals + 1)]
  })
}

function setVariables(env: readonly string[], pairs: readonly [string, string][]): string[] {
  const names = new Set(pairs.map(([name]) => name))
  const kept = env.filter(each => !names.has(each.slice(0, each.indexOf('='))))
  return [...kept, ...[...new Map(pairs)].map(([name, value]) => `${name}=${value}`)]
}

function parsePorts(value: string, refuse: (found: string) => never): Record<string, object> {
  const ports: Record<string, object> = {}
  for (const word of splitWords(value)) {
    const [, from = '', to = from, protocol = 'tcp'] = /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/i.exec(word) ?? []
    if (from === '' || Number(from) < 1 || Number(to) > 65_535 || Number(to) < Number(from))
      refuse(`"${word}" is no port, must be 1-65535, a range, and perhaps /tcp, /udp or /sctp`)
    for (let port = Number(from); port <= Number(to); port++) ports[`${port}/${protocol.toLowerCase()}`] = {}
  }
  return ports
}

function namesAsKeys(names: readonly string[]): Record<string, object> {
  return Object.fromEntries(names.map(name => [name, {}]))
}

/** Words as a shell would cut them: quotes and backslashes, no variables. */
function splitWords(text: string): string[] {
  const words: string[] = []
  for (const [piece] of text.matchAll(/(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/g))
    words.push(
      piece.replace(/"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/g, (_, double?: string, single?: string, escaped?: string) =>
        double !== undefined ? double.replace(/\\(["\\$])/g, '$1') : (single ?? escaped ?? ''),
      ),
    )
  return words
}
