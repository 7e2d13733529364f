// A unit file of systemd (systemd.syntax(7)): groups of assignments, in order, with their comments. Pure.
import { TspodError } from '#errors.ts'
import { type Escapes, splitWords } from './words.ts'

interface Assignment {
  key: string
  value: string
}

/** A comment or an empty line is kept as it is. */
type Line = Assignment | string

interface Group {
  name: string
  lines: Line[]
}

const commentPattern = /^\s*(?:[#;].*)?$/

/** Edited in place; `clone` first where the original is still wanted. */
export class UnitFile {
  #groups: Group[] = []

  /** Throws INVALID with the number of a line that is neither group, assignment nor comment. `path` is for the message. */
  static parse(text: string, path: string): UnitFile {
    const unit = new UnitFile()
    unit.#read(text, path)
    return unit
  }

  #read(text: string, path: string): void {
    const lines = text.replace(/\n$/, '').split('\n')
    let group: Group | undefined
    const before: string[] = [] // comments above the first group belong to it
    for (let at = 0; at < lines.length; at++) {
      const line = lines[at] ?? ''
      const number = at + 1
      if (commentPattern.test(line)) {
        if (group === undefined) before.push(line)
        else group.lines.push(line)
        continue
      }
      const name = /^\[([^\][\p{Cc}]+)\]\s*$/u.exec(line)?.[1]
      if (name !== undefined) {
        group = this.#group(name)
        continue
      }
      const [key, first] = splitOnce(line, '=')
      if (first === undefined || !/^[A-Za-z0-9-]+$/.test(key.trim()))
        throw new TspodError('INVALID', `reading "${path}": line ${number} is "${line}", must be a group or KEY=VALUE`)
      if (group === undefined)
        throw new TspodError('INVALID', `reading "${path}": line ${number} sets "${key.trim()}" before any group`)
      let value = first.trim()
      while (value.endsWith('\\') && at + 1 < lines.length) {
        const next = lines[++at] ?? ''
        if (/^\s*[#;]/.test(next)) continue // comments may stand between the pieces
        value = `${value.slice(0, -1)} ${next.trim()}`
      }
      group.lines.push({ key: key.trim(), value: value.replace(/\\$/, '').trim() })
    }
    this.#groups[0]?.lines.unshift(...before)
  }

  clone(): UnitFile {
    const copy = new UnitFile()
    copy.merge(this)
    return copy
  }

  /** Adds everything of another file, after what is there: a drop-in. */
  merge(other: UnitFile): void {
    for (const { name, lines } of other.#groups) this.#group(name).lines.push(...lines)
  }

  hasGroup(group: string): boolean {
    return this.#groups.some(({ name }) => name === group)
  }

  /** The keys of a group, each once, in order. */
  keys(group: string): string[] {
    return [...new Set(this.#assignments(group).map(({ key }) => key))]
  }

  /** The last value, without quotes around all of it; `undefined` where the key is not there. */
  last(group: string, key: string): string | undefined {
    const value = this.#assignments(group).findLast(assignment => assignment.key === key)?.value
    return value === undefined ? undefined : (/^"([^"]*)"$/.exec(value)?.[1] ?? value)
  }

  /** The last value where it is not empty. */
  text(group: string, key: string): string | undefined {
    return this.last(group, key) || undefined
  }

  /** Every value; an empty one takes back those before it. */
  all(group: string, key: string): string[] {
    const values = this.#assignments(group)
      .filter(assignment => assignment.key === key)
      .map(({ value }) => value)
    return values.slice(values.lastIndexOf('') + 1)
  }

  /** The words of every value. */
  words(group: string, key: string, escapes: Escapes = 'unescaped'): string[] {
    return this.all(group, key).flatMap(value => splitWords(value, escapes))
  }

  /** systemd.syntax(7): `undefined` for a key that is not there or empty. Throws INVALID for what is neither yes nor no. */
  boolean(group: string, key: string): boolean | undefined {
    const value = this.last(group, key)
    if (value === undefined || value === '') return undefined
    if (/^(?:1|yes|y|true|t|on)$/i.test(value)) return true
    if (/^(?:0|no|n|false|f|off)$/i.test(value)) return false
    throw new TspodError('INVALID', `${key}=${value} in [${group}]: must be yes or no`)
  }

  add(group: string, key: string, value: string): void {
    this.#group(group).lines.push({ key, value })
  }

  /** Before everything else of the group. */
  prepend(group: string, key: string, value: string): void {
    this.#group(group).lines.unshift({ key, value })
  }

  /** The only value from now on. */
  set(group: string, key: string, value: string): void {
    this.unset(group, key)
    this.add(group, key, value)
  }

  unset(group: string, key: string): void {
    const found = this.#group(group)
    found.lines = found.lines.filter(line => typeof line === 'string' || line.key !== key)
  }

  rename(group: string, name: string): void {
    const found = this.#groups.find(each => each.name === group)
    if (found !== undefined) found.name = name
  }

  /** `heading` are lines of a comment above all. */
  toText(heading: readonly string[] = []): string {
    const comment = heading.map(line => `# ${line}`.trimEnd())
    const groups = this.#groups.map(({ name, lines }) =>
      [`[${name}]`, ...lines.map(line => (typeof line === 'string' ? line : `${line.key}=${line.value}`))].join('\n'),
    )
    return `${[...(comment.length === 0 ? [] : [comment.join('\n')]), ...groups].join('\n\n').replace(/\n{3,}/g, '\n\n')}\n`
  }

  #group(name: string): Group {
    const found = this.#groups.find(each => each.name === name)
    if (found !== undefined) return found
    const group: Group = { name, lines: [] }
    this.#groups.push(group)
    return group
  }

  #assignments(group: string): Assignment[] {
    const lines = this.#groups.find(({ name }) => name === group)?.lines ?? []
    return lines.filter(line => typeof line !== 'string')
  }
}

/** A text before and after the first separator; `undefined` after one that is not there. */
export function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator)
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)]
}
