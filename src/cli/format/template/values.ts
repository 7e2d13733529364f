// What JSON data means to a template: Go's printing (%v), truth, fields, map keys. Pure.

/** A value that prints itself and answers methods, such as a time. */
export abstract class TemplateObject {
  /** as `{{.}}` prints it */
  abstract toString(): string
  abstract toJSON(): unknown
}

/** Properties that are maps in Podman's types: a key they lack is `<no value>`, not a mistake in the template. */
const mapNames = new Set(
  [
    'Labels Annotations Options Networks Ports PortBindings Data GraphStatus GraphOptions Sysctls ExposedPorts Volumes',
    'Tmpfs Attributes Registries Storage',
  ].flatMap(names => names.toLowerCase().split(' ')),
)

/** A plain object of the data. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof TemplateObject)
}

/** Whether an object stands for a Go struct; `name` is the property it was found under. */
export function isStruct(value: Record<string, unknown>, name: string | undefined): boolean {
  if (name !== undefined && mapNames.has(name.toLowerCase())) return false
  const keys = Object.keys(value)
  return keys.length > 0 && keys.every(key => /^[A-Za-z][A-Za-z0-9]*$/.test(key))
}

/** The key an object has for a field name: exact, else one that differs in case, or is written as Go writes it in JSON (`dns_enabled`). */
export function findKey(value: Record<string, unknown>, field: string): string | undefined {
  if (Object.hasOwn(value, field)) return field
  const lower = field.toLowerCase()
  const keys = Object.keys(value)
  return (
    keys.find(key => key.toLowerCase() === lower) ??
    keys.find(key => key.includes('_') && key.replaceAll('_', '').toLowerCase() === lower)
  )
}

/** The word Go's messages would have for a value's type. */
export function typeName(value: unknown): string {
  if (value === null || value === undefined) return 'nil'
  if (Array.isArray(value)) return 'slice'
  if (typeof value === 'object') return value instanceof TemplateObject ? value.constructor.name : 'map'
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float64'
  if (typeof value === 'bigint') return 'int64'
  return typeof value === 'boolean' ? 'bool' : typeof value
}

/** Go's truth: false, 0, empty text, list or map, and nil are not. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  if (isObject(value)) return Object.keys(value).length > 0
  return Boolean(value)
}

/** What `{{.}}` prints. */
export function printValue(value: unknown): string {
  return value === undefined ? '<no value>' : formatValue(value)
}

/** Go's %v. A struct prints its values, a map its keys, sorted. */
export function formatValue(value: unknown, name?: string): string {
  if (value === null || value === undefined) return '<nil>'
  if (Array.isArray(value)) return `[${value.map(item => formatValue(item)).join(' ')}]`
  if (typeof value === 'number') return formatNumber(value)
  if (typeof value === 'string') return value
  if (value instanceof TemplateObject) return value.toString()
  if (!isObject(value)) return typeof value === 'boolean' || typeof value === 'bigint' ? value.toString() : typeof value
  if (isStruct(value, name) && Object.keys(value).some(key => /^[A-Z]/.test(key)))
    return `{${Object.entries(value)
      .map(([key, item]) => formatValue(item, key))
      .join(' ')}}`
  const pairs = Object.keys(value)
    .sort()
    .map(key => `${key}:${formatValue(value[key])}`)
  return `map[${pairs.join(' ')}]`
}

/** A number as Go's %v prints it: exponents only below 1e-4 and from 1e21. */
export function formatNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  const size = Math.abs(value)
  if (size !== 0 && (size < 1e-4 || size >= 1e21)) return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
  return String(value)
}
