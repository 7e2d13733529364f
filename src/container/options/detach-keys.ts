// --detach-keys: the bytes that leave an attached container running (attach(1)).
import { TspodError } from '#errors.ts'

/** `ctrl-p,ctrl-q` or `a,b` as the bytes a terminal sends; an empty text disables detaching. INVALID quotes the text. */
export function parseDetachKeys(text: string): Uint8Array {
  if (text === '') return new Uint8Array(0)
  return Uint8Array.from(text.split(','), key => {
    if (/^[\x20-\x7e]$/.test(key)) return key.charCodeAt(0)
    const control = /^ctrl-([a-z@^[\\\]_])$/i.exec(key)?.[1]
    if (control !== undefined) return control.toUpperCase().charCodeAt(0) & 0x1f
    throw new TspodError(
      'INVALID',
      `parsing --detach-keys "${text}": "${key}" is no key, must be a character or ctrl- and one of a-z @ ^ [ \\ ] _`,
    )
  })
}
