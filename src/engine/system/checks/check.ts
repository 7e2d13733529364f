// What every check of `doctor` is made of.
import type { Check } from '#engine/contracts/system.ts'
import type { Mend, Obstacle } from '#host/obstacle.ts'

/** A check with its reason fixed: what remains is what was found. */
export interface Finding {
  ok(found: string): Check
  warn(found: string, mend?: Mend): Check
  fail(found: string, mend?: Mend): Check
  skip(found: string): Check
  /** Fails with an obstacle. */
  blocked(obstacle: Obstacle): Check
}

/** Starts a check: its name, and why what it looks at matters. */
export function checking(name: string, why: string): Finding {
  const result = (status: Check['status'], found: string, mend?: Mend): Check => ({
    name,
    status,
    found,
    why,
    ...(mend !== undefined && { mend }),
  })
  return {
    ok: found => result('ok', found),
    warn: (found, mend) => result('warn', found, mend),
    fail: (found, mend) => result('fail', found, mend),
    skip: found => result('skip', found),
    blocked: ({ found, mend }) => result('fail', found, mend),
  }
}

export function you(command: string): Mend {
  return { command, who: 'you' }
}

export function administrator(command: string): Mend {
  return { command, who: 'administrator' }
}
