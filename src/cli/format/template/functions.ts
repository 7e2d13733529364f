// The functions templates may call: those of Go's text/template, and those Podman and Docker add. Pure.
import { quote, sprintf } from './printf.ts'
import { formatValue, isObject, TemplateObject, typeName } from './values.ts'

/** Throws Error with Go's words; the executor adds where in the template. */
type TemplateFunction = (...values: unknown[]) => unknown

const functions: Record<string, TemplateFunction> = {
  eq: (first, ...others) => {
    if (others.length === 0) throw new Error('missing argument for comparison')
    return others.some(other => areEqual(first, other))
  },
  ne: (a, b) => !areEqual(a, b),
  lt: (a, b) => compare(a, b) < 0,
  le: (a, b) => compare(a, b) <= 0,
  gt: (a, b) => compare(a, b) > 0,
  ge: (a, b) => compare(a, b) >= 0,
  len: value => {
    if (typeof value === 'string') return Buffer.byteLength(value)
    if (Array.isArray(value)) return value.length
    if (isObject(value)) return Object.keys(value).length
    throw new Error(value === null || value === undefined ? 'len of nil pointer' : `len of type ${typeName(value)}`)
  },
  index: (base, ...keys) => keys.reduce(indexOne, base),
  slice: (value, ...bounds) => sliceOf(value, bounds),
  print: (...values) => printAdjacent(values),
  println: (...values) => `${values.map(value => formatValue(value)).join(' ')}\n`,
  printf: (format, ...values) => sprintf(asText(format), values),
  html: (...values) => escapeWith(values, { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' }),
  js: (...values) =>
    quote(printAdjacent(values))
      .slice(1, -1)
      .replaceAll("'", "\\'")
      .replace(/[<>&=]/g, hexEscape),
  urlquery: (...values) =>
    encodeURIComponent(printAdjacent(values))
      .replaceAll('%20', '+')
      .replace(/[!'()*]/g, percent),
  json: value => JSON.stringify(value ?? null),
  join: (list, separator) =>
    asList(list)
      .map(item => formatValue(item))
      .join(asText(separator)),
  split: (text, separator) => asText(text).split(asText(separator)),
  upper: text => asText(text).toUpperCase(),
  lower: text => asText(text).toLowerCase(),
  title: text =>
    asText(text).replace(/(^|[^\p{L}\p{N}_'])(\p{L})/gu, (_, before: string, c: string) => before + c.toUpperCase()),
  pad: (text, before, after) =>
    asText(text) === '' ? '' : ' '.repeat(Number(before)) + asText(text) + ' '.repeat(Number(after)),
  truncate: (text, length) => Array.from(asText(text)).slice(0, Number(length)).join(''),
  call: (callee, ...values) => {
    if (typeof callee !== 'function') throw new Error(`non-function of type ${typeName(callee)}`)
    return (callee as TemplateFunction)(...values)
  },
  not: value =>
    !value || (Array.isArray(value) && value.length === 0) || (isObject(value) && Object.keys(value).length === 0),
}

/** Every name a template may call; `and` and `or` are the executor's, since they stop early. */
export const functionNames: ReadonlySet<string> = new Set([...Object.keys(functions), 'and', 'or'])

/** How many arguments a function takes, `[least, most]`. */
const arity: Record<string, [number, number]> = {
  ne: [2, 2],
  lt: [2, 2],
  le: [2, 2],
  gt: [2, 2],
  ge: [2, 2],
  len: [1, 1],
  not: [1, 1],
  json: [1, 1],
  join: [2, 2],
  split: [2, 2],
  upper: [1, 1],
  lower: [1, 1],
  title: [1, 1],
  pad: [3, 3],
  truncate: [2, 2],
}

/** Calls a template function. Throws Error in Go's words for wrong arguments. */
export function callFunction(name: string, values: unknown[]): unknown {
  const [least, most] = arity[name] ?? [name === 'print' || name === 'println' ? 0 : 1, Number.POSITIVE_INFINITY]
  if (values.length < least || values.length > most) {
    const wanted = least === most ? String(least) : `at least ${least}`
    throw new Error(`wrong number of args for ${name}: want ${wanted} got ${values.length}`)
  }
  return functions[name]?.(...values)
}

function areEqual(a: unknown, b: unknown): boolean {
  const nothing = (value: unknown) => value === null || value === undefined
  if (nothing(a) || nothing(b)) return nothing(a) && nothing(b)
  if (a instanceof TemplateObject || b instanceof TemplateObject) return formatValue(a) === formatValue(b)
  if (typeof a === 'object' || typeof b === 'object') throw new Error('invalid type for comparison')
  if (kindOf(a) !== kindOf(b)) throw new Error('incompatible types for comparison')
  // oxlint-disable-next-line eqeqeq
  return a == b
}

function compare(a: unknown, b: unknown): number {
  if (kindOf(a) !== kindOf(b)) throw new Error('incompatible types for comparison')
  if (kindOf(a) === 'number') return Number(a) - Number(b)
  if (typeof a !== 'string' || typeof b !== 'string') throw new Error('invalid type for comparison')
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function kindOf(value: unknown): string {
  return typeof value === 'bigint' ? 'number' : typeof value
}

function indexOne(base: unknown, key: unknown): unknown {
  if (base === null || base === undefined) throw new Error('index of untyped nil')
  if (Array.isArray(base) || typeof base === 'string') {
    if (typeof key !== 'number' || !Number.isInteger(key))
      throw new Error(`cannot index slice/array with type ${typeName(key)}`)
    if (key < 0 || key >= base.length) throw new Error(`index out of range: ${key}`)
    return typeof base === 'string' ? base.charCodeAt(key) : base[key]
  }
  if (!isObject(base)) throw new Error(`can't index item of type ${typeName(base)}`)
  if (typeof key !== 'string') throw new Error(`value has type ${typeName(key)}; should be string`)
  if (Object.hasOwn(base, key)) return base[key]
  return Object.values(base).every(value => typeof value === 'string') ? '' : undefined
}

function sliceOf(value: unknown, bounds: unknown[]): unknown {
  if (typeof value !== 'string' && !Array.isArray(value)) throw new Error(`can't slice item of type ${typeName(value)}`)
  if (bounds.length > 3 || (bounds.length === 3 && typeof value === 'string')) throw new Error('too many slice indexes')
  const [from = 0, to = value.length] = bounds
  for (const bound of [from, to])
    if (typeof bound !== 'number' || bound < 0 || bound > value.length)
      throw new Error(`index out of range: ${formatValue(bound)}`)
  if (Number(from) > Number(to)) throw new Error(`invalid slice index: ${formatValue(from)} > ${formatValue(to)}`)
  return value.slice(Number(from), Number(to))
}

/** Go's Sprint: a space between two neighbours unless one of them is text. */
function printAdjacent(values: unknown[]): string {
  return values
    .map((value, index) => {
      const gap = index > 0 && typeof value !== 'string' && typeof values[index - 1] !== 'string'
      return (gap ? ' ' : '') + formatValue(value)
    })
    .join('')
}

function asText(value: unknown): string {
  if (typeof value === 'string') return value
  if (value instanceof TemplateObject) return value.toString()
  throw new Error(`wrong type for value; expected string; got ${typeName(value)}`)
}

function asList(value: unknown): unknown[] {
  if (Array.isArray(value)) return value
  if (value === null || value === undefined) return []
  throw new Error(`wrong type for value; expected []string; got ${typeName(value)}`)
}

function escapeWith(values: unknown[], escapes: Record<string, string>): string {
  return printAdjacent(values).replace(/[&<>"']/g, c => escapes[c] ?? c)
}

function hexEscape(c: string): string {
  return `\\u00${c.charCodeAt(0).toString(16).toUpperCase()}`
}

function percent(c: string): string {
  return `%${c.charCodeAt(0).toString(16).toUpperCase()}`
}
