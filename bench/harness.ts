// Times whole commands: spawn to exit, the contestants taking turns, so that a busy moment of the machine hits all alike.

export interface Contestant {
  name: string
  /** The command that is timed, made anew for every turn (names of containers differ). */
  command: (turn: number) => string[]
  /** Untimed, before and after each turn. */
  before?: (turn: number) => Promise<void>
  after?: (turn: number) => Promise<void>
}

export interface Timing {
  medianMs: number
  fastestMs: number
  /** the tenth and the ninetieth percentile */
  p10Ms: number
  p90Ms: number
  turns: number
}

export type Environment = Record<string, string>

/** Runs a command to its end with its output thrown away; throws where it fails. Milliseconds. */
export async function timeCommand(command: string[], env: Environment): Promise<number> {
  const started = performance.now()
  const child = Bun.spawn(command, { env, stdin: 'ignore', stdout: 'ignore', stderr: 'pipe' })
  const status = await child.exited
  const milliseconds = performance.now() - started
  if (status !== 0) throw new Error(`${command.join(' ')}: status ${status}: ${await child.stderr.text()}`)
  return milliseconds
}

/** `turns` rounds in which each contestant has one turn; one unmeasured round before. */
export async function compete(
  contestants: Contestant[],
  turns: number,
  env: Environment,
): Promise<Map<string, Timing>> {
  const times = new Map<string, number[]>(contestants.map(({ name }) => [name, []]))
  for (let turn = -1; turn < turns; turn++)
    for (const { name, command, before, after } of contestants) {
      await before?.(turn)
      const milliseconds = await timeCommand(command(turn), env)
      if (turn >= 0) times.get(name)?.push(milliseconds)
      await after?.(turn)
    }
  return new Map([...times].map(([name, found]) => [name, summarise(found)]))
}

export function summarise(times: number[]): Timing {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.round((sorted.length - 1) * share)] ?? Number.NaN
  return { medianMs: at(0.5), fastestMs: at(0), p10Ms: at(0.1), p90Ms: at(0.9), turns: sorted.length }
}
