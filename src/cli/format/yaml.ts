// YAML as `info` prints it: block style, keys in their order. Pure.

/** A JSON value as YAML; ends with a newline. */
export function formatYaml(value: unknown): string {
  return `${block(value, '').replace(/^\n/, '')}\n`
}

function block(value: unknown, indent: string): string {
  if (Array.isArray(value)) {
    if (value.length === 0) return ' []'
    return value.map(item => `\n${indent}-${block(item, `${indent}  `).replace(/^\n\s*/, ' ')}`).join('')
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined)
    if (entries.length === 0) return ' {}'
    return entries
      .map(([key, item]) => `\n${indent}${scalar(key)}:${block(item, Array.isArray(item) ? indent : `${indent}  `)}`)
      .join('')
  }
  if (typeof value === 'string' && value.includes('\n') && !value.endsWith('\n') && !/^\s/.test(value))
    return ` |-\n${value.replace(/^(?=.)/gm, indent)}`
  return ` ${typeof value === 'string' ? scalar(value) : JSON.stringify(value)}`
}

/** Plain where no reader could take it for something else. */
function scalar(text: string): string {
  const isPlain = /^[A-Za-z/_.][\w ./@+=,()%-]*$/.test(text) && !text.endsWith(' ')
  return isPlain && !/^(?:true|false|yes|no|on|off|null|y|n|\.inf|\.nan|\.+|\.\d[\d_.e+-]*)$/i.test(text)
    ? text
    : JSON.stringify(text)
}
