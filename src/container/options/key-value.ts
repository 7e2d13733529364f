// `name=value` pairs: --label, --annotation, --sysctl, --log-opt, and the files that hold labels.
import { readFileSync } from 'node:fs'
import { during, TspodError } from '#errors.ts'

/** Splits at the first `=`. Without one the value is empty where `valueOptional` (labels), else INVALID. */
export function parseKeyValue(option: string, text: string, valueOptional = option === '--label'): [string, string] {
  const equals = text.indexOf('=')
  if (equals === 0) throw new TspodError('INVALID', `parsing ${option} "${text}": the name before "=" is empty`)
  if (equals > 0) return [text.slice(0, equals), text.slice(equals + 1)]
  if (valueOptional && text !== '') return [text, '']
  throw new TspodError('INVALID', `parsing ${option} "${text}": must be of the form NAME=VALUE`)
}

/** --label-file: one `name=value` or `name` a line, `#` comments (run(1)). */
export function readLabelFile(path: string): Record<string, string> {
  return Object.fromEntries(
    readLines('--label-file', path).map(line => parseKeyValue(`--label-file "${path}": line`, line, true)),
  )
}

/**
 * --env-file: the entries of a file as --env would take them: `NAME=value`, `NAME` for the caller's value,
 * `NAME*` for all of the caller's that begin so; `#` comments and empty lines are dropped, quotes kept (run(1)).
 */
export function readEnvFile(path: string): string[] {
  const entries = readLines('--env-file', path)
  for (const entry of entries) {
    const name = entry.split('=', 1)[0] ?? ''
    if (name === '' || /\s/.test(name))
      throw new TspodError('INVALID', `parsing --env-file "${path}": line "${entry}": "${name}" is no variable name`)
  }
  return entries
}

function readLines(option: string, path: string): string[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw during(`reading ${option} "${path}"`, error)
  }
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map(line => line.trimStart())
    .filter(line => line !== '' && !line.startsWith('#'))
}
