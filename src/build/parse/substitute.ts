// Variables in words of a Containerfile: `$v`, `${v}` and the shell's modifiers; quotes and escapes go. Pure.
//
// The rules are those of BuildKit's frontend/dockerfile/shell: single quotes keep everything, double quotes keep blanks, the escape
// character takes the meaning of what follows it.

/** Looks a variable up; `undefined` where it is not set. */
export type Lookup = (name: string) => string | undefined

/** What is wrong with a word, without its place. */
export class SubstitutionError extends Error {}

/** One word with everything replaced. Throws a SubstitutionError. */
export function substitute(text: string, lookup: Lookup, escape = '\\'): string {
  return new Substitution(text, lookup, escape).all().join('')
}

/** The words that a text becomes: blanks in values part words unless they are quoted, as EXPOSE and VOLUME have it. */
export function substituteWords(text: string, lookup: Lookup, escape = '\\'): string[] {
  const words: string[] = []
  let open: string | undefined
  for (const { text: piece, isLoose } of new Substitution(text, lookup, escape).pieces()) {
    if (!isLoose) {
      open = (open ?? '') + piece
      continue
    }
    for (const part of piece.split(/(\s+)/)) {
      if (part === '') continue
      if (/^\s/.test(part)) {
        if (open !== undefined) words.push(open)
        open = undefined
      } else open = (open ?? '') + part
    }
  }
  if (open !== undefined) words.push(open)
  return words
}

/** A document's text: variables are replaced, quotes stay (BuildKit keeps them for COPY's here-documents). */
export function substituteText(text: string, lookup: Lookup, escape = '\\'): string {
  return new Substitution(text, lookup, escape, true).all().join('')
}

interface Piece {
  text: string
  /** not quoted: blanks in it part words */
  isLoose: boolean
}

class Substitution {
  readonly #text: string
  readonly #lookup: Lookup
  readonly #escape: string
  readonly #keepsQuotes: boolean
  #at = 0

  constructor(text: string, lookup: Lookup, escape: string, keepsQuotes = false) {
    this.#text = text
    this.#lookup = lookup
    this.#escape = escape
    this.#keepsQuotes = keepsQuotes
  }

  all(): string[] {
    return this.pieces().map(({ text }) => text)
  }

