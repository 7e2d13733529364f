// The text of a Containerfile with positions: every mistake is told with file, line and column, and the lines around it. Pure.
import { type ErrorFacts, TspodError } from '#errors.ts'

/** Both count from 1. */
export interface Position {
  line: number
  column: number
}

export interface SourceFile {
  /** as the user named it, for errors */
  name: string
  lines: readonly string[]
}

/** A mistake in a Containerfile: `Containerfile:3:6: …`, and the lines around. */
export function sourceError(
  file: SourceFile,
  { line, column }: Position,
  message: string,
  facts: ErrorFacts & { code?: 'INVALID' | 'UNSUPPORTED' | 'NOT_FOUND' } = {},
): TspodError {
  const { code = 'INVALID', ...rest } = facts
  return new TspodError(code, `${file.name}:${line}:${column}: ${message}\n${excerpt(file, line, line, column)}`, rest)
}

/** The lines `from` to `to` with one before and one after, numbered, those meant marked; `column` gets a caret below its line. */
export function excerpt(file: SourceFile, from: number, to: number, column?: number): string {
  const first = Math.max(1, from - 1)
  const last = Math.min(file.lines.length, to + 1)
  const width = String(last).length
  const shown: string[] = []
  for (let line = first; line <= last; line++) {
    const text = (file.lines[line - 1] ?? '').replaceAll('\t', ' ')
    shown.push(`${line >= from && line <= to ? '>' : ' '} ${String(line).padStart(width)} | ${text}`.trimEnd())
    if (line === from && column !== undefined) shown.push(`  ${' '.repeat(width)} | ${' '.repeat(column - 1)}^`)
  }
  return shown.join('\n')
}
