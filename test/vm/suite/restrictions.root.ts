// Machines that restrict their users: AppArmor enforcing, and no user namespaces. Runs as the machine's root.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { inSession, okSession } from './_session.ts'
import { command, image } from './_vm.ts'

beforeAll(() => void okSession('dev', `$T load --quiet --input ${image}`), 120_000)

describe('AppArmor', () => {
  test('is enforcing, and containers run', () => {
    expect(readFileSync('/sys/module/apparmor/parameters/enabled', 'utf8').trim()).toBe('Y')
    expect(readFileSync('/sys/kernel/security/apparmor/profiles', 'utf8')).toContain('(enforce)')
    expect(okSession('dev', '$T run --rm --network none alpine echo here')).toBe('here')
  })

  test('a profile that is asked for confines the container and what exec runs', () => {
    writeFileSync(
      '/tmp/profile',
      `profile tspod-vm-test flags=(attach_disconnected,mediate_deleted) {
  file, capability, network, signal, ptrace, unix, mount, umount, pivot_root,
  deny /tmp/forbidden w,
}
`,
    )
    const loaded = command('apparmor_parser', '--replace', '/tmp/profile')
    expect({ status: loaded.status, stderr: loaded.status === 0 ? '' : loaded.stderr }).toEqual({
      status: 0,
      stderr: '',
    })
    const look = "sh -c 'cat /proc/self/attr/current; echo x > /tmp/allowed && echo x > /tmp/forbidden'"
    const run = inSession(
      'dev',
      `$T run --name confined -d --network none --security-opt apparmor=tspod-vm-test alpine sleep 1000 >/dev/null
      $T exec confined ${look}`,
    )
    expect(run.stdout).toBe('tspod-vm-test (enforce)\n')
    expect(run.stderr).toContain('Permission denied')
    expect(run.status).toBe(1)
    okSession('dev', '$T rm -f -t 0 confined')
  })

  test('a profile that is not there is an error that names it', () => {
    const { status, stderr } = inSession(
      'dev',
      '$T run --rm --network none --security-opt apparmor=nonsense alpine true',
    )
    expect(status).not.toBe(0)
    expect(stderr).toContain('nonsense')
  })
})

describe('user.max_user_namespaces=0', () => {
  const path = '/proc/sys/user/max_user_namespaces'
  const before = existsSync(path) ? readFileSync(path, 'utf8') : ''
  afterAll(() => writeFileSync(path, before))

  test('is told by the first command of a user, with what an administrator does', () => {
    command('loginctl', 'terminate-user', 'plain')
    command('pkill', '--signal', 'KILL', '--uid', 'plain')
    writeFileSync(path, '0')
    const { status, stderr } = inSession('plain', '$T unshare true')
    expect(status).toBe(125)
    expect(stderr).toContain('user.max_user_namespaces')
  })

  test('is told where the user has a namespace already', () => {
    const { status, stderr } = inSession('dev', '$T run --rm --network none alpine true')
    expect(status).toBe(125)
    expect(stderr).toContain('user.max_user_namespaces')
  })

  test('doctor says it', () => {
    const { status, stdout } = inSession('plain', '$T doctor')
    expect(status).not.toBe(0)
    expect(stdout).toContain('user.max_user_namespaces')
  })
})
