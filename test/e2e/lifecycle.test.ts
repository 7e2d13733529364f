// The walk through a container's life, as a normal user against a registry (the foundation's acceptance).
import { describe, expect } from 'bun:test'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { e2e, isPodman, read, tspodOnly, until, useSandbox, write } from './sandbox.ts'

const box = useSandbox('alpine')
const { tspod, tspodWith, ok } = box
const image = 'docker.io/library/alpine:latest'

describe('a container', () => {
  e2e()('is pulled by short name, resolved to its full one', async () => {
    const pulled = await tspod('pull', 'alpine')
    expect(pulled.status).toBe(0)
    expect(pulled.stdout).toMatch(/^[0-9a-f]{64}\n$/)
    expect(await ok('images', '--format', '{{.Repository}}:{{.Tag}}')).toBe(image)
  })

  e2e()('runs, prints and is gone with --rm', async () => {
    expect(await ok('run', '--rm', 'alpine', 'echo', 'hello', 'world')).toBe('hello world')
    expect(await ok('ps', '-aq')).toBe('')
  })

  e2e()('reads standard input with -i and sees its end', async () => {
    const counted = await tspodWith({ stdin: 'one\ntwo\n' }, 'run', '--rm', '-i', 'alpine', 'wc', '-l')
    expect(counted).toEqual({ status: 0, stdout: '2\n', stderr: '' })
  })

  e2e()('sees an empty standard input without -i', async () => {
    expect(await tspodWith({ stdin: 'one\ntwo\n' }, 'run', '--rm', 'alpine', 'wc', '-l')).toMatchObject({
      stdout: '0\n',
    })
  })

  e2e()('keeps standard output and standard error apart', async () => {
    const both = await tspod('run', '--rm', 'alpine', 'sh', '-c', 'echo out; echo err >&2')
    expect(both).toEqual({ status: 0, stdout: 'out\n', stderr: 'err\n' })
  })

  e2e()('has a real pseudo-terminal with -it that follows the size of the outer one', async () => {
    const terminal = box.terminal('run', '--rm', '-it', 'alpine', 'sh')
    await terminal.shows(/[#$] /)
    terminal.type('tty; stty size\n')
    await terminal.shows(/\/dev\/(pts\/\d+|console)\r\n24 80\r\n/)
    const mark = terminal.mark()
    terminal.resize(101, 33)
    terminal.type('sleep 0.2; stty size\n')
    await terminal.shows('33 101', mark)
    terminal.type('exit 7\n')
    expect(await terminal.exited).toBe(7)
  })

  e2e()('gets ctrl-c from the terminal', async () => {
    const terminal = box.terminal(
      'run',
      '--rm',
      '-it',
      'alpine',
      'sh',
      '-c',
      'trap "echo got it; exit 5" INT; echo ready; while :; do sleep 0.1; done',
    )
    await terminal.shows('ready')
    terminal.type('\x03')
    await terminal.shows('got it')
    expect(await terminal.exited).toBe(5)
  })
})

describe('a detached container', () => {
  e2e()('walks from run -d to rm', async () => {
    const id = await ok(
      'run',
      '-d',
      '--name',
      'web',
      'alpine',
      'sh',
      '-c',
      'echo started; trap "exit 0" TERM; while :; do sleep 0.1; done',
    )
    expect(id).toMatch(/^[0-9a-f]{64}$/)
    expect(await ok('ps', '--format', '{{.Names}} {{.Image}}')).toBe(`web ${image}`)
    expect(await ok('ps', '-q', '--no-trunc')).toBe(id)
    expect(await ok('ps', '-q')).toBe(id.slice(0, 12))
    await until('the first line of the log', async () => (await ok('logs', 'web')) === 'started')

    const pid = Number(await ok('inspect', '-f', '{{.State.Pid}}', 'web'))
    expect(read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')).toStartWith('sh -c echo started')
    expect(await ok('inspect', '-f', '{{.State.Status}} {{.State.Running}}', id.slice(0, 8))).toBe('running true')
    expect(await ok('top', 'web', 'pid', 'comm')).toMatch(/^PID\s+COMMAND\n1\s+sh\b/)

    expect(await ok('exec', 'web', 'cat', '/proc/1/comm')).toBe('sh')
    expect((await tspod('exec', 'web', 'sh', '-c', 'exit 42')).status).toBe(42)
    const inside = box.terminal('exec', '-it', 'web', 'sh')
    await inside.shows(/[#$] /)
    inside.type('echo pid-$(cat /proc/1/comm)\n')
    await inside.shows('pid-sh')
    inside.type('exit\n')
    expect(await inside.exited).toBe(0)

    await ok('exec', 'web', 'sh', '-c', 'echo new > /new-file; rm /etc/alpine-release; echo x >> /etc/profile')
    expect((await ok('diff', 'web')).split('\n').toSorted()).toEqual([
      'A /new-file',
      'C /etc',
      'C /etc/profile',
      'D /etc/alpine-release',
    ])

    const outbound = write(box.home, 'outbound', 'from the host\n')
    await ok('cp', outbound, 'web:/tmp/inbound')
    expect(await ok('exec', 'web', 'cat', '/tmp/inbound')).toBe('from the host')
    await ok('cp', 'web:/new-file', join(box.home, 'fetched'))
    expect(read(join(box.home, 'fetched'))).toBe('new\n')

    expect(await ok('stop', 'web')).toMatch(/^(web|[0-9a-f]{64})$/)
    expect(await ok('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', 'web')).toBe('exited 0')
    expect(existsSync(`/proc/${pid}`)).toBe(false)
    expect(await ok('ps', '-q')).toBe('')
    expect(await ok('ps', '-aq')).toBe(id.slice(0, 12))
    await ok('cp', outbound, 'web:/tmp/while-stopped')

    await ok('start', 'web')
    await until('the second start', async () => (await ok('logs', 'web')) === 'started\nstarted')
    expect(await ok('exec', 'web', 'cat', '/new-file', '/tmp/while-stopped')).toBe('new\nfrom the host')
    const refused = await tspod('rm', 'web')
    expect(refused.status).not.toBe(0)
    expect(refused.stderr).toContain('running')
    await ok('rm', '-f', '-t', '0', 'web')
    expect(await ok('ps', '-aq')).toBe('')
    expect((await tspod('container', 'exists', 'web')).status).toBe(1)
  })

  e2e()('has its log followed until it ends', async () => {
    await ok(
      'run',
      '-d',
      '--name',
      'counter',
      'alpine',
      'sh',
      '-c',
      'for i in 1 2 3 4 5; do echo line $i; sleep 0.1; done',
    )
    expect(await ok('logs', '-f', 'counter')).toBe('line 1\nline 2\nline 3\nline 4\nline 5')
    expect(await ok('wait', 'counter')).toBe('0')
    expect(await ok('logs', '--tail', '2', 'counter')).toBe('line 4\nline 5')
    expect(await ok('logs', '-t', '--tail', '1', 'counter')).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\S* line 5$/)
    await ok('rm', 'counter')
  })

  e2e()('can be attached to, detached from and attached to again', async () => {
    await ok('run', '-dit', '--name', 'shell', 'alpine', 'sh')
    const first = box.terminal('attach', 'shell')
    first.type('echo here-$((40+2))\n')
    await first.shows('here-42')
    await first.press('\x10', '\x11')
    expect(await first.exited).toBe(0)
    expect(await ok('inspect', '-f', '{{.State.Status}}', 'shell')).toBe('running')
    const second = box.terminal('attach', 'shell')
    second.type('exit 9\n')
    const status = await second.exited
    if (!isPodman) expect(status).toBe(9) // podman may say 0 here
    expect(await ok('wait', 'shell')).toBe('9')
    await ok('rm', 'shell')
  })

  e2e()('is created first and started later, with its output attached', async () => {
    const id = await ok('create', '--name', 'later', 'alpine', 'sh', '-c', 'echo finally; exit 4')
    expect(await ok('ps', '-a', '--format', '{{.Status}}')).toBe('Created')
    const attached = await tspod('start', '-a', id)
    expect(attached).toMatchObject({ status: 4, stdout: 'finally\n' })
    expect(await ok('rm', 'later')).toMatch(/later|[0-9a-f]{64}/)
  })

  e2e()('is renamed, restarted, killed', async () => {
    await ok('run', '-d', '--name', 'old', 'alpine', 'sleep', '1000')
    await ok('rename', 'old', 'new')
    expect((await tspod('inspect', 'old')).status).not.toBe(0)
    const before = await ok('inspect', '-f', '{{.State.Pid}}', 'new')
    await ok('restart', '-t', '0', 'new')
    expect(await ok('inspect', '-f', '{{.State.Pid}}', 'new')).not.toBe(before)
    await ok('kill', '-s', 'KILL', 'new')
    expect(await ok('wait', 'new')).toBe('137')
    expect(await ok('inspect', '-f', '{{.State.ExitCode}}', 'new')).toBe('137')
    await ok('rm', 'new')
  })

  e2e()('is not removed twice, and its name is free again', async () => {
    await ok('create', '--name', 'once', 'alpine', 'true')
    const taken = await tspod('create', '--name', 'once', 'alpine', 'true')
    expect(taken.status).toBe(125)
    expect(taken.stderr).toContain('already in use')
    await ok('rm', 'once')
    await ok('create', '--name', 'once', 'alpine', 'true')
    await ok('rm', 'once')
  })
})

describe('the namespaces of a container', () => {
  tspodOnly()('are entered with unshare and nsenter', async () => {
    await ok('run', '-d', '--name', 'spaces', '--network', 'none', '--hostname', 'inner', 'alpine', 'sleep', '1000')
    const pid = await ok('inspect', '-f', '{{.State.Pid}}', 'spaces')
    expect(await ok('unshare', 'nsenter', '-t', pid, '-u', 'hostname')).toBe('inner')
    expect(await ok('unshare', 'nsenter', '-t', pid, '-n', 'ip', '-o', 'link')).toMatch(/^1: lo: [^\n]*$/)
    for (const kind of ['mnt', 'pid', 'net', 'ipc', 'uts', 'user', 'cgroup'])
      expect(await ok('unshare', 'readlink', `/proc/${pid}/ns/${kind}`)).not.toBe(
        await ok('unshare', 'readlink', `/proc/self/ns/${kind}`),
      )
    await ok('rm', '-ft0', 'spaces')
  })

  tspodOnly('strace', 'lsof')('are looked into with lsof and strace', async () => {
    await ok('run', '-d', '--name', 'looked-at', 'alpine', 'sh', '-c', 'while :; do sleep 0.1; done')
    const pid = await ok('inspect', '-f', '{{.State.Pid}}', 'looked-at')
    expect(await ok('unshare', 'lsof', '-a', '-p', pid, '-d', 'cwd,txt')).toContain('busybox')
    const traced = await tspod('unshare', 'timeout', '1', 'strace', '-p', pid)
    expect(traced.stderr).toMatch(/wait4|fork|clone/)
    await ok('rm', '-ft0', 'looked-at')
  })
})

describe('kill -9 in the middle', () => {
  e2e()('of the command line leaves the container running', async () => {
    const client = box.start('run', '--name', 'orphan', 'alpine', 'sh', '-c', 'echo up; sleep 1000')
    await until('the container to run', async () => (await tspod('logs', 'orphan')).stdout === 'up\n')
    client.kill('SIGKILL')
    await client.exited
    expect(await ok('exec', 'orphan', 'echo', 'alive')).toBe('alive')
    await ok('stop', '-t', '0', 'orphan')
    expect(await ok('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', 'orphan')).toBe('exited 137')
    await ok('rm', 'orphan')
  })

  tspodOnly()('of the monitor is seen, and the container can be removed', async () => {
    const id = await ok('run', '-d', '--name', 'unwatched', 'alpine', 'sleep', '1000')
    const monitor = findProcess(`tspod\0monitor:${id}`)
    process.kill(monitor, 'SIGKILL')
    await until('the monitor to end', () => !existsSync(`/proc/${monitor}`))
    expect((await tspod('ps', '-a')).status).toBe(0)
    expect(await ok('inspect', '-f', '{{.State.Status}}', 'unwatched')).toMatch(/^(running|exited)$/)
    await ok('rm', '-ft0', 'unwatched')
    expect(await ok('ps', '-aq')).toBe('')
  })

  tspodOnly()('of everything is a reboot: an emptied runtime folder and no processes', async () => {
    const id = await ok('run', '-d', '--name', 'survivor', 'alpine', 'sh', '-c', 'echo run >> /runs; sleep 1000')
    const pid = Number(await ok('inspect', '-f', '{{.State.Pid}}', 'survivor'))
    process.kill(findProcess(`tspod\0monitor:${id}`), 'SIGKILL')
    await tspod('unshare', 'kill', '-9', String(pid))
    await until('the container to end', () => !existsSync(`/proc/${pid}`))
    const keeper = /\d+/.exec(read(join(box.runtime, 'tspod/userns')))?.[0]
    process.kill(Number(keeper), 'SIGKILL')
    for (const entry of readdirSync(join(box.runtime, 'tspod')))
      await Bun.$`rm -rf ${join(box.runtime, 'tspod', entry)}`
    expect(await ok('inspect', '-f', '{{.State.Status}}', 'survivor')).toBe('exited')
    await ok('start', 'survivor')
    await until('the second run', async () => (await ok('exec', 'survivor', 'cat', '/runs')) === 'run\nrun')
    await ok('rm', '-ft0', 'survivor')
  })

  tspodOnly()('of the machine leaves a container with --rm that can be read and removed, not started', async () => {
    const id = await ok('run', '-d', '--rm', '--name', 'unsynced', 'alpine', 'sleep', '1000')
    const pid = Number(await ok('inspect', '-f', '{{.State.Pid}}', 'unsynced'))
    process.kill(findProcess(`tspod\0monitor:${id}`), 'SIGKILL')
    await tspod('unshare', 'kill', '-9', String(pid))
    await until('the container to end', () => !existsSync(`/proc/${pid}`))
    const path = join(box.graphRoot, 'containers', id, 'state.json')
    writeFileSync(path, JSON.stringify({ ...(JSON.parse(read(path)) as object), bootId: 'another' }))
    const { status, stderr } = await tspod('start', 'unsynced')
    expect([status, stderr]).toEqual([125, expect.stringContaining('this machine went down while it ran')])
    expect((await tspod('export', '-o', join(box.home, 'unsynced.tar'), 'unsynced')).status).toBe(0)
    await ok('rm', 'unsynced')
  })
})

describe('the end', () => {
  e2e()('rmi removes the image, and then it is not known', async () => {
    await ok('rmi', 'alpine')
    expect(await ok('images', '-q')).toBe('')
    expect((await tspod('image', 'exists', 'alpine')).status).toBe(1)
  })
})

function findProcess(command: string): number {
  const found = readdirSync('/proc')
    .filter(entry => /^\d+$/.test(entry))
    .find(entry => {
      try {
        return read(`/proc/${entry}/cmdline`).startsWith(command)
      } catch {
        return false
      }
    })
  if (found === undefined) throw new Error(`no process "${command}"`)
  return Number(found)
}
