// Something about the machine that stands in tspod's way, with what mends it.

export interface Mend {
  /** What to type, or the one thing to do. */
  command: string
  who: 'you' | 'administrator'
}

export interface Obstacle {
  found: string
  mend?: Mend
}

/** The obstacle as one hint: what is wrong, and who types what. Long commands are left to `tspod doctor`. */
export function obstacleHint({ found, mend }: Obstacle): string {
  if (mend === undefined) return found
  if (mend.command.includes('\n')) return `${found}; \`tspod doctor\` prints what ${who(mend)} can do`
  return `${found}; ${who(mend)} can mend it: ${mend.command}`
}

function who({ who: person }: Mend): string {
  return person === 'you' ? 'you' : 'an administrator'
}
