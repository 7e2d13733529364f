// Go's fmt.Sprintf, as far as templates need it: %v %+v %#v %s %q %d %x %X %o %b %c %U %t %f %e %g %T %%, with flags,
// width, precision and `*`. Pure.
import { formatNumber, formatValue, isObject, typeName } from './values.ts'

const verbPattern = /%([-+# 0]*)(\*|\d+)?(?:\.(\*|\d*))?(.)?/gsu

interface Directive {
  flags: string
  width: number | undefined
  precision: number | undefined
  verb: string
}

/** Formats like Go, mistakes included: `%!d(string=x)`, `%!s(MISSING)`, `%!(EXTRA int=1)`. */
export function sprintf(format: string, values: readonly unknown[]): string {
  let next = 0
  const number = (text: string | undefined) => {
    if (text === undefined) return undefined
    return text === '*' ? Number(values[next++]) : Number(text || 0)
  }
  const text = format.replace(verbPattern, (_, flags: string, width?: string, precision?: string, verb?: string) => {
    if (verb === '%') return '%'
    if (verb === undefined) return '%!(NOVERB)'
    const directive = { flags, width: number(width), precision: number(precision), verb }
    if (next >= values.length) return `%!${verb}(MISSING)`
    return formatDirective(directive, values[next++])
  })
  if (next >= values.length) return text
  const extra = values.slice(next).map(value => `${typeName(value)}=${formatValue(value)}`)
  return `${text}%!(EXTRA ${extra.join(', ')})`
}

function formatDirective(directive: Directive, value: unknown): string {
  const { flags, verb } = directive
  if (Array.isArray(value) && verb !== 'v' && verb !== 'T')
    return `[${value.map(item => formatDirective(directive, item)).join(' ')}]`
  const body = formatVerb(directive, value)
  if (body === undefined) return `%!${verb}(${typeName(value)}=${formatValue(value)})`
  const width = directive.width ?? 0
  const missing = Math.abs(width) - Array.from(body).length
  if (missing <= 0) return body
  if (flags.includes('-') || width < 0) return body + ' '.repeat(missing)
  if (!flags.includes('0')) return ' '.repeat(missing) + body
  const sign = typeof value === 'number' ? (/^[+-]/.exec(body)?.[0] ?? '') : ''
  return sign + '0'.repeat(missing) + body.slice(sign.length)
}

function formatVerb({ flags, precision, verb }: Directive, value: unknown): string | undefined {
  switch (verb) {
    case 'v':
      return flags.includes('#') ? goSyntax(value) : formatValue(value)
    case 'T':
      return typeName(value)
    case 't':
      return typeof value === 'boolean' ? String(value) : undefined
    case 's':
      return typeof value === 'number' || typeof value === 'boolean' || value === null || value === undefined
        ? undefined
        : cut(formatValue(value), precision)
    case 'q':
      if (typeof value === 'number') return `'${String.fromCodePoint(value)}'`
      return typeof value === 'string' ? quote(cut(value, precision)) : undefined
    case 'x':
    case 'X': {
      const text = typeof value === 'string' ? hexBytes(value) : integer(value, 16, flags)
      return verb === 'X' ? text?.toUpperCase() : text
    }
    case 'd':
      return integer(value, 10, flags)
    case 'o':
      return integer(value, 8, flags)
    case 'b':
      return integer(value, 2, flags)
    case 'c':
      return typeof value === 'number' ? String.fromCodePoint(value) : undefined
    case 'U':
      return typeof value === 'number' ? `U+${value.toString(16).toUpperCase().padStart(4, '0')}` : undefined
    case 'f':
    case 'F':
      return float(value, flags, n => n.toFixed(precision ?? 6))
    case 'e':
    case 'E': {
      const text = float(value, flags, n => n.toExponential(precision ?? 6).replace(/e([+-])(\d)$/, 'e$10$2'))
      return verb === 'E' ? text?.toUpperCase() : text
    }
    case 'g':
    case 'G':
      return float(value, flags, n =>
        precision === undefined ? formatNumber(n) : String(Number(n.toPrecision(precision))),
      )
    default:
      return undefined
  }
}

function integer(value: unknown, base: number, flags: string): string | undefined {
  if (typeof value !== 'bigint' && !(typeof value === 'number' && Number.isInteger(value))) return undefined
  const prefix = flags.includes('#') ? ({ 2: '0b', 8: '0', 16: '0x' }[base] ?? '') : ''
  const text = value.toString(base)
  const negative = text.startsWith('-')
  const sign = negative ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : ''
  return sign + prefix + (negative ? text.slice(1) : text)
}

function float(value: unknown, flags: string, format: (n: number) => string): string | undefined {
  if (typeof value !== 'number') return undefined
  return (flags.includes('+') && value >= 0 ? '+' : '') + format(value)
}

function cut(text: string, precision: number | undefined): string {
  return precision === undefined ? text : Array.from(text).slice(0, precision).join('')
}

function hexBytes(text: string): string {
  return Buffer.from(text).toString('hex')
}

/** Go's %q: double quotes, with escapes Go knows. */
export function quote(text: string): string {
  return JSON.stringify(text)
    .replace(/\\u00([0-9a-f]{2})/g, '\\x$1')
    .replaceAll('\x7f', '\\x7f')
}

function goSyntax(value: unknown): string {
  if (typeof value === 'string') return quote(value)
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(', ')}}`
  if (isObject(value))
    return `map[string]interface {}{${Object.keys(value)
      .sort()
      .map(key => `${quote(key)}:${goSyntax(value[key])}`)
      .join(', ')}}`
  return formatValue(value)
}
