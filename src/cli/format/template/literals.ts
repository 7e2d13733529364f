// Go's literals in templates: numbers, characters and strings to values. Pure.

const simpleEscapes: Record<string, string> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
}

/** `0x1f`, `1_000`, `-2.5e3`, `0o17`, `017` to a number. */
export function numberValue(text: string): number {
  const plain = text.replaceAll('_', '')
  const sign = plain.startsWith('-') ? -1 : 1
  const digits = plain.replace(/^[+-]/, '')
  if (/^0[0-7]+$/.test(digits)) return sign * Number.parseInt(digits, 8)
  return sign * Number(digits)
}

/** `'a'` to its code point, as Go has it. */
export function charValue(text: string): number {
  return unescape(text.slice(1, -1)).codePointAt(0) ?? 0
}

/** A quoted or raw string to what it says. */
export function stringValue(text: string): string {
  return text.startsWith('`') ? text.slice(1, -1) : unescape(text.slice(1, -1))
}

/** Go's escapes of interpreted strings. */
function unescape(text: string): string {
  return text.replace(
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))/g,
    (all, hex?: string, short?: string, long?: string, octal?: string, simple?: string) => {
      const code = hex ?? short ?? long
      if (code !== undefined) return String.fromCodePoint(Number.parseInt(code, 16))
      if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8))
      return simpleEscapes[simple ?? ''] ?? all
    },
  )
}
