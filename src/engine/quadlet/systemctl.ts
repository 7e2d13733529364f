// What is asked of the service manager through systemctl(1): of the user's, or of the system's for root.
import { TspodError } from '#errors.ts'
import { runProgramSync } from '#host/run-program.ts'
import { hostUser } from '#host/user.ts'

const DEADLINE_MS = 60_000

/** Standard output. Throws with what systemctl said. */
export function systemctl(...args: string[]): string {
  const scope = hostUser().isRoot ? [] : ['--user']
  const { status, stdout, stderr } = runProgramSync('systemctl', [...scope, ...args], { timeoutMs: DEADLINE_MS })
  if (status === 0) return stdout
  const said = stderr.trim().split('\n').at(-1) ?? ''
  throw new TspodError(
    'INTERNAL',
    `systemctl ${[...scope, ...args].join(' ')}: ${said || `ended with status ${status ?? 'unknown'}`}`,
    { hint: 'the files are written; --reload-systemd=false leaves systemd alone' },
  )
}

/** `active/running`, `inactive/dead` by the names of units; `Not loaded` where systemd does not know one or cannot be asked. */
export function unitStates(names: readonly string[]): Map<string, string> {
  const states = new Map(names.map(name => [name, 'Not loaded']))
  if (names.length === 0) return states
  let answer: string
  try {
    answer = systemctl('show', '--property=Id,LoadState,ActiveState,SubState', '--', ...names)
  } catch (error) {
    if (error instanceof TspodError) return states
    throw error
  }
  for (const block of answer.split('\n\n')) {
    const field = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(block)?.[1] ?? ''
    if (field('LoadState') === 'loaded') states.set(field('Id'), `${field('ActiveState')}/${field('SubState')}`)
  }
  return states
}
