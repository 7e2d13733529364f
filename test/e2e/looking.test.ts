// Looking at what there is and tidying up: ps, inspect, top, events, history, rmi, prune, df, check, unshare, reset.
import { describe, expect } from 'bun:test'
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { e2e, isPodman, tspodOnly, until, useSandbox, write } from './sandbox.ts'

const box = useSandbox('alpine')
const { tspod, ok } = box
const image = 'docker.io/library/alpine:latest'

/** What of podman's JSON these tests look at. */
interface Inspected {
  Id: string
  RepoTags: string[]
  Driver: string
  State: { Pid: number; StartedAt: string; FinishedAt: string }
  Config: { Env: string[] }
  HostConfig: { CapDrop: string[] }
  Mounts: unknown[]
}
const inspect = async (name: string): Promise<Inspected> => JSON.parse(await ok('inspect', name))[0]

describe('ps', () => {
  e2e()('shows running containers, with -a all, oldest first', async () => {
    await ok('create', '--name', 'made', 'alpine', 'true')
    await ok('run', '-d', '--name', 'up', '--label', 'app=web', 'alpine', 'sleep', '100')
    await tspod('run', '--name', 'over', 'alpine', 'sh', '-c', 'exit 4')
    expect(await ok('ps', '--format', '{{.Names}}')).toBe('up')
    expect(await ok('ps', '-a', '--format', '{{.Names}}')).toBe('made\nup\nover')
    expect(await ok('ps', '-a', '--filter', 'exited=4', '--format', '{{.Names}}')).toBe('over')
    expect(await ok('ps', '--filter', 'label=app=web', '--format', '{{.Names}}')).toBe('up')
    expect(await ok('ps', '-l', '--format', '{{.Names}}')).toBe('over')
    expect(await ok('ps', '-a', '--filter', `ancestor=${image}`, '-q')).toHaveLength(3 * 13 - 1)
    const [summary] = JSON.parse(await ok('ps', '--format', 'json'))
    expect(summary).toMatchObject({
      Names: ['up'],
      State: 'running',
      Image: image,
      Command: ['sleep', '100'],
      Labels: { app: 'web' },
    })
    expect(await ok('container', 'exists', 'up')).toBe('')
    expect((await tspod('container', 'exists', 'nobody')).status).toBe(1)
  })

  e2e()('measures what a container wrote, files of other users too', async () => {
    await ok(
      'run',
      '--name',
      'wrote',
      'alpine',
      'sh',
      '-c',
      'umask 77; mkdir /d; head -c 5000 /dev/zero >/d/f; chown -R 7:7 /d',
    )
    const [{ Size }] = JSON.parse(await ok('ps', '-a', '--size', '--format', 'json'))
    expect(Size.rwSize).toBeGreaterThanOrEqual(5000)
    expect(Size.rwSize).toBeLessThan(6000)
    expect(Size.rootFsSize).toBeGreaterThan(Size.rwSize)
  })
})

tspodOnly()('rmi that fails claims nothing', async () => {
  const lock = join(box.graphRoot, 'locks/images')
  chmodSync(lock, 0o400)
  try {
    const { status, stdout, stderr } = await tspod('rmi', 'alpine')
    expect({ status, stdout }).toEqual({ status: 125, stdout: '' })
    expect(stderr).toContain('EACCES')
  } finally {
    chmodSync(lock, 0o600)
  }
  await ok('image', 'exists', 'alpine')
})

