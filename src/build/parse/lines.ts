// From the text of a Containerfile to its instructions as whole lines: directives, comments, continuations, here-documents. Pure.
//
// Follows BuildKit's frontend/dockerfile/parser: a comment may stand between continued lines, a here-document's text follows the
// line that names it. Every character of a whole line remembers where it stood.
import { type Position, type SourceFile, sourceError } from './source.ts'
import { rawWords, unquote } from './words.ts'

/** A here-document of a RUN, COPY or ADD. */
export interface Heredoc {
  name: string
  /** its lines, each with its newline */
  content: string
  /** the name was not quoted: variables mean something */
  expands: boolean
  /** as it is written in the instruction, `<<-"EOF"` */
  word: string
}

interface Piece {
  offset: number
  at: Position
}

/** One instruction, continuations joined. */
export class WholeLine {
  readonly text: string
  readonly startLine: number
  endLine: number
  readonly heredocs: Heredoc[] = []
  readonly file: SourceFile
  readonly #pieces: readonly Piece[]

  constructor(file: SourceFile, text: string, pieces: readonly Piece[], endLine: number) {
    this.file = file
    this.text = text
    this.#pieces = pieces
    this.startLine = pieces[0]?.at.line ?? 1
    this.endLine = endLine
  }

  /** Where a character of `text` stands in the file. */
  positionAt(offset: number): Position {
    const piece = this.#pieces.findLast(each => each.offset <= offset)
    if (piece === undefined) return { line: this.startLine, column: 1 }
    return { line: piece.at.line, column: piece.at.column + offset - piece.offset }
  }

  /** A mistake in this instruction, at the first place where `found` stands in it, or at its start. */
  error(
    message: string,
    found?: string,
    facts: Parameters<typeof sourceError>[3] = {},
  ): ReturnType<typeof sourceError> {
    const offset = found === undefined || found === '' ? -1 : this.text.indexOf(found)
    return sourceError(this.file, this.positionAt(Math.max(0, offset)), message, facts)
  }
}

export interface Directives {
  escape: '\\' | '`'
  syntax?: string
  /** `skip=A,B;error=true` */
  check?: string
}

export interface ReadFile {
  file: SourceFile
  directives: Directives
  lines: WholeLine[]
  /** lines on which an empty line follows a continuation, or a document ends without its word */
  emptyContinuations: number[]
}

const directivePattern = /^#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.*?)\s*$/
const takesHeredocs = /^\s*(?:ONBUILD\s+)?(?:RUN|COPY|ADD)\b/i

/** Reads all of it. Throws INVALID for a document that never ends and for directives that are wrong. */
export function readLines(name: string, text: string): ReadFile {
  const rows = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  const file: SourceFile = { name, lines: rows }
  const directives = readDirectives(file)
  const { escape } = directives
  const lines: WholeLine[] = []
  const emptyContinuations: number[] = []
  for (let index = 0; index < rows.length; ) {
    const first = rows[index] ?? ''
    if (first.trim() === '' || isComment(first)) {
      index++
      continue
    }
    const pieces: Piece[] = []
    let joined = ''
    let column = first.length - first.trimStart().length
    let row = first.trimStart()
    for (;;) {
      const rest = withoutContinuation(row, escape)
      pieces.push({ offset: joined.length, at: { line: index + 1, column: column + 1 } })
      joined += rest ?? row
      index++
      if (rest === undefined) break
      while (index < rows.length && (isComment(rows[index] ?? '') || (rows[index] ?? '').trim() === '')) {
        if ((rows[index] ?? '').trim() === '' && index < rows.length - 1) emptyContinuations.push(index + 1)
        index++
      }
      if (index >= rows.length) break
      row = rows[index] ?? ''
      column = 0
    }
    const line = new WholeLine(file, joined.trimEnd(), pieces, index)
    index = readHeredocs(line, rows, index, escape)
    lines.push(line)
  }
  return { file, directives, lines, emptyContinuations }
}

const isComment = (row: string): boolean => /^\s*#/.test(row)

/** The row without its final escape character; `undefined` where it ends the instruction. */
function withoutContinuation(row: string, escape: string): string | undefined {
  const trimmed = row.replace(/[ \t]+$/, '')
  if (!trimmed.endsWith(escape) || trimmed.endsWith(escape + escape)) return undefined
  return trimmed.slice(0, -1)
}

function readDirectives(file: SourceFile): Directives {
  const directives: Directives = { escape: '\\' }
  const seen = new Set<string>()
  for (const [index, row] of file.lines.entries()) {
    if (index === 0 && row.startsWith('#!')) continue
    const [, key = '', value = ''] = directivePattern.exec(row) ?? []
    const name = key.toLowerCase()
    if (name !== 'escape' && name !== 'syntax' && name !== 'check') break
    const at = { line: index + 1, column: 1 }
    if (seen.has(name)) throw sourceError(file, at, `the directive "${name}" is there twice, must be once`)
    seen.add(name)
    if (name === 'escape') {
      if (value !== '\\' && value !== '`')
        throw sourceError(file, at, `the directive "escape" is "${value}", must be \\ or \``)
      directives.escape = value
    } else directives[name] = value
  }
  return directives
}

/** Takes the documents that a line names; the index of the row after them. */
function readHeredocs(line: WholeLine, rows: readonly string[], start: number, escape: string): number {
  if (!takesHeredocs.test(line.text)) return start
  let index = start
  for (const word of rawWords(line.text, escape)) {
    const [, dash, quoted = ''] = /^\d*<<(-?)([^<\s]+)$/.exec(word.text) ?? []
    if (dash === undefined || quoted === '') continue
    const name = unquote(quoted, escape)
    const content: string[] = []
    for (;;) {
      const row = rows[index]
      if (row === undefined)
        throw line.error(`the here-document "${name}" never ends`, word.text, {
          hint: `it ends with a line that is ${name} and nothing else`,
        })
      index++
      const shown = dash === '-' ? row.replace(/^\t+/, '') : row
      if (shown === name) break
      content.push(`${shown}\n`)
    }
    line.heredocs.push({ name, content: content.join(''), expands: name === quoted, word: word.text })
  }
  line.endLine = Math.max(line.endLine, index)
  return index
}
