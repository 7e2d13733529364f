// `name=value,name,…` with CSV quoting, as --mount takes it.
import type { TspodError } from '#errors.ts'

/** The fields in order; a field without `=` has no value. `"a,b"` keeps its comma, `""` within quotes is a quote. */
export function splitFields(text: string, refuse: (why: string) => TspodError): [string, string?][] {
  const fields: string[] = []
  let field = ''
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (quoted && character === '"' && text[at + 1] === '"') field += text[at++]
    else if (character === '"' && (quoted || field === '')) quoted = !quoted
    else if (character === ',' && !quoted) {
      fields.push(field)
      field = ''
    } else field += character
  }
  if (quoted) throw refuse('a quote is not closed')
  fields.push(field)
  return fields
    .filter(each => each !== '')
    .map(each => {
      const equals = each.indexOf('=')
      return equals < 0 ? [each] : [each.slice(0, equals), each.slice(equals + 1)]
    })
}
