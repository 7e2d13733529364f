// Checks that parsed JSON has the shape a specification promises; an error names the path of the offending value.
import { TspodError } from '#errors.ts'

/** Throws INVALID, naming `path`, unless the value fits. */
export type Shape = (value: unknown, path: string) => void

function refuse(path: string, found: unknown, wanted: string): never {
  const text = JSON.stringify(found) ?? 'nothing'
  throw new TspodError(
    'INVALID',
    `${path} is ${text.length > 80 ? `${text.slice(0, 77)}...` : text}, must be ${wanted}`,
  )
}

export const isString: Shape = (value, path) => {
  if (typeof value !== 'string') refuse(path, value, 'a string')
  if (value.includes('\0')) refuse(path, value, 'a string without NUL bytes')
}

export const isAbsolutePath: Shape = (value, path) => {
  isString(value, path)
  if (!(value as string).startsWith('/')) refuse(path, value, 'an absolute path')
}

export const isNonEmptyString: Shape = (value, path) => {
  isString(value, path)
  if (value === '') refuse(path, value, 'a non-empty string')
}

export const isBoolean: Shape = (value, path) => {
  if (typeof value !== 'boolean') refuse(path, value, 'true or false')
}

/** A whole number within the bounds; numbers past 2^53 are accepted where `high` allows them. */
export function isInteger(low: number, high: number): Shape {
  return (value, path) => {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < low || value > high)
      refuse(path, value, `a whole number, ${low} to ${high}`)
  }
}

export function isOneOf(...words: readonly string[]): Shape {
  return (value, path) => {
    if (typeof value !== 'string' || !words.includes(value)) refuse(path, value, `one of ${words.join(', ')}`)
  }
}

export function isArrayOf(element: Shape, lowest = 0): Shape {
  return (value, path) => {
    if (!Array.isArray(value)) refuse(path, value, 'a list')
    if (value.length < lowest) refuse(path, value, `a list of at least ${lowest}`)
    for (const [index, each] of value.entries()) element(each, `${path}[${index}]`)
  }
}

export function isMapOf(element: Shape): Shape {
  return (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(path, value, 'an object')
    for (const [key, each] of Object.entries(value)) element(each, `${path}.${key}`)
  }
}

/** An object with these properties; others are ignored, and null stands for an absent optional one (as Go writes it). */
export function isObject(required: Record<string, Shape>, optional: Record<string, Shape> = {}): Shape {
  const requiredEntries = Object.entries(required)
  const optionalEntries = Object.entries(optional)
  return (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(path, value, 'an object')
    const object = value as Record<string, unknown>
    for (const [key, shape] of requiredEntries) shape(object[key], `${path}.${key}`)
    for (const [key, shape] of optionalEntries) {
      if (object[key] === null) delete object[key]
      if (object[key] !== undefined) shape(object[key], `${path}.${key}`)
    }
  }
}
