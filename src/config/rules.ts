// How one key of a TOML file becomes a typed value. A rule refuses what is of another type, naming found and wanted.
import { TspodError } from '#errors.ts'

/** A list as it stands in a file; `append` is the attribute of containers.conf(5), "Appending to string arrays". */
export interface ListValue {
  items: string[]
  append?: boolean
}

export interface Rule<T> {
  /** The key in the file. */
  readonly key: string
  /** How a later file's value meets an earlier one's: `value` and `list` replace it (a list may append), `table` adds entries. */
  readonly kind: 'value' | 'list' | 'table'
  /** Believed only in the user's own files, never in the system's. */
  readonly userFilesOnly: boolean
  /** `undefined` sets the key back to absent. Throws the error that `refuse` makes for a value of another type. */
  read(value: unknown, refuse: (wanted: string) => TspodError): T | ListValue | undefined
}

function valueRule<T>(key: string, read: Rule<T>['read']): Rule<T> {
  return { key, kind: 'value', userFilesOnly: false, read }
}

export function text(key: string): Rule<string> {
  return valueRule(key, (value, refuse) => {
    if (typeof value !== 'string') throw refuse('a string')
    return value
  })
}

export function flag(key: string): Rule<boolean> {
  return valueRule(key, (value, refuse) => {
    if (typeof value !== 'boolean') throw refuse('true or false')
    return value
  })
}

export function wholeNumber(key: string, low: number, high = Number.MAX_SAFE_INTEGER): Rule<number> {
  return valueRule(key, (value, refuse) => {
    const number = typeof value === 'bigint' ? Number(value) : value
    if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < low || number > high)
      throw refuse(
        high === Number.MAX_SAFE_INTEGER ? `a whole number from ${low} on` : `a whole number, ${low} to ${high}`,
      )
    return number
  })
}

/** One of some words. `readAs`: words that other engines know and that mean one of ours here. */
export function oneOf<const W extends string>(
  key: string,
  words: readonly W[],
  readAs: Readonly<Record<string, NoInfer<W>>> = {},
): Rule<W> {
  return valueRule(key, (value, refuse) => {
    const word = typeof value === 'string' ? (readAs[value] ?? value) : undefined
    const found = words.find(each => each === word)
    if (found === undefined)
      throw refuse(`one of ${[...words, ...Object.keys(readAs)].map(each => `"${each}"`).join(', ')}`)
    return found
  })
}

/** `65536k`, `64m`, `1g`, or bytes. */
export function byteSize(key: string): Rule<number> {
  const powers: Record<string, number> = { b: 0, k: 1, m: 2, g: 3 }
  return valueRule(key, (value, refuse) => {
    const [, digits, unit] = (typeof value === 'string' ? /^(\d{1,15})([bkmg]?)b?$/i.exec(value) : null) ?? []
    const bytes = Number(digits) * 1024 ** (powers[unit?.toLowerCase() || 'b'] ?? 0)
    if (digits === undefined || !Number.isSafeInteger(bytes)) throw refuse('a size such as "64m" in quotes')
    return bytes
  })
}

/** A text that sets the key back to absent when it is empty. */
export function textOrAbsent(key: string): Rule<string> {
  return valueRule(key, (value, refuse) => {
    if (typeof value !== 'string') throw refuse('a string')
    return value === '' ? undefined : value
  })
}

/** An absolute path; empty sets the key back to absent. */
export function absolutePath(key: string): Rule<string> {
  return valueRule(key, (value, refuse) => {
    if (typeof value !== 'string' || (value !== '' && !value.startsWith('/'))) throw refuse('an absolute path')
    return value === '' ? undefined : value
  })
}

export function list(key: string): Rule<string[]> {
  return {
    key,
    kind: 'list',
    userFilesOnly: false,
    read(value, refuse) {
      if (!Array.isArray(value)) throw refuse('a list of strings')
      const result: ListValue = { items: [] }
      for (const item of value as unknown[]) {
        const append = appendAttribute(item)
        if (append !== undefined) result.append = append
        else if (typeof item === 'string') result.items.push(item)
        else throw refuse('a list of strings')
      }
      return result
    },
  }
}

function appendAttribute(item: unknown): boolean | undefined {
  if (typeof item !== 'object' || item === null || !('append' in item)) return undefined
  return typeof item.append === 'boolean' ? item.append : undefined
}

/** The same rule, for the user's own files only. */
export function userFilesOnly<T>(rule: Rule<T>): Rule<T> {
  return { ...rule, userFilesOnly: true }
}

/** A table of lists of strings, `[engine.runtimes]`. */
export function tableOfLists(key: string): Rule<Record<string, string[]>> {
  return {
    key,
    kind: 'table',
    userFilesOnly: false,
    read(value, refuse) {
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        throw refuse('a table of lists of strings')
      for (const each of Object.values(value) as unknown[])
        if (!Array.isArray(each) || each.some(item => typeof item !== 'string'))
          throw refuse('a table of lists of strings')
      return value as Record<string, string[]>
    },
  }
}

/** Where subnets are chosen from: `{ base = "10.89.0.0/16", size = 24 }` each. */
export interface SubnetPool {
  base: string
  size: number
}

export function subnetPools(key: string): Rule<SubnetPool[]> {
  return valueRule(key, (value, refuse) => {
    if (!Array.isArray(value)) throw refuse('a list of { base = "subnet", size = number }')
    return (value as unknown[]).map(item => {
      const { base, size } = (typeof item === 'object' && item !== null ? item : {}) as {
        base?: unknown
        size?: unknown
      }
      const length = typeof size === 'bigint' ? Number(size) : size
      if (typeof base !== 'string' || typeof length !== 'number' || !Number.isInteger(length))
        throw refuse('a list of { base = "subnet", size = number }')
      return { base, size: length }
    })
  })
}
