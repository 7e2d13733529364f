// Go templates over JSON data, as Podman's and Docker's `--format` take them. Pure.
import { executeTemplate } from './execute.ts'
import { parseTemplate } from './parser.ts'

/** Parses a Go template and gives the function that fills it in. Both throw INVALID with line, column and template. */
export function compileTemplate(text: string): (data: unknown) => string {
  const template = parseTemplate(text)
  return data => executeTemplate(template, data)
}
