// Cutting an instruction into words, flags, lists and pairs, as BuildKit's line parsers do. Pure.

export interface RawWord {
  /** as written, quotes and escapes kept */
  text: string
  offset: number
}

/** Words between blanks; quotes hold words together. */
export function rawWords(text: string, escape: string): RawWord[] {
  const words: RawWord[] = []
  let start = -1
  let quote = ''
  for (let index = 0; index <= text.length; index++) {
    const char = text[index] ?? ''
    if (quote !== '') {
      if (char === '' || char === quote) quote = ''
      else if (char === escape && quote === '"') index++
      if (char !== '') continue
    }
    if (char === '' || /\s/.test(char)) {
      if (start >= 0) words.push({ text: text.slice(start, index), offset: start })
      start = -1
      continue
    }
    if (start < 0) start = index
    if (char === '"' || char === "'") quote = char
    else if (char === escape) index++
  }
  return words
}

/** A word without its quotes and escapes; variables stay as they are. */
export function unquote(text: string, escape: string): string {
  let result = ''
  let quote = ''
  for (let index = 0; index < text.length; index++) {
    const char = text[index] ?? ''
    if (quote === "'") {
      if (char === "'") quote = ''
      else result += char
    } else if (char === escape && index + 1 < text.length) result += text[++index]
    else if (quote === '"') {
      if (char === '"') quote = ''
      else result += char
    } else if (char === '"' || char === "'") quote = char
    else result += char
  }
  return result
}

export interface Flag {
  name: string
  /** absent for a bare flag */
  value?: string
  /** as written, to be found again in the line */
  raw: string
}

/** Flags at the start, `--name=value`, and what follows them. */
export function takeFlags(text: string, escape: string): { flags: Flag[]; rest: string; offset: number } {
  const flags: Flag[] = []
  let offset = text.length
  for (const word of rawWords(text, escape)) {
    offset = word.offset
    if (!word.text.startsWith('--')) break
    offset = word.offset + word.text.length
    if (word.text === '--') break
    const plain = unquote(word.text, escape)
    const equals = plain.indexOf('=')
    flags.push(
      equals < 0
        ? { name: plain.slice(2), raw: word.text }
        : { name: plain.slice(2, equals), value: plain.slice(equals + 1), raw: word.text },
    )
  }
  const rest = text.slice(offset)
  return { flags, rest: rest.trimStart(), offset: offset + rest.length - rest.trimStart().length }
}

/** A JSON list of strings; `undefined` for what is no JSON list, `'mixed'` for a list that holds something else. */
export function parseList(text: string): string[] | 'mixed' | undefined {
  if (!text.startsWith('[')) return undefined
  try {
    const list: unknown = JSON.parse(text)
    if (!Array.isArray(list)) return undefined
    return list.every(each => typeof each === 'string') ? list : 'mixed'
  } catch {
    return undefined // a line for the shell that happens to begin with a bracket
  }
}

/** `A=1 B="two words"`, or the old form `A all the rest`; keys and values raw. `undefined` where the words fit neither. */
export function parsePairs(
  text: string,
  escape: string,
): { key: string; value: string; raw: string }[] | { wrong: string } {
  const words = rawWords(text, escape)
  const [first] = words
  if (first === undefined) return []
  if (!first.text.includes('=')) {
    const value = text.slice(first.offset + first.text.length).trim()
    return value === '' ? { wrong: first.text } : [{ key: first.text, value, raw: first.text }]
  }
  const pairs: { key: string; value: string; raw: string }[] = []
  for (const word of words) {
    const equals = word.text.indexOf('=')
    if (equals < 1) return { wrong: word.text }
    pairs.push({ key: word.text.slice(0, equals), value: word.text.slice(equals + 1), raw: word.text })
  }
  return pairs
}
