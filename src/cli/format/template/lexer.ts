// Go's text/template, first stage: text into tokens. Pure. Follows https://pkg.go.dev/text/template ("Actions",
// "Text and spaces").
import { TspodError } from '#errors.ts'

export type TokenKind =
  | 'text'
  | 'open'
  | 'close'
  | 'field'
  | 'variable'
  | 'identifier'
  | 'number'
  | 'char'
  | 'string'
  | 'dot'
  | 'pipe'
  | 'leftParen'
  | 'rightParen'
  | 'declare'
  | 'assign'
  | 'comma'
  | 'space'
  | 'end'

export interface Token {
  kind: TokenKind
  /** as written; for fields and variables without their mark */
  text: string
  /** offset in the template */
  at: number
}

const wordPattern = /[\p{L}_][\p{L}\p{Nd}_]*/uy
const numberPattern =
  /[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)/y
const stringPattern = /"(?:[^"\\\n]|\\[^\n])*"|`[^`]*`/y
const charPattern = /'(?:[^'\\\n]|\\[^\n]+?)'/y
const spacePattern = /[ \t\r\n]+/y
const marks: Record<string, TokenKind> = {
  '|': 'pipe',
  '(': 'leftParen',
  ')': 'rightParen',
  ',': 'comma',
  '=': 'assign',
}

/** Line and column (from 0, as Go counts) of an offset, `1:2`. */
export function positionOf(template: string, at: number): string {
  const before = template.slice(0, at)
  const line = before.split('\n').length
  return `${line}:${at - (before.lastIndexOf('\n') + 1)}`
}

/** A mistake in the template's own text. */
export function templateError(template: string, at: number, problem: string): TspodError {
  return new TspodError('INVALID', `parsing template: ${positionOf(template, at)}: ${problem}`, {
    hint: `the template is ${JSON.stringify(template)}`,
  })
}

/** Splits a template; trim marks (`{{-`, `-}}`) are applied and comments dropped. Throws INVALID with the column. */
export function lexTemplate(template: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  let trimNext = false
  while (at < template.length) {
    const open = template.indexOf('{{', at)
    const textEnd = open === -1 ? template.length : open
    let text = template.slice(at, textEnd)
    if (trimNext) text = text.replace(/^[ \t\r\n]+/, '')
    trimNext = false
    const trimBefore = open !== -1 && /^-[ \t\r\n]/.test(template.slice(open + 2, open + 4))
    if (trimBefore) text = text.replace(/[ \t\r\n]+$/, '')
    if (text !== '') tokens.push({ kind: 'text', text, at })
    if (open === -1) break
    const inside = open + (trimBefore ? 4 : 2)
    const comment = /^[ \t\r\n]*\/\*/.exec(template.slice(open + 2 + (trimBefore ? 1 : 0)))
    const end = comment ? skipComment(template, open, inside) : lexAction(template, open, inside, tokens)
    trimNext = end.trim
    at = end.at
  }
  tokens.push({ kind: 'end', text: '', at: template.length })
  return tokens
}

interface ActionEnd {
  at: number
  trim: boolean
}

function skipComment(template: string, open: number, inside: number): ActionEnd {
  const close = template.indexOf('*/', inside)
  if (close === -1) throw templateError(template, open, 'unclosed comment')
  const end = /^(?:[ \t\r\n]+-)?\}\}/.exec(template.slice(close + 2))
  if (!end) throw templateError(template, open, 'comment ends before closing delimiter')
  return { at: close + 2 + end[0].length, trim: end[0].includes('-') }
}

function lexAction(template: string, open: number, inside: number, tokens: Token[]): ActionEnd {
  tokens.push({ kind: 'open', text: '{{', at: open })
  let at = inside
  for (;;) {
    const close = /^(?:[ \t\r\n]+-)?\}\}/.exec(template.slice(at, at + 64))
    if (close) {
      tokens.push({ kind: 'close', text: '}}', at })
      return { at: at + close[0].length, trim: close[0].includes('-') }
    }
    if (at >= template.length) throw templateError(template, open, 'unclosed action')
    const token = lexToken(template, at, tokens.at(-1)?.kind)
    tokens.push(token.token)
    at = token.next
  }
}

function lexToken(template: string, at: number, before: TokenKind | undefined): { token: Token; next: number } {
  const take = (kind: TokenKind, length: number, text = template.slice(at, at + length)) => ({
    token: { kind, text, at },
    next: at + length,
  })
  const c = template[at] ?? ''
  const space = match(spacePattern, template, at)
  if (space) return take('space', space.length)
  if (c === ':' && template[at + 1] === '=') return take('declare', 2)
  const mark = marks[c]
  if (mark) return take(mark, 1)
  if (c === '"' || c === '`') {
    const text = match(stringPattern, template, at)
    if (!text)
      throw templateError(template, at, c === '"' ? 'unterminated quoted string' : 'unterminated raw quoted string')
    return take('string', text.length)
  }
  if (c === "'") {
    const text = match(charPattern, template, at)
    if (!text) throw templateError(template, at, 'unterminated character constant')
    return take('char', text.length)
  }
  if (c === '$') {
    const word = match(wordPattern, template, at + 1) ?? ''
    return take('variable', 1 + word.length, `$${word}`)
  }
  if (c === '.' && !/\d/.test(template[at + 1] ?? '')) {
    const word = match(wordPattern, template, at + 1)
    return word ? take('field', 1 + word.length, word) : take('dot', 1)
  }
  const startsOperand = before === 'space' || before === 'open' || before === 'leftParen' || before === 'pipe'
  const number = /[\d.]/.test(c) || (startsOperand && /[+-]/.test(c)) ? match(numberPattern, template, at) : undefined
  if (number) return take('number', number.length)
  const word = match(wordPattern, template, at)
  if (word) return take('identifier', word.length)
  throw templateError(template, at, `unexpected ${JSON.stringify(c)} in action`)
}

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0]
}
