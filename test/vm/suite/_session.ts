// Login sessions of users, opened and closed by root through PAM, as login(1) and sshd(8) do.
import { expect } from 'bun:test'
import { command, type Result, tspodPath } from './_vm.ts'

/** Runs a shell script in a session of its own; `tspod` is on its way. */
export function inSession(user: string, script: string): Result {
  return command(
    'systemd-run',
    '--quiet',
    '--wait',
    '--pipe',
    '--collect',
    '-p',
    `User=${user}`,
    '-p',
    'PAMName=login',
    '-p',
    `WorkingDirectory=/home/${user}`,
    '-E',
    'PATH=/usr/bin:/usr/sbin:/bin:/sbin',
    '-E',
    `T=${tspodPath}`,
    '/bin/sh',
    '-c',
    script.replaceAll('$', '$$$$'), // systemd-run expands variables in arguments
  )
}

/** The output of a session that must end well. */
export function okSession(user: string, script: string): string {
  const { status, stdout, stderr } = inSession(user, script)
  expect({ script, status, stderr: status === 0 ? '' : stderr }).toEqual({ script, status: 0, stderr: '' })
  return stdout.trimEnd()
}
