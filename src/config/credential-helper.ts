// Asks a program docker-credential-NAME for a password (protocol of docker's credential helpers: the server's name in, JSON out).
import { TspodError } from '#errors.ts'
import type { Credentials } from './auth.ts'

/** A keychain may ask its owner to unlock it: that long it may take. */
const patienceMs = 60_000

/** The helper's answer; `undefined` where it knows nothing of this server. Throws with what the helper said. */
export async function readSecret(helper: string, server: string): Promise<Credentials | undefined> {
  const program = programOf(helper)
  const doing = `asking ${program} for the password of "${server}"`
  const text = await ask(helper, 'get', server, doing)
  if (text === undefined) return undefined
  const { Username: username, Secret: secret } = parseAnswer(text, doing)
  if (username === '<token>') return { username: '', password: '', identityToken: secret, from: program }
  return { username, password: secret, from: program }
}

/** Hands a password to the helper to keep. Throws with what the helper said. */
export async function storeSecret(
  helper: string,
  server: string,
  { username, password }: { username: string; password: string },
): Promise<void> {
  const input = JSON.stringify({ ServerURL: server, Username: username, Secret: password })
  await ask(helper, 'store', input, `giving ${programOf(helper)} the password of "${server}"`)
}

/** Has the helper forget a password; false where it knew none. */
export async function eraseSecret(helper: string, server: string): Promise<boolean> {
  const known = await readSecret(helper, server)
  if (known === undefined) return false
  await ask(helper, 'erase', server, `having ${programOf(helper)} forget the password of "${server}"`)
  return true
}

function programOf(helper: string): string {
  if (/^[\w.-]+$/.test(helper)) return `docker-credential-${helper}`
  throw new TspodError('INVALID', `credential helper "${helper}" must be a name of letters, digits, "_", "." and "-"`)
}

/** What the program says; `undefined` where it has no such password. */
async function ask(helper: string, action: string, input: string, doing: string): Promise<string | undefined> {
  const program = programOf(helper)
  const { execa } = await import('execa')
  const answer = await execa(program, [action], { input, timeout: patienceMs, reject: false, maxBuffer: 1 << 20 })
  if (answer.code === 'ENOENT')
    throw new TspodError('NOT_FOUND', `${doing}: there is no such program`, {
      hint: `install ${program} on the PATH, or take "${helper}" out of credHelpers, credsStore or credential-helpers`,
    })
  if (answer.failed) {
    const said = `${answer.stdout}\n${answer.stderr}`.trim()
    if (/credentials not found in native keychain/i.test(said)) return undefined
    throw new TspodError(
      'DENIED',
      `${doing}: ${answer.timedOut ? 'no answer within a minute' : (said.split('\n')[0] ?? 'it failed')}`,
    )
  }
  return answer.stdout
}

function parseAnswer(text: string, doing: string): { Username: string; Secret: string } {
  try {
    const value = JSON.parse(text) as { Username?: unknown; Secret?: unknown } | null
    if (typeof value?.Username === 'string' && typeof value.Secret === 'string')
      return { Username: value.Username, Secret: value.Secret }
  } catch {
    // said below, without the text: it may hold the password
  }
  throw new TspodError('INVALID', `${doing}: the answer is not JSON with "Username" and "Secret"`)
}
