// The walk of a well-known guide to containers: its mini container by hand, and each of its commands.
import { describe, expect } from 'bun:test'
import { copyFileSync, existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { e2e, isPodman, read, tspodOnly, until, useSandbox, write } from './sandbox.ts'

const box = useSandbox('alpine')
const { ok, tspodWith } = box

/** The guide's mini_root: bash, ls, id, whoami with their libraries, /etc/passwd and /etc/hostname. */
async function makeMiniRoot(): Promise<string> {
  const root = box.folder('mini_root')
  for (const folder of ['bin', 'usr/bin', 'etc', 'proc', 'sys']) box.folder(`mini_root/${folder}`)
  for (const program of [
    '/bin/bash',
    '/bin/ls',
    '/bin/mount',
    '/bin/ps',
    '/usr/bin/id',
    '/usr/bin/whoami',
    '/bin/hostname',
    '/bin/sleep',
  ]) {
    const source = Bun.which(program) ?? Bun.which(program.split('/').at(-1) ?? '')
    if (source === null) continue
    copyFileSync(source, join(root, program))
    for (const [, library = ''] of (await Bun.$`ldd ${source}`.text()).matchAll(/(\/\S+) \(0x/g)) {
      box.folder(`mini_root${dirname(library)}`)
      copyFileSync(library, join(root, library))
    }
  }
  write(join(root, 'etc'), 'passwd', 'root:x:0:0:root:/root:/bin/bash\n')
  write(join(root, 'etc'), 'hostname', 'container-host\n')
  return root
}

describe('the mini container', () => {
  e2e()('runs from its root folder with process, mount, host name namespaces of its own', async () => {
    const root = await makeMiniRoot()
    const script = 'echo PID $$; echo HOST $(hostname); echo WHO $(whoami); ls /; sleep 5 & ps -e -o pid=,comm='
    const args = [
      'run',
      '--rm',
      '--hostname',
      'container-host',
      '--rootfs',
      isPodman ? join(box.home, 'mini_root') : './mini_root',
      'bash',
      '-c',
      script,
    ]
    const { status, stdout, stderr } = await tspodWith({ cwd: box.home }, ...args)
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toContain('PID 1\nHOST container-host\nWHO root\n')
    for (const folder of ['bin', 'etc', 'proc', 'sys']) expect(stdout.split('\n')).toContain(folder)
    expect(stdout).toMatch(/\b1 bash\b/)
    expect(stdout).not.toContain('systemd')
    expect(readdirSync(join(root, 'etc')).toSorted()).toEqual(expect.arrayContaining(['hostname', 'passwd']))
    expect(Bun.spawnSync(['hostname']).stdout.toString()).not.toContain('container-host')
  })

  e2e()('keeps what it writes in the folder, which is the user’s own', async () => {
    await makeMiniRoot()
    await tspodWith(
      { cwd: box.home },
      'run',
      '--rm',
      '--rootfs',
      isPodman ? join(box.home, 'mini_root') : './mini_root',
      'bash',
      '-c',
      'echo kept > /kept',
    )
    expect(read(join(box.home, 'mini_root/kept'))).toBe('kept\n')
  })
})

describe('the commands', () => {
  e2e()('pull, run -d, ps -lq, inspect, top, logs, exec, stop, rm', async () => {
    await ok('pull', '-q', 'alpine')
    const server =
      'echo "Hello from container! My hostname is $(hostname) and my PID is $$" > /tmp/index.html; cd /tmp; exec httpd -f -p 80'
    const id = await ok('run', '-d', '--name', 'web-container', 'alpine', 'sh', '-c', server)
    expect(await ok('ps', '-lq')).toBe(id.slice(0, 12))
    await until(
      'the server',
      async () => (await box.tspod('exec', 'web-container', 'wget', '-q', '-O', '-', 'http://127.0.0.1')).status === 0,
    )
    expect(await ok('exec', 'web-container', 'wget', '-q', '-O', '-', 'http://127.0.0.1')).toBe(
      `Hello from container! My hostname is ${id.slice(0, 12)} and my PID is 1`,
    )

    const pid = await ok('inspect', '-f', '{{.State.Pid}}', 'web-container')
    expect(Number(pid)).toBeGreaterThan(1)
    expect(await Bun.$`ps -o args= -p ${pid}`.text()).toContain('httpd')
    expect((await ok('inspect', 'web-container')).toLowerCase()).toContain('"ipaddress"')
    expect(await ok('top', 'web-container')).toContain('httpd')
    expect(await ok('logs', 'web-container')).toBe('')

    const inside = box.terminal('exec', '-it', 'web-container', 'sh')
    await inside.shows(/[#$] /)
    inside.type('hostname; ps; ip a; touch /test_file; exit\n')
    expect(await inside.exited).toBe(0)
    expect(inside.text()).toContain('httpd')
    expect(inside.text()).toContain('lo:')
    expect(await ok('diff', 'web-container')).toContain('A /test_file')
    expect(await ok('run', '--rm', 'alpine', 'sh', '-c', 'test -e /test_file || echo untouched')).toBe('untouched')
    await ok('stop', '-t', '1', 'web-container')
    await ok('rm', 'web-container')
  })

  e2e()('the root of a container is a union of layers', async () => {
    expect(await ok('run', '--rm', 'alpine', 'sh', '-c', 'grep " / " /proc/mounts')).toMatch(/overlay/)
  })

  tspodOnly()('nsenter into its network and process namespaces, from unshare', async () => {
    await ok('run', '-d', '--name', 'entered', 'alpine', 'sleep', '1000')
    const pid = await ok('inspect', '-f', '{{.State.Pid}}', 'entered')
    expect(await ok('unshare', 'nsenter', '-t', pid, '-n', 'ip', 'a')).toContain('lo:')
    expect(await ok('unshare', 'nsenter', '-t', pid, '-p', '-m', 'ps')).toContain('sleep 1000')
  })

  tspodOnly()('unshare enters the namespace where the user is root over subordinate ids', async () => {
    expect(await ok('unshare', 'id', '-u')).toBe('0')
    expect((await ok('unshare', 'cat', '/proc/self/uid_map')).split('\n').length).toBeGreaterThan(1)
    expect(existsSync(box.home)).toBe(true)
  })
})
