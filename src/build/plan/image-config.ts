// What ENV, LABEL, CMD and their like do to an image's configuration. Pure.
import { posix } from 'node:path'
import type { CommandText, HealthcheckInstruction } from '#build/parse/instruction.ts'
import type { WholeLine } from '#build/parse/lines.ts'
import type { ExecutionConfig, Healthcheck } from '#oci/image-config.ts'
import { parseSignal } from '#oci/signal.ts'

export const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** A variable keeps its place; a new one comes last. */
export function setVariable(env: readonly string[], name: string, value: string): string[] {
  const entry = `${name}=${value}`
  const index = env.findIndex(each => each.startsWith(`${name}=`))
  return index < 0 ? [...env, entry] : env.with(index, entry)
}

export function shellOf(config: ExecutionConfig): string[] {
  return config.Shell != null && config.Shell.length > 0 ? config.Shell : ['/bin/sh', '-c']
}

export function commandOf(command: CommandText, config: ExecutionConfig): string[] {
  return command.form === 'exec' ? command.list : [...shellOf(config), command.text]
}

export function workdirAfter(config: ExecutionConfig, path: string): string {
  return posix.resolve('/', config.WorkingDir ?? '/', path)
}

/** `80`, `80/udp`, `8000-8002/tcp` as keys of the configuration; an address or port of the host before them means nothing. Throws INVALID at the word. */
export function exposedPorts(line: WholeLine, words: readonly string[]): Record<string, object> {
  const ports: Record<string, object> = {}
  for (const word of words) {
    const [, from = '', to = from, protocol = 'tcp'] =
      /^(?:[^/]*:)?(\d{1,5})(?:-(\d{1,5}))?(?:\/(\w+))?$/.exec(word) ?? []
    const isPort = (text: string): boolean => Number(text) >= 1 && Number(text) <= 65_535
    if (!isPort(from) || !isPort(to) || Number(to) < Number(from))
      throw line.error(`EXPOSE "${word}" must be a port, 1-65535, or a range, perhaps with /tcp, /udp or /sctp`, word)
    if (!/^(?:tcp|udp|sctp)$/i.test(protocol))
      throw line.error(`EXPOSE "${word}": the protocol is "${protocol}", must be tcp, udp or sctp`, word)
    for (let port = Number(from); port <= Number(to); port++) ports[`${port}/${protocol.toLowerCase()}`] = {}
  }
  return ports
}

export function stopSignal(line: WholeLine, value: string): string {
  try {
    parseSignal(value)
    return value
  } catch (error) {
    throw line.error(`STOPSIGNAL: ${error instanceof Error ? error.message : String(error)}`, value)
  }
}

/** docker's keys, times in nanoseconds. Throws INVALID. */
export function healthcheckOf(instruction: HealthcheckInstruction): Healthcheck {
  const { line, command } = instruction
  if (command === undefined) return { Test: ['NONE'] }
  const test = command.form === 'exec' ? ['CMD', ...command.list] : ['CMD-SHELL', command.text]
  const nanoseconds = (name: string, text: string | undefined): number | undefined => {
    if (text === undefined) return undefined
    const value = parseDuration(text)
    if (value === undefined || (value !== 0 && value < 1e6))
      throw line.error(`HEALTHCHECK --${name}=${text} must be a duration of at least 1ms, such as 30s`, text)
    return value
  }
  const retries = instruction.retries === undefined ? undefined : Number(instruction.retries)
  if (retries !== undefined && !(Number.isInteger(retries) && retries >= 0))
    throw line.error(`HEALTHCHECK --retries=${instruction.retries ?? ''} must be a number from 0`, '--retries')
  const facts: Healthcheck = {
    Test: test,
    Interval: nanoseconds('interval', instruction.interval),
    Timeout: nanoseconds('timeout', instruction.timeout),
    StartPeriod: nanoseconds('start-period', instruction.startPeriod),
    StartInterval: nanoseconds('start-interval', instruction.startInterval),
    Retries: retries,
  }
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as Healthcheck
}

const unitNs: Record<string, number> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 }

/** Go's durations, `1m30s`, in nanoseconds; `undefined` for what is none. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  if (!/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined
  let sum = 0
  for (const [, number = '', unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g))
    sum += Number(number) * (unitNs[unit] ?? 0)
  return Math.round(sum)
}
