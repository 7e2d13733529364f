// Containers on kernels that lack newer system calls: these are taken away by a filter around the whole command.
import { beforeAll, describe, expect } from 'bun:test'
import { join } from 'node:path'
import { tspodOnly, useSandbox, write } from './sandbox.ts'

const box = useSandbox('alpine')

// the filter forbids set-uid programs, so the user's namespace must be there already
beforeAll(async () => void (await box.ok('unshare', 'true')))

/** Runs tspod without some system calls. */
async function without(calls: string, ...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const script = join(import.meta.dir, 'without-calls.ts')
  const child = Bun.spawn([process.execPath, script, calls, ...box.command, ...args], {
    env: box.env,
    cwd: join(import.meta.dir, '../..'),
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()])
  return { status: await child.exited, stdout, stderr }
}

const linux510 = 'mount_setattr,close_range'
const sh = (options: string[], script: string) =>
  without(linux510, 'run', '--rm', '--network', 'none', ...options, 'alpine', 'sh', '-c', script)

describe('without mount_setattr(2), and close_range(2) that marks', () => {
  tspodOnly()('a container runs, with its masks', async () => {
    const script =
      'id -u; touch /proc/sys/kernel/x 2>/dev/null || echo frozen; echo 1 2>/dev/null > /proc/sys/vm/swappiness || echo frozen; wc -c < /proc/keys; ls /sys/firmware | wc -l'
    expect(await sh([], script)).toEqual({ status: 0, stdout: '0\nfrozen\nfrozen\n0\n0\n', stderr: '' })
  })

  tspodOnly()('no descriptor leaks into it', async () => {
    expect(await sh([], 'ls /proc/self/fd | wc -l')).toMatchObject({ status: 0, stdout: '4\n' }) // 0 to 2, and the folder itself
  })

  tspodOnly()('binds have the options asked for, and keep those of their source', async () => {
    const folder = box.folder('bound')
    write(folder, 'f', '')
    const script = `touch /ro/x 2>/dev/null || echo refused; touch /rw/x && echo wrote; awk '$2 ~ "^/r[ow]$" { print $2, $4 }' /proc/mounts`
    const { stdout } = await sh(['-v', `${folder}:/ro:ro,noexec,nosuid,nodev`, '-v', `${folder}:/rw`], script)
    expect(stdout).toMatch(/^refused\nwrote\n/)
    expect(stdout).toMatch(/^\/ro ro,nosuid,nodev,noexec/m)
    expect(stdout).toMatch(/^\/rw rw/m)
  })

  tspodOnly()('--read-only with a tmpfs, other ids, a terminal, volumes', async () => {
    expect(await sh(['--read-only'], 'touch /x 2>/dev/null || echo refused; touch /tmp/x && echo wrote')).toMatchObject(
      {
        stdout: 'refused\nwrote\n',
      },
    )
    expect(
      await sh(
        ['--userns', 'auto', '-v', `${box.folder('auto')}:/ro:ro`],
        'stat -c %u /etc; touch /ro/x 2>/dev/null || echo refused',
      ),
    ).toMatchObject({
      stdout: '0\nrefused\n',
    })
    expect(await sh(['-t', '-v', '/data'], 'tty; touch /data/x && echo wrote')).toMatchObject({
      stdout: '/dev/pts/0\r\nwrote\r\n',
    })
    expect(await sh(['--tmpfs', '/home:ro'], 'ls /home; touch /home/x 2>/dev/null || echo refused')).toMatchObject({
      stdout: 'app\nrefused\n',
    })
  })

  tspodOnly()('exec and a second start work', async () => {
    expect(
      await without(linux510, 'run', '-d', '--name', 'old', '--network', 'none', 'alpine', 'sleep', '1000'),
    ).toMatchObject({ status: 0 })
    expect(await without(linux510, 'exec', 'old', 'id', '-u')).toMatchObject({ status: 0, stdout: '0\n' })
    expect(await without(linux510, 'restart', '-t', '0', 'old')).toMatchObject({ status: 0 })
    expect(await box.ok('exec', 'old', 'id', '-u')).toBe('0')
  })

  tspodOnly()('what would need it for all mounts below is refused', async () => {
    const { status, stderr } = await sh(['-v', `${box.folder('deep')}:/x:rro`], 'true')
    expect(status).toBe(125)
    expect(stderr).toContain('need mount_setattr(2)')
    expect(stderr).toContain('5.12')
  })
})

for (const [name, since] of [
  ['openat2', '5.6'],
  ['open_tree', '5.2'],
] as const)
  tspodOnly()(`without ${name}(2) a container is refused, with the version that has it`, async () => {
    const { status, stderr } = await without(name, 'run', '--rm', 'alpine', 'true')
    expect(status).toBe(125)
    expect(stderr).toContain(`the system call ${name}(2) is not there`)
    expect(stderr).toContain(`containers need Linux ${since} or later`)
  })