describe('inspect', () => {
  e2e()('--format ranges over what an object has', async () => {
    await ok('create', '--name', 'ranged', '--label', 'a=b', 'alpine', 'true')
    const format = (text: string) => ok('inspect', '-f', text, 'ranged')
    expect(await format('{{range $key, $value := .Config.Labels}}{{$key}}={{$value}}{{end}}')).toBe('a=b')
    expect(await format('{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}')).toBe('')
    expect(await format('{{range .}}{{.Name}}{{end}}')).toBe('ranged')
  })

  e2e()('logs --until counts a duration from now on', async () => {
    await ok('run', '--name', 'said', '--network', 'none', 'alpine', 'echo', 'hello')
    expect(await ok('logs', '--until', '1h', 'said')).toBe('hello')
    expect(await ok('logs', '--until', '2001-01-01', 'said')).toBe('')
  })

  e2e()('tells of a container before, while and after it runs', async () => {
    await ok(
      'create',
      '--name',
      'it',
      '-e',
      'X=y',
      '-v',
      `${box.folder('data')}:/data:ro`,
      '--cap-drop',
      'KILL',
      'alpine',
      'sleep',
      '100',
    )
    const before = await inspect('it')
    expect(before).toMatchObject({
      Name: 'it',
      ImageName: image,
      Path: 'sleep',
      Args: ['100'],
      State: { Status: 'created', Pid: 0, Running: false },
    })
    expect(before.Config.Env).toContain('X=y')
    expect(before.Mounts).toMatchObject([{ Type: 'bind', Destination: '/data', RW: false }])
    expect(before.HostConfig.CapDrop).toContain('CAP_KILL')
    await ok('start', 'it')
    const during = await inspect('it')
    expect(during.State).toMatchObject({ Status: 'running', Running: true, ExitCode: 0 })
    expect(existsSync(`/proc/${during.State.Pid}`)).toBe(true)
    expect(await ok('inspect', '-f', '{{.State.Pid}} {{.Id}}', 'it')).toBe(`${during.State.Pid} ${during.Id}`)
    await ok('kill', 'it')
    await ok('wait', 'it')
    const { State: after } = await inspect('it')
    expect(after).toMatchObject({ Status: 'exited', Running: false, Pid: 0, ExitCode: 137 })
    expect(Date.parse(after.FinishedAt)).toBeGreaterThanOrEqual(Date.parse(after.StartedAt))
  })

  e2e()('finds images and volumes too, and says what it does not find', async () => {
    await ok('volume', 'create', 'box')
    expect((await inspect('alpine')).RepoTags).toEqual([image])
    expect((await inspect('box')).Driver).toBe('local')
    expect(await tspod('inspect', 'nobody')).toMatchObject({ status: 125, stderr: expect.stringContaining('nobody') })
    await ok('volume', 'rm', 'box')
  })
})

describe('top', () => {
  e2e()('shows the processes by their numbers inside', async () => {
    await ok('run', '-d', '--name', 't', 'alpine', 'sh', '-c', 'sleep 101 & sleep 102; true')
    await until('both to run', async () => (await ok('top', 't', 'args')).includes('sleep 102'))
    const [titles, first, ...rest] = (await ok('top', 't', 'pid', 'ppid', 'comm'))
      .split('\n')
      .map(line => line.trim().split(/\s+/))
    expect(titles).toEqual(['PID', 'PPID', 'COMMAND'])
    expect(first).toEqual(['1', '0', 'sh'])
    expect(rest.map(([, parent, comm]) => [parent, comm])).toEqual([
      ['1', 'sleep'],
      ['1', 'sleep'],
    ])
    expect(await ok('top', 't')).toMatch(/^USER +PID +PPID +%CPU +ELAPSED +TTY +TIME +COMMAND/)
  })

  e2e()('shows who they are on the host', async () => {
    await ok('run', '-d', '--name', 't', '--user', '7', 'alpine', 'sleep', '100')
    const [, row = ''] = (await ok('top', 't', 'user', 'huser', 'hpid')).split('\n')
    const [user, hostUser, hostPid] = row.trim().split(/\s+/)
    expect(Number(hostPid)).toBe((await inspect('t')).State.Pid)
    expect(hostUser).not.toBe(user)
  })

  e2e()('runs ps of the image for other arguments', async () => {
    await ok('run', '-d', '--name', 't', 'alpine', 'sleep', '100')
    expect(await ok('top', 't', '-o', 'pid,comm')).toMatch(/PID +COMMAND\n +1 sleep/)
    await ok('stop', '-t', '0', 't')
    expect((await tspod('top', 't')).status).toBe(125)
  })
})

