// A value of a Kubernetes object with its place in the file: every error names file, document, line and path. Pure.
import { TspodError } from '#errors.ts'

type Path = readonly (string | number)[]

/** What is done with the fields of an object. Whatever is in none of these is an unknown field, and refused. */
export interface FieldRules {
  /** names, by spaces: what the caller reads */
  honoured: string
  /** names, by spaces: what means nothing on one machine */
  idle?: string
  /** passed over, each with the rest of the sentence why */
  warned?: Record<string, string>
  /** what cannot be left out without changing what the object means, each with the reason */
  refused?: Record<string, string>
}

const wordsOf = (text: string | undefined): string[] => text?.trim().split(/\s+/) ?? []

/** One value; those inside it are reached by name. `null` counts as not there, as Kubernetes has it. */
export class KubeField {
  readonly value: unknown
  readonly path: Path
  readonly #where: (path: Path) => string

  /** `where` gives file, document and line of a path. */
  constructor(value: unknown, path: Path, where: (path: Path) => string) {
    this.value = value
    this.path = path
    this.#where = where
  }

  /** `spec.containers[0].image`. */
  get name(): string {
    return this.path
      .map(part =>
        typeof part === 'number' ? `[${part}]` : /^[\w-]+$/.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`,
      )
      .join('')
      .replace(/^\./, '')
  }

  /** `"web.yaml": document 1, line 7: spec.hostname`. */
  get place(): string {
    return this.name === '' ? this.#where(this.path) : `${this.#where(this.path)}: ${this.name}`
  }

  error(found: string, code: 'INVALID' | 'UNSUPPORTED' | 'NOT_FOUND' = 'INVALID', hint?: string): TspodError {
    return new TspodError(code, `reading ${this.place}${this.name === '' ? ':' : ''} ${found}`, { hint })
  }

  child(key: string | number): KubeField | undefined {
    const value = (this.value as Record<string | number, unknown>)[key]
    return value === undefined || value === null ? undefined : this.#inside(key, value)
  }

  /** The field of an object, which must be there. */
  needed(key: string): KubeField {
    const found = this.child(key)
    if (found === undefined) throw this.#inside(key, undefined).error('is missing')
    return found
  }

  object(key: string): KubeField | undefined {
    return this.child(key)?.requireObject()
  }

  /** The fields of an object that is not there are not there either. */
  objectOrEmpty(key: string): KubeField {
    return this.object(key) ?? this.#inside(key, {})
  }

  text(key: string): string | undefined {
    return this.child(key)?.asText()
  }

  neededText(key: string): string {
    const found = this.needed(key)
    const text = found.asText()
    if (text === '') throw found.error('is empty')
    return text
  }

  boolean(key: string): boolean | undefined {
    const found = this.child(key)
    if (found === undefined || typeof found.value === 'boolean') return found?.value as boolean | undefined
    throw found.#wrong('true or false')
  }

  integer(key: string, least: number, most = Number.MAX_SAFE_INTEGER): number | undefined {
    return this.child(key)?.asInteger(least, most)
  }

  choice<const C extends string>(key: string, choices: readonly C[]): C | undefined {
    const found = this.child(key)
    if (found === undefined) return undefined
    const text = found.asText()
    const chosen = choices.find(each => each === text)
    if (chosen === undefined) throw found.#wrong(`one of ${choices.join(', ')}`)
    return chosen
  }

  /** The elements; none where there is no list. */
  list(key: string): KubeField[] {
    const found = this.child(key)
    if (found === undefined) return []
    if (!Array.isArray(found.value)) throw found.#wrong('a list')
    return found.value.map((value: unknown, index) => found.#inside(index, value))
  }

  objects(key: string): KubeField[] {
    return this.list(key).map(each => each.requireObject())
  }

  texts(key: string): string[] {
    return this.list(key).map(each => each.asText())
  }

  /** An object of texts, in its order. */
  textMap(key: string): Record<string, string> {
    const found = this.object(key)
    return Object.fromEntries((found?.keys() ?? []).map(name => [name, found?.text(name) ?? '']))
  }

  keys(): string[] {
    return Object.keys(this.value as object)
  }

  requireObject(): this {
    if (typeof this.value !== 'object' || this.value === null || Array.isArray(this.value))
      throw this.#wrong('an object')
    return this
  }

  asText(): string {
    if (typeof this.value !== 'string')
      throw this.error(
        `is ${shown(this.value)}, must be a text`,
        'INVALID',
        typeof this.value === 'object'
          ? undefined
          : 'put it into quotes: without them YAML takes it for something else',
      )
    if (this.value.includes('\0')) throw this.error('holds a NUL byte')
    return this.value
  }

  asInteger(least: number, most = Number.MAX_SAFE_INTEGER): number {
    const { value } = this
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) return value
    throw this.#wrong(
      most === Number.MAX_SAFE_INTEGER ? `a whole number from ${least}` : `a whole number from ${least} to ${most}`,
    )
  }

  /** Goes through the fields of an object: warns of those that are passed over. Throws INVALID, UNSUPPORTED naming the field. */
  check({ honoured, idle, warned = {}, refused = {} }: FieldRules, warn: (text: string) => void): void {
    const known = new Set([...wordsOf(honoured), ...wordsOf(idle)])
    for (const key of this.keys()) {
      const field = this.child(key)
      if (field === undefined || known.has(key)) continue
      const isRefused = Object.hasOwn(refused, key)
      if (!isRefused && !Object.hasOwn(warned, key)) throw field.error('is an unknown field')
      if (isNothing(field.value)) continue
      if (isRefused) throw field.error(`is not supported: ${refused[key]}`, 'UNSUPPORTED')
      warn(`${field.place} is passed over: ${warned[key]}`)
    }
  }

  #inside(key: string | number, value: unknown): KubeField {
    return new KubeField(value, [...this.path, key], this.#where)
  }

  #wrong(wanted: string): TspodError {
    return this.error(`is ${shown(this.value)}, must be ${wanted}`)
  }
}

/** Asks for nothing: `false`, and empty lists and objects. */
function isNothing(value: unknown): boolean {
  return value === false || (typeof value === 'object' && value !== null && Object.keys(value).length === 0)
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}