  pieces(until = ''): Piece[] {
    const pieces: Piece[] = []
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at] ?? ''
      if (char === until) break
      pieces.push(this.#next(char))
    }
    return pieces
  }

  #next(char: string): Piece {
    if (char === "'" && !this.#keepsQuotes) return { text: this.#single(), isLoose: false }
    if (char === '"' && !this.#keepsQuotes) return { text: this.#double(), isLoose: false }
    if (char === '$') return { text: this.#variable(), isLoose: true }
    if (char === this.#escape) {
      this.#at++
      const next = this.#text[this.#at++]
      if (next === undefined) return { text: this.#escape, isLoose: false }
      const isSpecial = !this.#keepsQuotes || next === '$' || next === this.#escape
      return { text: isSpecial ? next : this.#escape + next, isLoose: false }
    }
    this.#at++
    return { text: char, isLoose: true }
  }

  #single(): string {
    const end = this.#text.indexOf("'", this.#at + 1)
    if (end < 0) throw new SubstitutionError(`the quote ' in ${this.#text} is never closed`)
    const inside = this.#text.slice(this.#at + 1, end)
    this.#at = end + 1
    return inside
  }

  #double(): string {
    let result = ''
    for (this.#at++; this.#at < this.#text.length; ) {
      const char = this.#text[this.#at] ?? ''
      if (char === '"') {
        this.#at++
        return result
      }
      if (char === '$') result += this.#variable()
      else if (char === this.#escape) {
        const next = this.#text[this.#at + 1] ?? ''
        // only these lose their escape character between double quotes
        result += next === '"' || next === '$' || next === this.#escape ? next : char + next
        this.#at += 2
      } else {
        result += char
        this.#at++
      }
    }
    throw new SubstitutionError(`the quote " in ${this.#text} is never closed`)
  }

  #variable(): string {
    this.#at++
    if (this.#text[this.#at] !== '{') {
      const name = /^(?:[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-])/.exec(this.#text.slice(this.#at))?.[0]
      if (name === undefined) return '$'
      this.#at += name.length
      return this.#lookup(name) ?? ''
    }
    const start = this.#at - 1
    this.#at++
    const name = /^(?:[A-Za-z_][A-Za-z0-9_]*|[0-9])/.exec(this.#text.slice(this.#at))?.[0]
    if (name === undefined) throw this.#bad(start)
    this.#at += name.length
    const value = this.#modified(name, start)
    if (this.#text[this.#at] !== '}') throw this.#bad(start)
    this.#at++
    return value
  }

  #modified(name: string, start: number): string {
    const value = this.#lookup(name)
    const [operator] = /^(?::[-+?]|[-+?]|##?|%%?|\/\/?)?/.exec(this.#text.slice(this.#at)) ?? ['']
    this.#at += operator.length
    if (operator === '' || operator === undefined) return value ?? ''
    if (operator.startsWith('/')) {
      const pattern = this.#word('/')
      const isReplacing = this.#text[this.#at] === '/'
      if (isReplacing) this.#at++
      const replacement = isReplacing ? this.#word('}') : ''
      const regex = globPattern(pattern, true)
      return (value ?? '').replace(new RegExp(regex, operator === '//' ? 'g' : ''), () => replacement)
    }
    const word = this.#word('}')
    const isSet = operator.startsWith(':') ? value !== undefined && value !== '' : value !== undefined
    switch (operator.replace(':', '')) {
      case '-':
        return isSet ? (value ?? '') : word
      case '+':
        return isSet ? word : ''
      case '?':
        if (!isSet) throw new SubstitutionError(`${name}: ${word === '' ? 'is not set' : word}`)
        return value ?? ''
      case '#':
        return (value ?? '').replace(new RegExp(`^${globPattern(word, false)}`), '')
      case '##':
        return (value ?? '').replace(new RegExp(`^${globPattern(word, true)}`), '')
      case '%':
        return withoutEnd(value ?? '', globPattern(word, true), 'shortest')
      case '%%':
        return withoutEnd(value ?? '', globPattern(word, true), 'longest')
      default:
        throw this.#bad(start)
    }
  }

  /** What follows a modifier, itself with variables, up to `}` or, before a replacement, `/`. */
  #word(until: '/' | '}'): string {
    let result = ''
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at] ?? ''
      if (char === '}' || char === until) return result
      result += this.#next(char).text
    }
    throw new SubstitutionError(`the variable in ${this.#text} has no closing brace`)
  }

  #bad(start: number): SubstitutionError {
    const end = this.#text.indexOf('}', start)
    const shown = end < 0 ? this.#text.slice(start) : this.#text.slice(start, end + 1)
    return new SubstitutionError(
      end < 0 ? `the variable in ${shown} has no closing brace` : `"${shown}" is no variable that can be replaced`,
    )
  }
}

/** A shell pattern as a regular expression: `*` and `?`, as much or as little as fits. */
function globPattern(pattern: string, greedy: boolean): string {
  let result = ''
  for (let index = 0; index < pattern.length; index++) {
    const char = pattern[index] ?? ''
    if (char === '*') result += greedy ? '[\\s\\S]*' : '[\\s\\S]*?'
    else if (char === '?') result += '[\\s\\S]'
    else if (char === '\\' && index + 1 < pattern.length) result += escapeRegExp(pattern[++index] ?? '')
    else result += escapeRegExp(char)
  }
  return result
}

function withoutEnd(value: string, pattern: string, which: 'shortest' | 'longest'): string {
  const whole = new RegExp(`^${pattern}$`)
  const starts = Array.from({ length: value.length + 1 }, (_, index) => index)
  const order = which === 'longest' ? starts : starts.toReversed()
  const start = order.find(index => whole.test(value.slice(index)))
  return start === undefined ? value : value.slice(0, start)
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
}
