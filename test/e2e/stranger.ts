// A user of this machine whom nobody has given subordinate ids, nor an account: made of a number, for tests that run as root.
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { tspodPath } from '#test/needs.ts'
import type { Result } from './sandbox.ts'

export const strangerId = 54_321

export interface Stranger extends Disposable {
  readonly home: string
  /** Runs tspod as this user; `before` are shell commands that root performs first, in a mount namespace for this one run. */
  tspod(args: readonly string[], before?: string): Result
  /** A new folder of this user's. */
  folder(name: string): string
}

/** A home and a runtime folder of this user's own; disposing ends what keeps the user's namespace, and removes them. */
export function makeStranger(): Stranger {
  const work = mkdtempSync('/var/tmp/tspod-stranger-')
  chmodSync(work, 0o755)
  const folder = (name: string): string => {
    const path = join(work, name)
    mkdirSync(path, { recursive: true })
    chownSync(path, strangerId, strangerId)
    return path
  }
  const home = folder('home')
  chmodSync(home, 0o700)
  const runtime = folder('run')
  chmodSync(runtime, 0o700)
  const become = ['setpriv', `--reuid=${strangerId}`, `--regid=${strangerId}`, '--clear-groups', '--inh-caps=-all']
  return {
    home,
    folder: name => folder(`home/${name}`),
    tspod(args, before = '') {
      const script = `${before}\nexec "$@"`
      const { exitCode, signalCode, stdout, stderr } = Bun.spawnSync({
        cmd: [
          'unshare',
          '--mount',
          '--propagation',
          'private',
          'sh',
          '-ec',
          script,
          'sh',
          ...become,
          tspodPath,
          ...args,
        ],
        env: { HOME: home, XDG_RUNTIME_DIR: runtime, PATH: '/usr/bin:/bin:/usr/sbin:/sbin' },
        cwd: '/',
        stdin: 'ignore',
        timeout: 60_000,
      })
      return { status: exitCode ?? (signalCode ? 128 : 125), stdout: stdout.toString(), stderr: stderr.toString() }
    },
    [Symbol.dispose]() {
      const keeper = Number(readFileSync(join(runtime, 'tspod/userns'), 'utf8').split(' ')[0])
      if (keeper > 1) process.kill(keeper, 'SIGKILL')
      rmSync(work, { recursive: true, force: true })
    },
  }
}
