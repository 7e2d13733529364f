// `--format` of the commands that list things: json, a Go template per row, or a table made by one. Pure.
import { alignTabs } from './table.ts'
import { compileTemplate } from './template/template.ts'

export interface ReportShape {
  /** headings that are not just the field's words in upper case */
  headings: Record<string, string>
  /** every field a row can have, for the heading of an empty table */
  fields: readonly string[]
  /** leave the heading of a table out */
  noHeading?: boolean
}

/** True for the values of `--format` that ask for JSON. */
export function wantsJson(format: string | undefined): boolean {
  return format === 'json' || /^\{\{\s*json\s*\}\}$/.test(format ?? '')
}

/** `{{range .}}…`, `{{range $i, $row := .}}…`: the template goes through the rows by itself. */
const rangesOverRows = /^\{\{-?\s*range\s+(?:\$\w+\s*(?:,\s*\$\w+\s*)?:=\s*)?\.\s*-?\}\}/

/** Rows through a template, one line each; `table …` aligns columns under headings (podman-ps(1), --format). */
export function renderRows(format: string, rows: readonly Record<string, unknown>[], shape: ReportShape): string {
  const isTable = /^table(?:\s|$)/.test(format)
  const row = withNewline(isTable ? tabsForSpaces(format.replace(/^table\s*/, '')) : unescapeTabs(format))
  if (!isTable && rangesOverRows.test(format)) return compileTemplate(row)(rows)
  const fill = compileTemplate(row)
  const heading = isTable && shape.noHeading !== true ? fill(headingRow(shape)) : ''
  const text = heading + rows.map(fill).join('')
  return isTable ? alignTabs(text) : text
}

/** A template over one value, such as `info` or one inspected object; ends with a newline. */
export function renderValue(format: string, value: unknown): string {
  return withNewline(compileTemplate(unescapeTabs(format))(value))
}

/** `CreatedAt` to `CREATED AT`. */
export function headingOf(field: string): string {
  return field.replace(/([a-z])([A-Z])/g, '$1 $2').toUpperCase()
}

function headingRow(shape: ReportShape): Record<string, unknown> {
  const words = shape.fields.map((field): [string, unknown] => [field, shape.headings[field] ?? headingOf(field)])
  return { ...Object.fromEntries(words), Label: (name: string) => name.toUpperCase() }
}

/** Spaces between fields separate columns; those inside `{{ }}` do not. */
function tabsForSpaces(format: string): string {
  return unescapeTabs(format).replace(/(\{\{.*?\}\})|[ \t]+/gs, (found, action?: string) => action ?? (found && '\t'))
}

/** The shell leaves `\t` and `\n` in a quoted format as two letters. */
function unescapeTabs(format: string): string {
  return format.replace(/(\{\{.*?\}\})|\\([tn])/gs, (_, action?: string, letter?: string) =>
    action === undefined ? (letter === 't' ? '\t' : '\n') : action,
  )
}

function withNewline(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`
}
