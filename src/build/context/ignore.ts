// .containerignore and .dockerignore: which files of a context are not there. Pure.
//
// The rules are those of moby's patternmatcher: Go's filepath.Match and `**`, the last pattern that fits decides, `!` takes back, and
// a pattern that fits a folder fits all that is in it. A final file name may not hold a slash in `*` and `?`.

export interface IgnoreRules {
  /** True for a path that is left out; `path` is relative, with slashes. */
  ignores: (this: void, path: string) => boolean
  /** True for a folder of which nothing can be left, so that it need not be looked into. */
  ignoresAll: (this: void, folder: string) => boolean
}

interface Pattern {
  regex: RegExp
  isException: boolean
  text: string
}

/** Lines of an ignore file; comments and empty ones count for nothing. */
export function parseIgnore(text: string): string[] {
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .filter(line => !line.startsWith('#'))
    .map(line => line.trim())
    .filter(line => line !== '')
}

/** Rules of patterns in order. Throws a SyntaxError for a pattern that is none. */
export function ignoreRules(lines: readonly string[]): IgnoreRules {
  const patterns = lines.map(compile).filter(each => each !== undefined)
  const hasException = patterns.some(({ isException }) => isException)
  const ignores = (path: string): boolean => {
    const ways = [path, ...parentsOf(path)]
    let isIgnored = false
    for (const { regex, isException } of patterns)
      if (isIgnored === isException && ways.some(each => regex.test(each))) isIgnored = !isException
    return isIgnored
  }
  return {
    ignores,
    ignoresAll: folder =>
      ignores(folder) && (!hasException || !patterns.some(each => each.isException && mayBeBelow(each.text, folder))),
  }
}

/** True for one pattern, of COPY --exclude or of a source. */
export function patternRegex(pattern: string): RegExp {
  return new RegExp(`^${translate(clean(pattern))}$`, 's')
}

function compile(line: string): Pattern | undefined {
  const isException = line.startsWith('!')
  const text = clean(isException ? line.slice(1).trim() : line)
  if (text === '' || text === '.') return undefined
  return { regex: new RegExp(`^${translate(text)}$`, 's'), isException, text }
}

/** Go's filepath.Clean, without the first slash. */
function clean(pattern: string): string {
  const parts: string[] = []
  for (const part of pattern.split('/')) {
    if (part === '' || part === '.') continue
    if (part === '..' && parts.length > 0) parts.pop()
    else if (part !== '..') parts.push(part)
  }
  return parts.join('/')
}

function translate(pattern: string): string {
  let result = ''
  for (let index = 0; index < pattern.length; index++) {
    const char = pattern[index] ?? ''
    if (char === '*' && pattern[index + 1] === '*') {
      index++
      if (pattern[index + 1] === '/') {
        index++
        result += '(?:.*/)?'
      } else result += '.*'
    } else if (char === '*') result += '[^/]*'
    else if (char === '?') result += '[^/]'
    else if (char === '[') {
      const end = pattern.indexOf(']', pattern[index + 1] === '^' ? index + 3 : index + 2)
      if (end < 0) throw new SyntaxError(`the pattern "${pattern}" has a bracket that is never closed`)
      result += `[${pattern.slice(index + 1, end).replace(/[\\[\]&]/g, '\\$&')}]`
      index = end
    } else if (char === '\\' && index + 1 < pattern.length) result += literal(pattern[++index] ?? '')
    else result += literal(char)
  }
  return result
}

const literal = (char: string): string => char.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')

function parentsOf(path: string): string[] {
  const parts = path.split('/')
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'))
}

/** Whether an exception could name something in a folder: it begins the same way, or with a wildcard. */
function mayBeBelow(pattern: string, folder: string): boolean {
  const wanted = folder.split('/')
  for (const [index, part] of pattern.split('/').entries()) {
    const other = wanted[index]
    if (other === undefined || /[*?[\\]/.test(part)) return true
    if (part !== other) return false
  }
  // the pattern names the folder itself or one above it
  return true
}