describe('events', () => {
  tspodOnly()('are told in order, filtered, and as they come', async () => {
    await ok('run', '--rm', '--name', 'first-one', 'alpine', 'true')
    const past = await ok('events', '--stream=false', '--filter', 'container=first-one', '--format', '{{.Status}}')
    expect(past.split('\n')).toEqual(['create', 'attach', 'init', 'start', 'died', 'remove'])
    const following = box.start(
      'events',
      '--filter',
      'event=died',
      '--filter',
      'container=second-one',
      '--format',
      '{{.Name}} {{.ContainerExitCode}}',
    )
    await Bun.sleep(300)
    await tspod('run', '--rm', '--name', 'other', 'alpine', 'true')
    await tspod('run', '--rm', '--name', 'second-one', 'alpine', 'sh', '-c', 'exit 5')
    const { value } = await following.stdout.getReader().read()
    expect(new TextDecoder().decode(value)).toBe('second-one 5\n')
    following.kill('SIGTERM')
    await following.exited
  })
})

describe('images', () => {
  e2e()('have a history and lose their names one by one', async () => {
    const { Id: id } = await inspect('alpine')
    expect(JSON.parse(await ok('history', '--format', 'json', 'alpine'))[0].id).toBe(id)
    await ok('tag', 'alpine', 'second')
    expect(await ok('rmi', 'second')).toBe('Untagged: localhost/second:latest')
    await ok('create', '--name', 'user', 'alpine', 'true')
    expect(await tspod('rmi', 'alpine')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('image is in use by a container'),
    })
    await ok('rm', 'user')
    expect(await ok('rmi', 'alpine')).toContain(`Deleted: ${id}`)
    expect((await tspod('image', 'exists', 'alpine')).status).toBe(1)
    expect((await tspod('rmi', 'alpine')).status).toBe(1)
    await ok('pull', '-q', 'alpine')
  })

  tspodOnly()('leave nothing behind when the last one goes', async () => {
    await ok('rmi', '-a', '-f')
    expect(readdirSync(join(box.graphRoot, 'blobs/sha256'))).toEqual([])
    expect(readdirSync(join(box.graphRoot, 'layers')).filter(name => name !== 'l')).toEqual([])
    await ok('pull', '-q', 'alpine')
  })
})

describe('prune', () => {
  e2e()('takes what does not run, and says what it took', async () => {
    const up = await ok('run', '-d', 'alpine', 'sleep', '100')
    const made = await ok('create', '--label', 'prune-me', 'alpine', 'true')
    const other = await ok('create', 'alpine', 'true')
    expect(await ok('container', 'prune', '-f', '--filter', 'label=prune-me')).toContain(made)
    expect(await ok('ps', '-aq', '--no-trunc')).toBe(`${up}\n${other}`)
    expect(await ok('system', 'prune', '-f')).toContain(other)
    expect(await ok('ps', '-aq', '--no-trunc')).toBe(up)
    expect(await ok('images', '-q')).not.toBe('')
  })

  tspodOnly()('counts what killed commands left behind', async () => {
    const trash = join(box.graphRoot, 'tmp/trash-left')
    mkdirSync(trash, { recursive: true })
    write(trash, 'f', 'x'.repeat(3_000_000))
    expect(await ok('system', 'prune', '-f')).toContain('Total reclaimed space: 3MB')
    expect(existsSync(trash)).toBe(false)
  })

  e2e()('takes every image that no container uses with --all', async () => {
    await ok('run', '-d', '--name', 'u', 'alpine', 'sleep', '100')
    expect(await ok('image', 'prune', '-a', '-f')).toBe('')
    await ok('rm', '-f', '-t', '0', 'u')
    expect(await ok('image', 'prune', '-a', '-f')).toMatch(/[0-9a-f]{64}/)
    await ok('pull', '-q', 'alpine')
  })

  e2e()('df counts what there is', async () => {
    await ok('create', 'alpine', 'true')
    const rows = (await ok('system', 'df', '--format', '{{.Type}} {{.Total}} {{.Active}}')).split('\n')
    expect(rows).toContain('Containers 1 0')
    expect(rows).toContain('Images 1 1')
  })
})

