// What a command ends with: 125 the engine's own errors, 126 cannot run, 127 not found, else the container's (podman-run(1)).
import { describe, expect } from 'bun:test'
import { e2e, isPodman, tspodOnly, until, useSandbox, write } from './sandbox.ts'

const box = useSandbox('alpine')
const { tspod, ok } = box

const status = async (...args: string[]) => (await tspod(...args)).status

describe('run ends with', () => {
  e2e()("the container's own status", async () => {
    for (const code of [0, 1, 3, 125, 255])
      expect(await status('run', '--rm', 'alpine', 'sh', '-c', `exit ${code}`)).toBe(code)
  })

  e2e()('128 + the signal that ended it', async () => {
    expect(await status('run', '--rm', 'alpine', 'sh', '-c', 'sh -c "kill -9 \\$\\$"; exit $?')).toBe(137)
    const client = box.start('run', '--rm', '--name', 'victim', 'alpine', 'sleep', '1000')
    await until('the container to run', async () => (await status('exec', 'victim', 'true')) === 0)
    await ok('kill', 'victim')
    expect(await client.exited).toBe(137)
  })

  e2e()('125 for an unknown option, an unknown image, a bad value', async () => {
    for (const args of [
      ['run', '--no-such-option', 'alpine'],
      ['run', '--rm', '--pull=never', 'localhost/no-such-image', 'true'],
      ['run', '--rm', '--memory-swappiness=many', 'alpine', 'true'],
      ['run', '--rm', '--cap-add', 'CAP_NONSENSE', 'alpine', 'true'],
      ['run', '--rm', '--ulimit', 'nonsense=1', 'alpine', 'true'],
      ['run', '--rm', '--pull=sometimes', 'alpine', 'true'],
      ['run', '--rm', '--network', 'container:nobody', 'alpine', 'true'],
      ['run', '--rm', '-v', 'a:b:c:d', 'alpine', 'true'],
      ['run'],
    ]) {
      const { status, stderr } = await tspod(...args)
      expect({ args, status }).toEqual({ args, status: 125 })
      expect(stderr).toContain('Error: ')
    }
  })

  e2e()('126 for a program that cannot be executed', async () => {
    for (const program of ['/etc', '/etc/passwd']) {
      const { status, stderr } = await tspod('run', '--rm', 'alpine', program)
      expect({ program, status }).toEqual({ program, status: 126 })
      expect(stderr).toMatch(/permission denied|is a directory/i)
    }
  })

  e2e()('126 for a user, a group or a working folder that cannot be', async () => {
    for (const option of [
      ['-u', 'nobody-knows'],
      ['-u', 'root:nobody-knows'],
      ['--group-add', 'nobody-knows'],
      ['-w', '/etc/passwd'],
    ]) {
      const { status } = await tspod('run', '--rm', ...option, 'alpine', 'true')
      expect({ option, status }).toEqual({ option, status: 126 })
    }
  })

  e2e()('127 for a program that is not there', async () => {
    for (const program of ['no-such-program', '/no/such/path', './relative']) {
      const { status, stderr } = await tspod('run', '--rm', 'alpine', program)
      expect({ program, status }).toEqual({ program, status: 127 })
      expect(stderr).toContain(program)
      expect(stderr).toMatch(/not found|no such file/i)
    }
  })

  tspodOnly()('127 for a script whose interpreter is not there, and says so', async () => {
    const folder = box.folder('scripts')
    write(folder, 'run', '#!/usr/bin/no-such-interpreter\n')
    await Bun.$`chmod 755 ${folder}/run`
    const { status, stderr } = await tspod('run', '--rm', '-v', `${folder}:/s`, 'alpine', '/s/run')
    expect(status).toBe(127)
    expect(stderr).toContain('/s/run')
  })

  e2e()('nothing left of a container that could not start with --rm', async () => {
    await tspod('run', '--rm', 'alpine', 'no-such-program')
    expect(await ok('ps', '-aq')).toBe('')
  })
})

describe('exec ends with', () => {
  e2e()("the command's status, 126, 127, 125", async () => {
    await ok('run', '-d', '--name', 'x', 'alpine', 'sleep', '1000')
    expect(await status('exec', 'x', 'sh', '-c', 'exit 17')).toBe(17)
    expect(await status('exec', 'x', 'sh', '-c', 'kill -9 $$')).toBe(137)
    expect(await status('exec', 'x', '/etc')).toBe(126)
    expect(await status('exec', 'x', 'no-such-program')).toBe(127)
    expect(await status('exec', 'nobody', 'true')).toBe(125)
    await ok('kill', 'x')
    await ok('wait', 'x')
    const stopped = await tspod('exec', 'x', 'true')
    expect(stopped.status).toBe(isPodman ? 255 : 125)
    expect(stopped.stderr).toMatch(/not running|container state improper/)
    await ok('rm', 'x')
  })
})

describe('other verbs end with', () => {
  e2e()('125 or 1 and a clear error for what does not exist', async () => {
    for (const [verb, wanted] of [
      ['start', 125],
      ['logs', 125],
      ['inspect', 125],
      ['port', 125],
      ['top', 125],
      ['kill', 125],
    ] as const) {
      const { status, stderr } = await tspod(verb, 'nobody')
      expect({ verb, status }).toEqual({ verb, status: wanted })
      expect(stderr).toMatch(/^Error: .*"?nobody"?/s)
      expect(stderr.toLowerCase()).toMatch(/no such (container|object)|no container with name/)
    }
  })

  e2e()('1 for rm of an unknown container and rmi of an unknown image, 0 with --ignore or --force', async () => {
    expect(await status('rm', 'nobody')).toBe(1)
    expect(await status('rm', '--ignore', 'nobody')).toBe(0)
    expect(await status('rmi', 'localhost/nobody')).toBe(1)
  })

  e2e()('2 for what is in use', async () => {
    await ok('run', '-d', '--name', 'busy', 'alpine', 'sleep', '1000')
    expect(await status('rm', 'busy')).toBe(2)
    expect(await status('rmi', 'alpine')).toBe(2)
    await ok('rm', '-ft0', 'busy')
  })

  e2e()('125 for an unknown verb, with a suggestion where there is one', async () => {
    const { status, stderr } = await tspod('rnu', 'alpine')
    expect(status).toBe(125)
    expect(stderr).toContain('rnu')
  })

  e2e()('stop, twice, and start of a running one: 0', async () => {
    await ok('run', '-d', '--name', 'twice', 'alpine', 'sleep', '1000')
    await ok('start', 'twice')
    await ok('stop', '-t', '0', 'twice')
    await ok('stop', '-t', '0', 'twice')
    await ok('rm', 'twice')
  })
})
