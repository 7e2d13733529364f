// The result of `build --check`, as docker prints it. Pure.
import type { CheckedBuild } from '#engine/contracts/build.ts'

const rule = '--------------------'

/** Each warning with its rule, the page that explains it, and the lines around, those meant marked. */
export function formatCheck({ fileName, lines, warnings }: CheckedBuild): string {
  if (warnings.length === 0) return 'Check complete, no warnings found.\n'
  const count = warnings.length === 1 ? '1 warning has' : `${warnings.length} warnings have`
  const all = warnings.map(({ rule: name, url, detail, startLine, endLine }) => {
    const first = Math.max(1, startLine - 3)
    const last = Math.min(lines.length, endLine + 3)
    const shown = lines.slice(first - 1, last).map((text, index) => {
      const number = first + index
      const mark = number >= startLine && number <= endLine ? '>>>' : '   '
      return `${String(number).padStart(4)} | ${mark} ${text}`.trimEnd()
    })
    return `WARNING: ${name} - ${url}\n${detail}\n${fileName}:${startLine}\n${[rule, ...shown, rule].join('\n')}\n`
  })
  return `Check complete, ${count} been found!\n\n${all.join('\n')}`
}
