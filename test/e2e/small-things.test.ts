// Small things that people rely on without thinking, found by a walk through every command next to podman.
import { describe, expect } from 'bun:test'
import { existsSync, mkdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { e2e, tspodOnly, until, useSandbox, write } from './sandbox.ts'

const box = useSandbox('alpine')
const { tspod, ok } = box

describe('a container', () => {
  e2e()('has /etc/mtab, which is no change of its own', async () => {
    expect(await ok('run', '--name', 'm', 'alpine', 'readlink', '/etc/mtab')).toBe('/proc/mounts')
    expect(await ok('diff', 'm')).not.toContain('mtab')
  })

  e2e()('has it with a read-only root, and as its own root under another mapping', async () => {
    expect(await ok('run', '--rm', '--read-only', 'alpine', 'readlink', '/etc/mtab')).toBe('/proc/mounts')
    const owner = ['-u', '0', 'alpine', 'stat', '-c', '%u:%g', '/etc/mtab']
    expect(await ok('run', '--rm', '--userns', 'keep-id', ...owner)).toBe('0:0')
  })

  tspodOnly()('keeps its own /etc/hosts for cp when it has ended', async () => {
    await ok('run', '--name', 'h', '--add-host', 'somewhere:192.0.2.9', 'alpine', 'true')
    await ok('cp', 'h:/etc/hosts', join(box.home, 'hosts'))
    expect(await Bun.file(join(box.home, 'hosts')).text()).toContain('192.0.2.9\tsomewhere')
  })
})

describe('a label', () => {
  tspodOnly()('that no module of this machine knows is not ignored in silence', async () => {
    if (existsSync('/sys/fs/selinux/enforce')) return
    const { status, stderr } = await tspod('run', '--rm', '--security-opt', 'label=type:some_t', 'alpine', 'true')
    expect(status).toBe(0)
    expect(stderr).toContain('SELinux is not enabled')
  })
})

describe('logs -n', () => {
  e2e()('of one container prints no name, of several the names', async () => {
    for (const name of ['one', 'two']) await ok('run', '--name', name, 'alpine', 'echo', 'said')
    expect(await ok('logs', '-n', 'one')).toBe('said')
    expect(await ok('logs', '-n', 'one', 'two')).toBe('one said\ntwo said')
  })
})

describe('inspect', () => {
  e2e()('shows what is there beside what is missing', async () => {
    await ok('create', '--name', 'there', 'alpine')
    const { status, stdout, stderr } = await tspod('inspect', '-f', '{{.Name}}', 'there', 'missing')
    expect({ status, stdout }).toEqual({ status: 125, stdout: 'there\n' })
    expect(stderr).toContain('no such object: "missing"')
    expect(JSON.parse((await tspod('container', 'inspect', 'missing', 'there')).stdout)).toHaveLength(1)
  })

  e2e()('tells the command line that made a container', async () => {
    await ok('create', '--name', 'made', 'alpine', 'echo', 'a b')
    const command = await ok('inspect', '-f', '{{join .Config.CreateCommand "|"}}', 'made')
    expect(command).toEndWith('|create|--name|made|alpine|echo|a b')
  })
})

describe('exec', () => {
  e2e()('sets only variables that there are', async () => {
    await ok('run', '-d', '--name', 'e', 'alpine', 'sleep', '1000')
    const env = { GIVEN: '1', GIVEN_TOO: '2' }
    const { stdout } = await box.tspodWith({ env }, 'exec', '-e', 'GIVEN', '-e', 'ABSENT', 'e', 'env')
    expect(stdout).toContain('GIVEN=1\n')
    expect(stdout).not.toContain('ABSENT')
  })

  e2e()('is in the journal', async () => {
    await ok('run', '-d', '--name', 'j', 'alpine', 'sleep', '1000')
    await tspod('exec', 'j', 'false')
    const events = await ok('events', '--stream=false', '--filter', 'container=j', '--format', '{{.Status}}')
    expect(events).toMatch(/exec\nexec_died/)
  })
})

describe('a platform that was asked for', () => {
  tspodOnly()('is not the one of the image that is here', async () => {
    for (const option of [
      ['--platform', 'linux/s390x'],
      ['--arch', 's390x'],
    ]) {
      const { status, stderr } = await tspod('run', '--rm', '--pull=never', ...option, 'alpine', 'true')
      expect({ option, status }).toEqual({ option, status: 125 })
      expect(stderr).toContain('image not known')
    }
    const { stderr } = await tspod('run', '--rm', '--platform', 'linux/s390x', 'alpine', 'true')
    expect(stderr).toContain('not for linux/s390x')
  })
})

describe('ps', () => {
  e2e()('prints by the template with --quiet too', async () => {
    await ok('create', '--name', 'quiet', 'alpine')
    expect(await ok('ps', '-aq', '--format', '{{.Names}}')).toBe('quiet')
  })

  tspodOnly()('finds out sizes for a template that shows them', async () => {
    await ok('run', '--name', 'sized', 'alpine', 'sh', '-c', 'head -c 5000 /dev/zero > /f')
    expect(await ok('ps', '-a', '--format', '{{.Size}}')).toStartWith('5kB')
  })
})

describe('--authfile', () => {
  e2e()('that is not there is refused, needed or not', async () => {
    const { status, stderr } = await tspod('run', '--rm', '--authfile', '/no/such/file', 'alpine', 'true')
    expect({ status, names: stderr.includes('/no/such/file') }).toEqual({ status: 125, names: true })
  })
})

describe('a monitor', () => {
  tspodOnly()('takes over from a killed command line whose folder is gone', async () => {
    const folder = join(box.home, 'gone')
    mkdirSync(folder)
    const client = Bun.spawn([...box.command, 'run', '--name', 'left', 'alpine', 'sh', '-c', 'sleep 2; exit 5'], {
      env: box.env,
      cwd: folder,
      stdio: ['ignore', 'ignore', 'ignore'],
    })
    await until('the container to run', async () => (await tspod('exec', 'left', 'true')).status === 0)
    rmdirSync(folder)
    client.kill('SIGKILL')
    expect(await ok('wait', 'left')).toBe('5')
  })
})

describe('an error', () => {
  const refused = async (...args: string[]) =>
    (await tspod('run', '--rm', '--network', 'none', ...args, 'alpine', 'true')).stderr

  tspodOnly()('of a sysctl or a time zone says what was wanted, not which call failed', async () => {
    expect(await refused('--sysctl', 'net.ipv4.nothing=1')).toBe(
      'Error: setting the sysctl "net.ipv4.nothing" to "1": ENOENT (no such file or directory)\nhint: this kernel has no such setting\n',
    )
    expect(await refused('--sysctl', 'kernel.shm_rmid_forced=x')).toContain('hint: the kernel does not take this value')
    expect(await refused('--tz', 'Nowhere/City')).toMatch(
      /^Error: binding "[^"]*Nowhere\/City" to "\/etc\/localtime": ENOENT \(no such file or directory\)\nhint: there is no such time zone/,
    )
  })

  tspodOnly()('of cp names the path as it was given', async () => {
    await ok('run', '--name', 'c', 'alpine', 'true')
    expect((await tspod('cp', 'c:/etc/nowhere', box.home)).stderr).toContain('"/etc/nowhere" could not be found')
    expect((await tspod('cp', 'c:/etc/hosts/x', box.home)).stderr).toContain('"/etc/hosts/x" could not be found')
  })

  tspodOnly()('of an interrupted build names the signal', async () => {
    const folder = box.folder('interrupted')
    write(folder, 'Containerfile', 'FROM alpine\nRUN sleep 1000\n')
    const build = box.start('build', folder)
    const said = build.stderr.text()
    await Bun.sleep(1500)
    build.kill('SIGTERM')
    expect(await build.exited).toBe(143)
    expect(await said).toContain('ERROR: interrupted by SIGTERM')
  })
})
