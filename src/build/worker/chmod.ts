// `--chmod`: octal, or the words of chmod(1). Pure.
import { TspodError } from '#errors.ts'

const bits = { r: 4, w: 2, x: 1 } as const

/** The mode that a file of this mode gets. Throws INVALID for what is no mode. */
export function parseChmod(text: string): (mode: number, isFolder: boolean) => number {
  if (/^[0-7]{1,4}$/.test(text)) return () => Number.parseInt(text, 8)
  const clauses = text.split(',').map(clause => {
    const [, who = '', operator = '', what = ''] = /^([ugoa]*)([-+=])([rwxXst]*)$/.exec(clause) ?? []
    if (operator === '')
      throw new TspodError('INVALID', `--chmod=${text}: "${clause}" must be octal, such as 755, or like u=rwX,go=rX`)
    return { who: who === '' || who.includes('a') ? 'ugo' : who, operator, what }
  })
  return (mode, isFolder) =>
    clauses.reduce((before, { who, operator, what }) => {
      const executable = isFolder || (before & 0o111) !== 0
      const one = [...new Set(what)].reduce(
        (sum, letter) => sum | (letter === 'X' ? (executable ? 1 : 0) : (bits[letter as keyof typeof bits] ?? 0)),
        0,
      )
      let given = 0
      let covered = 0
      for (const [letter, shift, special] of [
        ['u', 6, 0o4000],
        ['g', 3, 0o2000],
        ['o', 0, 0],
      ] as const) {
        if (!who.includes(letter)) continue
        given |= (one << shift) | (what.includes('s') ? special : 0)
        covered |= 7 << shift
      }
      if (what.includes('t')) given |= 0o1000
      if (operator === '+') return before | given
      return operator === '-' ? before & ~given : (before & ~covered) | given
    }, mode)
}
