// The words of a value in a unit file, and back (systemd.syntax(7), QUOTING; systemd.service(5), COMMAND LINES). Pure.

const controls: Record<string, string> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', s: ' ' }

/** `raw` keeps backslashes as they are, so that they only protect the next letter; `unescaped` resolves them as C does. */
export type Escapes = 'raw' | 'unescaped'

/** Words between blanks; quotes of either kind hold blanks, anywhere in a word. A quote that does not end is taken to the end. */
export function splitWords(text: string, escapes: Escapes = 'unescaped'): string[] {
  const words: string[] = []
  let word: string | undefined
  let quote = ''
  for (let at = 0; at < text.length; at++) {
    const letter = text.charAt(at)
    if (letter === '\\' && at + 1 < text.length) {
      const [value, length] = escapes === 'raw' ? [text.slice(at, at + 2), 2] : readEscape(text.slice(at))
      word = (word ?? '') + value
      at += length - 1
    } else if (quote !== '') {
      if (letter === quote) quote = ''
      else word = (word ?? '') + letter
    } else if (letter === '"' || letter === "'") {
      quote = letter
      word ??= ''
    } else if (/\s/.test(letter)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? '') + letter
  }
  if (word !== undefined) words.push(word)
  return words
}

/** The value of the escape that a text begins with, and its length; an unknown one stays as it is. */
function readEscape(text: string): [string, number] {
  const letter = text.charAt(1)
  const control = controls[letter]
  if (control !== undefined) return [control, 2]
  const hex = /^\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/.exec(text)
  const octal = /^\\([0-3][0-7]{2})/.exec(text)
  const code = hex ? Number.parseInt(hex[1] ?? hex[2] ?? hex[3] ?? '', 16) : Number.parseInt(octal?.[1] ?? '', 8)
  if (code > 0 && code <= 0x10_ff_ff) return [String.fromCodePoint(code), (hex ?? octal)?.[0].length ?? 2]
  return [/["'\\]/.test(letter) ? letter : text.slice(0, 2), 2]
}

/** A command line for Exec…=. Specifiers (`%t`) and variables (`$X`) in words are left to systemd. */
export function joinWords(words: readonly string[]): string {
  return words.map(quoteWord).join(' ')
}

function quoteWord(word: string): string {
  if (word !== '' && !/[\s"'\\\p{Cc}]/u.test(word)) return word
  const escaped = word.replace(/["\\]|\p{Cc}/gu, letter => {
    const name = Object.keys(controls).find(key => controls[key] === letter)
    if (name !== undefined) return `\\${name}`
    return /["\\]/.test(letter) ? `\\${letter}` : `\\x${letter.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
  return `"${escaped}"`
}
