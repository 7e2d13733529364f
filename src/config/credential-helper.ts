// Asks a program docker-credential-NAME for a password (protocol of docker's credential helpers: the server's name in, JSON out).
import { TspodError } from '#errors.ts'
import type { Credentials } from './auth.ts'

/** A keychain may ask its owner to unlock it: that long it may take. */
const patienceMs = 60_000

/** The helper's answer; `undefined` where it knows nothing of this server. Throws with what the helper said. */
export async function readSecret(helper: string, server: string): Promise<Credentials | undefined> {
  const program = `docker-credential-${helper}`
  if (!/^[\w.-]+$/.test(helper))
    throw new TspodError('INVALID', `credential helper "${helper}" must be a name of letters, digits, "_", "." and "-"`)
  const { execa } = await import('execa')
  const answer = await execa(program, ['get'], {
    input: server,
    timeout: patienceMs,
    reject: false,
    maxBuffer: 1 << 20,
  })
  const doing = `asking ${program} for the password of "${server}"`
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
  const { Username: username, Secret: secret } = parseAnswer(answer.stdout, doing)
  if (username === '<token>') return { username: '', password: '', identityToken: secret, from: program }
  return { username, password: secret, from: program }
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
