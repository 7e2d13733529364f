// WWW-Authenticate: what a registry wants to see before it answers (RFC 9110 section 11.6.1). Pure.

export interface Challenge {
  /** `bearer`, `basic`, in lower case */
  scheme: string
  parameters: Record<string, string>
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const parameter = new RegExp(`^(${token})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${token}))`)

/** The challenges of a header, in order; what is none is passed over. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = []
  for (let rest = header.trim(); rest !== ''; ) {
    const found = parameter.exec(rest)
    if (found !== null) {
      const [whole, name = '', quoted, plain] = found
      const value = quoted === undefined ? (plain ?? '') : quoted.replaceAll(/\\(.)/g, '$1')
      const last = challenges.at(-1)
      if (last !== undefined) last.parameters[name.toLowerCase()] = value
      rest = rest.slice(whole.length)
    } else {
      const scheme = new RegExp(`^${token}`).exec(rest)?.[0]
      if (scheme !== undefined) challenges.push({ scheme: scheme.toLowerCase(), parameters: {} })
      rest = rest.slice(scheme?.length ?? 1)
    }
    rest = rest.replace(/^[\s,]+/, '')
  }
  return challenges
}
