// Lays the tables of configuration files over each other, key by key.
import { TspodError } from '#errors.ts'
import { log } from '#log.ts'
import type { ConfigFile } from './files.ts'
import type { ListValue, Rule } from './rules.ts'
import type { TomlTable } from './toml.ts'

export type Rules = Readonly<Record<string, Rule<unknown>>>
export type Tables<T extends string> = Readonly<Record<T, Rules>>

/** Values by table and property name, as far as they are set. */
export type TableValues<T extends string> = Record<T, Record<string, unknown>>

/** Collects files in order; remembers which lists were said to append (containers.conf(5)). */
export class TableReader<T extends string> {
  readonly values: TableValues<T>
  readonly #tables: Tables<T>
  readonly #appending = new Set<string>()

  constructor(tables: Tables<T>, defaults: TableValues<T>) {
    this.#tables = tables
    this.values = structuredClone(defaults)
  }

  /** Lays one file over what was read before. Keys that tspod does not know get a debug line; wrong types throw INVALID. */
  add(file: ConfigFile, content: TomlTable): void {
    for (const [tableName, table] of Object.entries(content)) {
      if (!isOneOf(this.#tables, tableName)) log.debug(`"${file.path}": [${tableName}] is no table that tspod reads`)
      else if (isTable(table)) this.#addTable(file, tableName, table)
      else throw refusal(file, tableName, table)('a table')
    }
  }

  #addTable(file: ConfigFile, tableName: T, table: TomlTable): void {
    const rules = Object.entries(this.#tables[tableName])
    const values: Record<string, unknown> = this.values[tableName]
    for (const [key, value] of Object.entries(table)) {
      const [property, rule] = rules.find(([, each]) => each.key === key) ?? []
      if (property === undefined || rule === undefined)
        log.debug(`"${file.path}": ${tableName}.${key} is no key that tspod reads`)
      else if (rule.userFilesOnly && file.scope === 'system')
        log.debug(`"${file.path}": ${tableName}.${key} is left to the user's own files`)
      else {
        const read = rule.read(value, refusal(file, `${tableName}.${key}`, value))
        if (read === undefined) delete values[property]
        else values[property] = this.#merge(rule.kind, `${tableName}.${key}`, values[property], read)
      }
    }
  }

  #merge(kind: Rule<unknown>['kind'], name: string, before: unknown, read: unknown): unknown {
    if (kind === 'value') return read
    if (kind === 'table') return { ...(before as object | undefined), ...(read as object) }
    const { items, append } = read as ListValue
    if (append === true) this.#appending.add(name)
    if (append === false) this.#appending.delete(name)
    return this.#appending.has(name) && Array.isArray(before) ? [...(before as string[]), ...items] : items
  }
}

function isOneOf<T extends string>(tables: Tables<T>, name: string): name is T {
  return Object.hasOwn(tables, name)
}

function isTable(value: unknown): value is TomlTable {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}

/** Makes the error for a value of the wrong type. */
function refusal({ path }: ConfigFile, name: string, found: unknown): (wanted: string) => TspodError {
  return wanted => {
    const text = typeof found === 'bigint' ? String(found) : (JSON.stringify(found) ?? String(found))
    return new TspodError('INVALID', `reading "${path}": ${name} is ${text.slice(0, 80)}, must be ${wanted}`)
  }
}