describe('system check', () => {
  const path = (...parts: string[]) => join(box.graphRoot, ...parts)

  tspodOnly()('finds nothing wrong with a sound store', async () => {
    await ok('run', '-d', 'alpine', 'sleep', '100')
    await ok('create', '--name', 'made', 'alpine', 'true')
    expect(await tspod('system', 'check')).toMatchObject({ status: 0, stdout: 'No damage found\n' })
  })

  tspodOnly()('mends a layer from its blob, and the container runs again', async () => {
    await ok('create', '--name', 'made', 'alpine', 'echo', 'fine')
    const [layer = ''] = readdirSync(path('layers')).filter(name => name !== 'l')
    rmSync(path('layers', layer, 'layer.json'))
    expect(await tspod('system', 'check')).toMatchObject({ status: 1, stdout: expect.stringContaining(layer) })
    expect(await tspod('system', 'check', '--repair')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('(repaired)'),
    })
    expect(await tspod('system', 'check')).toMatchObject({ status: 0 })
    expect(await ok('start', '-a', 'made')).toBe('fine')
  })

  tspodOnly()('mends names, and removes what killed commands left, but no running container', async () => {
    const up = await ok('run', '-d', '--name', 'up', 'alpine', 'sleep', '100')
    rmSync(path('names', 'up'))
    mkdirSync(path('tmp', 'stage-left'))
    const unfinished = 'ab'.repeat(32)
    mkdirSync(path('containers', unfinished))
    Bun.spawnSync(['touch', '-d', '1 hour ago', path('containers', unfinished)])
    const { stdout } = await tspod('system', 'check', '--repair')
    for (const what of ['its name does not lead to it', 'stage-left', unfinished]) expect(stdout).toContain(what)
    expect(await tspod('system', 'check')).toMatchObject({ status: 0 })
    expect(await ok('ps', '-q', '--no-trunc')).toBe(up)
    expect(await ok('exec', 'up', 'echo', 'still here')).toBe('still here')
  })

  tspodOnly()('removes a container with a damaged record only by force', async () => {
    const id = await ok('create', 'alpine', 'true')
    writeFileSync(path('containers', id, 'container.json'), '{')
    expect(await tspod('system', 'check', '--repair')).toMatchObject({ status: 1, stdout: expect.stringContaining(id) })
    expect(await ok('ps', '-a', '--format', '{{.ID}} {{.State}}', '--no-trunc')).toBe(`${id} unknown`)
    expect(await tspod('system', 'check', '--repair', '--force')).toMatchObject({ status: 0 })
    expect(await ok('ps', '-aq')).toBe('')
  })
})

describe('unshare', () => {
  e2e()('runs a command as root over the subordinate ids', async () => {
    expect(await ok('unshare', 'sh', '-c', 'id -u; wc -l < /proc/self/uid_map')).toBe('0\n2')
    const folder = box.folder('owned')
    await ok('unshare', 'sh', '-c', `chown 7 ${folder} && rmdir ${folder}`)
    expect(existsSync(folder)).toBe(false)
  })

  e2e()('ends with the status of the command', async () => {
    expect((await tspod('unshare', 'sh', '-c', 'exit 7')).status).toBe(7)
    if (isPodman) return // it says 125 and 1
    expect((await tspod('unshare', 'no-such-program')).status).toBe(127)
    expect((await tspod('unshare', '/etc/passwd')).status).toBe(126)
    expect((await tspod('unshare', 'sh', '-c', 'kill -9 $$')).status).toBe(137)
  })

  tspodOnly()('hands signals on', async () => {
    const running = box.start(
      'unshare',
      'sh',
      '-c',
      'trap "echo got it; exit 3" TERM; echo ready; while :; do sleep 0.1; done',
    )
    const reader = running.stdout.getReader()
    await reader.read()
    running.kill('SIGTERM')
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('got it\n')
    expect(await running.exited).toBe(3)
  })
})

describe('system reset', () => {
  tspodOnly()('removes everything, and the next command begins anew', async () => {
    await ok('run', '-d', 'alpine', 'sleep', '100')
    await ok('volume', 'create', 'v')
    await ok('system', 'reset', '--force')
    expect(existsSync(box.graphRoot)).toBe(false)
    expect(await ok('ps', '-aq')).toBe('')
    expect(await ok('images', '-q')).toBe('')
    expect(await ok('volume', 'ls', '-q')).toBe('')
    await ok('pull', '-q', 'alpine')
  })
})
