// When a container that has ended starts again by itself (podman-run(1), --restart), and after how long. Pure.
import { TspodError } from '#errors.ts'

export interface RestartPolicy {
  name: 'on-failure' | 'always' | 'unless-stopped'
  /** `on-failure:N`: no more than this many restarts in a row */
  maximumRetries?: number
}

/** A container that keeps failing is given ever more time, as docker has it; one that ran for a while begins anew. */
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 60_000
const GOOD_RUN_MS = 10_000

/** `no`, `on-failure[:n]`, `always`, `unless-stopped`; `undefined` for none. Throws INVALID quoting the text. */
export function parseRestartPolicy(text: string): RestartPolicy | undefined {
  const [, name = '', retries] = /^([^:]*)(?::(.*))?$/s.exec(text) ?? []
  if (retries !== undefined && name !== 'on-failure')
    throw new TspodError('INVALID', `--restart ${text}: only on-failure takes a number of retries`)
  switch (name) {
    case '':
    case 'no':
    case 'never':
      return undefined
    case 'always':
    case 'unless-stopped':
      return { name }
    case 'on-failure':
      if (retries === undefined) return { name }
      if (!/^\d{1,9}$/.test(retries))
        throw new TspodError('INVALID', `--restart ${text}: the number of retries is "${retries}", must be 0 or more`)
      return Number(retries) === 0 ? { name } : { name, maximumRetries: Number(retries) }
    default:
      throw new TspodError(
        'INVALID',
        `--restart ${text}: "${name}" is not a valid restart policy, must be no, on-failure[:n], always or unless-stopped`,
      )
  }
}

/** Whether it starts again after an end that nobody asked for; `restarts` it has behind it already. */
export function wantsRestart(policy: RestartPolicy | undefined, exitCode: number, restarts: number): boolean {
  if (policy === undefined) return false
  if (policy.name !== 'on-failure') return true
  return exitCode !== 0 && restarts < (policy.maximumRetries ?? Number.POSITIVE_INFINITY)
}

/** Whether it starts with the machine (podman-restart.service): `always` does, `unless-stopped` where its user has not ended it. */
export function startsAtBoot(policy: RestartPolicy | undefined, endedByUser: boolean): boolean {
  return policy?.name === 'always' || (policy?.name === 'unless-stopped' && !endedByUser)
}

/** How long to wait before it, after a run of `ranMs` and an earlier pause of `lastMs`. */
export function restartPauseMs(ranMs: number, lastMs: number | undefined): number {
  if (lastMs === undefined || ranMs >= GOOD_RUN_MS) return FIRST_PAUSE_MS
  return Math.min(2 * lastMs, LONGEST_PAUSE_MS)
}
