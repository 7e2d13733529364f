// TOML text to a plain object, with errors that name file and line.
import { readFileSync } from 'node:fs'
import { during, TspodError } from '#errors.ts'

/** A parsed file; values are whatever TOML has. */
export type TomlTable = Record<string, unknown>

/** Reads and parses a TOML file. Throws INVALID with file, line and column for text that is none. */
export async function readToml(path: string): Promise<TomlTable> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw during(`reading "${path}"`, error)
  }
  return await parseToml(text, path)
}

export async function parseToml(text: string, path: string): Promise<TomlTable> {
  const content = withoutCommentLines(text)
  if (content.trim() === '') return {}
  const { parse, TomlError } = await import('smol-toml')
  try {
    return parse(content)
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const [reason] = error.message.replace(/^Invalid TOML document: /, '').split('\n')
    throw new TspodError('INVALID', `reading "${path}": line ${error.line}, column ${error.column}: ${reason}`, {
      cause: error,
    })
  }
}

/**
 * The stock files are nearly all comments, and parsing those takes 2 ms; without them it is 0.2. Lines keep their numbers.
 * Text in which a line could be inside a multi-line string is left as it is.
 */
function withoutCommentLines(text: string): string {
  return text.includes('"""') || text.includes("'''") ? text : text.replace(/^[ \t]*#.*$/gm, '')
}
