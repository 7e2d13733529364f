// Small things that people rely on without thinking, found by a walk through every command next to podman.
import { describe, expect } from 'bun:test'
import { mkdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { e2e, tspodOnly, until, useSandbox } from './sandbox.ts'

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

describe('logs -n', () => {
  e2e()('of one container prints no name, of several the names', async () => {
    for (const name of ['one', 'two']) await ok('run', '--name', name, 'alpine', 'echo', 'said')
    expect(await ok('logs', '-n', 'one')).toBe('said')
    expect(await ok('logs', '-n', 'one', 'two')).toBe('one said\ntwo said')
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
