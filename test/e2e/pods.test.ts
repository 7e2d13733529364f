// Pods as a user meets them: what members share, what they may not ask for, how they live and end together, and what kills leave.
import { afterEach, describe, expect } from 'bun:test'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { e2e, isPodman, tspodOnly, until, useSandbox } from './sandbox.ts'

const box = useSandbox('alpine')
const { tspod, ok } = box

// what one test leaves does not meet the next: pods go before their containers are asked for
afterEach(async () => {
  await tspod('pod', 'rm', '--all', '--force', '--time', '0')
  if (!isPodman)
    expect(existsSync(join(box.graphRoot, 'pods')) ? readdirSync(join(box.graphRoot, 'pods')) : []).toEqual([])
}, 60_000)

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

const page = (text: string, port: number) =>
  `mkdir -p /www; echo ${text} > /www/index.html; exec httpd -f -p ${port} -h /www`
const inPod = async (pod: string, ...command: string[]) => await ok('run', '--rm', '--pod', pod, 'alpine', ...command)
const status = async (pod: string) => await ok('pod', 'inspect', '--format', '{{.State}}', pod)
const infraOf = async (pod: string) => await ok('pod', 'inspect', '--format', '{{.InfraContainerID}}', pod)
const nothing = 'sleep 1000'.split(' ')

describe('members', () => {
  e2e()("meet each other on localhost, and the world at the pod's ports, with one hostname", async () => {
    const port = await freePort()
    await ok('pod', 'create', '--name', 'web', '--hostname', 'shop', '-p', `127.0.0.1:${port}:80`)
    expect(await status('web')).toBe('Created')
    await ok('run', '-d', '--pod', 'web', '--name', 'server', 'alpine', 'sh', '-c', page('hello', 80))
    await until(
      'the server',
      async () => (await tspod('exec', 'server', 'wget', '-qO-', 'http://localhost/')).status === 0,
    )
    expect(await inPod('web', 'wget', '-qO-', 'http://localhost/')).toBe('hello')
    expect(await inPod('web', 'hostname')).toBe('shop')
    expect(await inPod('web', 'cat', '/etc/hosts')).toContain('shop')
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('hello\n')
    const listed = await ok('ps', '--pod', '--format', '{{.Names}} {{.PodName}} {{.Ports}}', '--filter', 'pod=web')
    expect(listed.split('\n').find(line => line.startsWith('server'))).toBe(`server web 127.0.0.1:${port}->80/tcp`)
    expect(await status('web')).toBe('Running')
    const pid = async (name: string) => await ok('inspect', '--format', '{{.State.Pid}}', name)
    const namespaces = async (name: string) => {
      const { stdout } = await tspod(
        'exec',
        name,
        'sh',
        '-c',
        'for n in net ipc uts pid; do readlink /proc/self/ns/$n; done',
      )
      return stdout.trim().split('\n')
    }
    await ok('run', '-d', '--pod', 'web', '--name', 'second', 'alpine', ...nothing)
    expect(await pid('second')).not.toBe(await pid('server'))
    const [one, two] = [await namespaces('server'), await namespaces('second')]
    expect(one.slice(0, 3)).toEqual(two.slice(0, 3))
    expect(one[3]).not.toBe(two[3])
  })

  e2e()('share processes where the pod does, and shared memory', async () => {
    await ok('pod', 'create', '--name', 'p', '--share', 'pid,ipc')
    await ok('run', '-d', '--pod', 'p', '--name', 'a', 'alpine', 'sleep', '4321')
    expect(await inPod('p', 'ps')).toContain('sleep 4321')
    await ok('exec', 'a', 'sh', '-c', 'echo there > /dev/shm/word')
    expect(await inPod('p', 'cat', '/dev/shm/word')).toBe('there')
    expect(await ok('pod', 'top', 'p', 'args')).toContain('sleep 4321')
  })

  e2e()('have the volumes of the pod', async () => {
    const folder = box.folder('shared')
    await ok('pod', 'create', '--name', 'v', '-v', `${folder}:/shared`, '-v', '/mine')
    await inPod('v', 'sh', '-c', 'echo 1 > /shared/file; echo 2 > /mine/file')
    expect(await inPod('v', 'cat', '/shared/file', '/mine/file')).toBe('1\n2')
    await ok('pod', 'rm', '-f', 'v')
    expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('1\n')
    expect(await ok('volume', 'ls', '-q')).toBe('')
  })

  tspodOnly()("have the ids of the pod's user namespace", async () => {
    await ok('pod', 'create', '--name', 'ids', '--userns', 'keep-id')
    await ok('create', '--pod', 'ids', '--name', 'first', 'alpine', ...nothing)
    await ok('pod', 'start', 'ids')
    const map = async (name: string) => (await ok('exec', name, 'cat', '/proc/self/uid_map')).replaceAll(/ +/g, ' ')
    expect(await map('first')).toContain(` ${process.getuid?.()} 0 1`)
    expect(await map(await infraOf('ids')).catch(() => 'no cat')).not.toBe('')
    expect(await inPod('ids', 'stat', '-c', '%u', '/etc/passwd')).toBe('0')
  })

  e2e()("may not ask for what is the pod's to say", async () => {
    await ok('pod', 'create', '--name', 'p')
    const complaint = async (...options: string[]) => {
      const result = await tspod('create', '--pod', 'p', ...options, 'alpine', 'true')
      expect(result.status).toBe(125)
      return result.stderr
    }
    expect(await complaint('-p', '80:80')).toContain('ports must be defined when the pod is created')
    expect(await complaint('--hostname', 'x')).toContain('cannot set hostname when joining the pod UTS namespace')
    expect(await complaint('--add-host', 'a:1.1.1.1')).toContain('extra host entries must be specified on the pod')
    expect(await complaint('--userns', 'keep-id')).toContain('--userns and --pod cannot be set together')
    expect(await complaint('--network-alias', 'x')).toContain('networks must be defined when the pod is created')
    expect((await tspod('run', '--pod', 'nope', 'alpine', 'true')).stderr).toContain('no such pod')
    expect((await tspod('run', '--pod', 'new:', 'alpine', 'true')).stderr).toContain('at least one character')
  })

  tspodOnly()('are found on a network by the name of the pod', async () => {
    await ok('network', 'create', 'inner')
    await ok('pod', 'create', '--network', 'inner', '--name', 'db')
    await ok('run', '-d', '--pod', 'db', '--name', 'd', 'alpine', 'sh', '-c', page('data', 80))
    await until('the server', async () => (await tspod('exec', 'd', 'wget', '-qO-', 'http://localhost/')).status === 0)
    expect(await ok('run', '--rm', '--network', 'inner', 'alpine', 'wget', '-qO-', 'http://db/')).toBe('data')
    expect((await tspod('network', 'rm', 'inner')).status).toBe(2)
    await ok('network', 'rm', '--force', '--time', '0', 'inner')
    expect(await ok('pod', 'ps', '-q')).toBe('')
  })
})

describe('a pod', () => {
  e2e()('starts, stops, is killed, restarted and removed with its members', async () => {
    const id = await ok('pod', 'create', '--name', 'p', '--label', 'app=x')
    await ok('create', '--pod', 'p', '--name', 'a', 'alpine', ...nothing)
    await ok('create', '--pod', 'p', '--name', 'b', 'alpine', ...nothing)
    expect(await ok('pod', 'start', 'p')).toBe(id)
    expect(
      await ok('pod', 'ps', '--filter', 'label=app=x', '--format', '{{.Name}} {{.Status}} {{.NumberOfContainers}}'),
    ).toBe('p Running 3')
    await ok('stop', '-t', '0', 'a')
    expect(await status('p')).toBe('Degraded')
    const refused = await tspod('pod', 'rm', 'p')
    expect(refused.status).toBe(125)
    expect(refused.stderr).toContain('cannot be removed without force')
    await ok('pod', 'stop', '-t', '0', 'p')
    expect(await status('p')).toBe('Exited')
    await ok('start', 'b') // with it the infra container
    expect(await ok('inspect', '--format', '{{.State.Status}}', await infraOf('p'))).toBe('running')
    await ok('pod', 'restart', 'p')
    expect(await status('p')).toBe('Running')
    await ok('pod', 'kill', 'p')
    await until('the end', async () => (await status('p')) === 'Exited')
    await ok('pod', 'rm', 'p')
    expect(await ok('ps', '-aq')).toBe('')
    expect((await tspod('pod', 'exists', 'p')).status).toBe(1)
    expect((await tspod('pod', 'rm', 'p')).status).toBe(1)
    await ok('pod', 'rm', '--ignore', 'p')
  })

  tspodOnly()('pauses and goes on', async () => {
    await ok('pod', 'create', '--name', 'p', '--network', 'none')
    await ok('run', '-d', '--pod', 'p', '--name', 'a', 'alpine', ...nothing)
    await ok('pod', 'pause', 'p')
    expect(await status('p')).toBe('Paused')
    await ok('pod', 'unpause', 'p')
    expect(await status('p')).toBe('Running')
  })

  e2e()('keeps its infra container, whoever asks', async () => {
    await ok('pod', 'create', '--name', 'p', '--infra-name', 'keeper')
    for (const force of [[], ['--force']]) {
      const { status: code, stderr } = await tspod('rm', ...force, 'keeper')
      expect(code).toBe(125)
      expect(stderr).toContain('cannot be removed without removing the pod')
    }
    await ok('run', '-d', '--pod', 'p', '--name', 'a', 'alpine', ...nothing)
    await ok('rm', '-f', '-t', '0', 'a')
    expect(await ok('pod', 'inspect', '--format', '{{.NumContainers}}', 'p')).toBe('1')
    await ok('pod', 'rm', 'p') // nothing but its infra container runs
  })

  e2e()('shares its name with no container', async () => {
    await ok('pod', 'create', '--name', 'one')
    await ok('create', '--name', 'two', 'alpine', 'true')
    expect((await tspod('pod', 'create', '--name', 'one')).stderr).toContain('is in use')
    expect((await tspod('pod', 'create', '--name', 'two')).stderr).toContain('in use')
    expect((await tspod('create', '--name', 'one', 'alpine', 'true')).stderr).toContain('in use')
    const before = await ok('pod', 'inspect', '--format', '{{.Id}}', 'one')
    expect(await ok('pod', 'create', '--name', 'one', '--replace')).not.toBe(before)
    await ok('pod', 'rm', 'one')
    await ok('create', '--name', 'one', 'alpine', 'true')
  })

  e2e()('is made with its first member by new:NAME, which has its ports', async () => {
    const port = await freePort()
    await ok(
      'run',
      '-d',
      '--pod',
      'new:n',
      '--name',
      'a',
      '-p',
      `127.0.0.1:${port}:80`,
      '--hostname',
      'h',
      'alpine',
      'sh',
      '-c',
      page('new', 80),
    )
    await until('the server', async () => (await tspod('exec', 'a', 'wget', '-qO-', 'http://localhost/')).status === 0)
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('new\n')
    expect(await inPod('n', 'hostname')).toBe('h')
    expect((await tspod('create', '--pod', 'new:n', 'alpine', 'true')).stderr).toContain('in use')
  })

  tspodOnly()('is not made where its limits cannot be enforced', async () => {
    const { status: code, stderr } = await tspod('--cgroup-manager', 'none', 'pod', 'create', '--memory', '1g')
    expect(code).toBe(125)
    expect(stderr).toContain('limiting the pod (memory.max = 1073741824')
    expect(await ok('pod', 'ps', '-q')).toBe('')
  })

  tspodOnly()('does not stay where its first member cannot be made', async () => {
    expect((await tspod('run', '--pod', 'new:n', '--pull', 'never', 'nothing-of-the-kind', 'true')).status).toBe(125)
    expect(await ok('pod', 'ps', '-q')).toBe('')
    expect(await ok('ps', '-aq')).toBe('')
  })

  e2e()('goes without an infra container, and then shares nothing', async () => {
    await ok('pod', 'create', '--infra=false', '--name', 'p')
    expect((await tspod('pod', 'start', 'p')).status).toBe(125)
    await ok('run', '-d', '--pod', 'p', '--name', 'a', 'alpine', ...nothing)
    expect(await status('p')).toBe('Running')
    expect(await ok('pod', 'ps', '--format', '{{.InfraID}}{{.NumberOfContainers}}')).toBe('1')
    expect((await tspod('pod', 'create', '--infra=false', '-p', '80:80')).stderr).toContain(
      'you must have an infra container',
    )
  })

  e2e()('ends with its members where that is its policy', async () => {
    await ok('pod', 'create', '--name', 'p', '--exit-policy', 'stop')
    await ok('run', '-d', '--pod', 'p', '--name', 'a', 'alpine', 'sleep', '1')
    await ok('run', '-d', '--pod', 'p', '--name', 'b', 'alpine', 'sleep', '2')
    await until(
      'the first to end',
      async () => (await ok('inspect', '--format', '{{.State.Status}}', 'a')) === 'exited',
    )
    expect(await status('p')).toBe('Degraded')
    await until('the pod to end', async () => (await status('p')) === 'Exited')
  })

  e2e()('runs init containers before the others, each to its end', async () => {
    await ok('pod', 'create', '--name', 'p')
    await ok(
      'create',
      '--pod',
      'p',
      '--init-ctr',
      'once',
      '--name',
      'i',
      '-v',
      `${box.folder('init')}:/out`,
      'alpine',
      'sh',
      '-c',
      'sleep 0.2; echo ready > /out/f',
    )
    await ok('create', '--pod', 'p', '--name', 'm', '-v', `${box.folder('init')}:/out`, 'alpine', 'cat', '/out/f')
    await ok('pod', 'start', 'p')
    await until('the member', async () => (await ok('logs', 'm')) === 'ready')
    expect((await tspod('container', 'exists', 'i')).status).toBe(1)
    const late = await tspod('create', '--pod', 'p', '--init-ctr', 'always', 'alpine', 'true')
    expect(late.stderr).toContain('cannot add init-ctr to a running pod')
    await ok('pod', 'stop', '-t', '0', 'p')
    await ok('create', '--pod', 'p', '--init-ctr', 'always', '--name', 'bad', 'alpine', 'false')
    const failed = await tspod('pod', 'start', 'p')
    expect(failed.status).toBe(125)
    expect(failed.stderr).toContain('exited with code 1')
  })

  e2e()('is told apart by --pod-id-file', async () => {
    const file = join(box.home, 'pod-id')
    const id = await ok('pod', 'create', '--pod-id-file', file)
    expect(readFileSync(file, 'utf8')).toBe(id)
    expect((await tspod('pod', 'create', '--pod-id-file', file)).status).toBe(125)
    await ok('pod', 'start', '--pod-id-file', file)
    expect(await ok('run', '--rm', '--pod-id-file', file, 'alpine', 'echo', 'in')).toBe('in')
    await ok('pod', 'stop', '--pod-id-file', file)
    await ok('pod', 'rm', '--pod-id-file', file)
    rmSync(file, { force: true })
    if (!isPodman) await ok('pod', 'rm', '--ignore', '--pod-id-file', file)
  })

  e2e()('says what members say, and prunes what does not run', async () => {
    await ok('pod', 'create', '--name', 'p')
    await inPod('p', 'true')
    await ok('run', '--pod', 'p', '--name', 'a', 'alpine', 'echo', 'from a')
    expect(await ok('pod', 'logs', '-n', 'p')).toContain('a from a')
    expect(await ok('container', 'prune', '--force')).toBe('')
    expect((await tspod('container', 'exists', 'a')).status).toBe(0)
    expect(await ok('pod', 'prune', '--force')).toBe('')
    await ok('pod', 'stop', '-t', '0', 'p')
    await ok('pod', 'prune', '--force')
    expect(await ok('ps', '-aq')).toBe('')
  })
})

describe('restart policies', () => {
  tspodOnly()("are each member's own, and bring the infra container back", async () => {
    await ok('pod', 'create', '--name', 'p', '--restart', 'always')
    await ok('run', '-d', '--pod', 'p', '--name', 'a', 'alpine', ...nothing)
    expect(await ok('inspect', '--format', '{{.HostConfig.RestartPolicy.Name}}', 'a')).toBe('always')
    const pids = async () => (await ok('inspect', '--format', '{{.State.Pid}}', await infraOf('p'), 'a')).split('\n')
    const before = await pids()
    for (const pid of before) process.kill(Number(pid), 'SIGKILL')
    // for a moment after the signals both still seem to run
    await until('both to run again', async () => {
      const now = await pids()
      return now.every((pid, index) => pid !== '0' && pid !== before[index]) && (await status('p')) === 'Running'
    })
    expect(await ok('exec', 'a', 'hostname')).toBe('p')
  })
})

describe('killed at any instant', () => {
  tspodOnly()(
    'pod create and rm leave a whole pod or none, and the name free',
    async () => {
      for (let round = 0; round < 12; round++) {
        const create = box.start('pod', 'create', '--name', 'p')
        await Bun.sleep(Math.random() * 80)
        create.kill('SIGKILL')
        await create.exited
        const listed = await ok('pod', 'ps', '--format', '{{.Name}} {{.Status}} {{.NumberOfContainers}}')
        expect(listed).toMatch(/^(p Created 1)?$/)
        if (listed === '') await ok('pod', 'create', '--name', 'p')
        await ok('run', '-d', '--pod', 'p', '--name', `m${round}`, 'alpine', ...nothing)
        const remove = box.start('pod', 'rm', '--force', '--time', '0', 'p')
        await Bun.sleep(Math.random() * 80)
        remove.kill('SIGKILL')
        await remove.exited
        if ((await tspod('pod', 'exists', 'p')).status === 0) await ok('pod', 'rm', '-f', '-t', '0', 'p')
        expect(await ok('ps', '-a', '--format', '{{.Names}}')).toBe('')
      }
      await ok('system', 'prune', '--force') // files of containers that were being removed
      expect(readdirSync(join(box.graphRoot, 'tmp')).filter(name => name.startsWith('trash'))).toEqual([])
    },
    120_000,
  )

  tspodOnly()('the monitor of the infra container: the pod starts again', async () => {
    await ok('pod', 'create', '--name', 'p')
    await ok('run', '-d', '--pod', 'p', '--name', 'a', 'alpine', ...nothing)
    const infra = await infraOf('p')
    process.kill(Number(await ok('inspect', '--format', '{{.State.ConmonPid}}', infra)), 'SIGKILL')
    await ok('pod', 'stop', '-t', '0', 'p')
    await ok('pod', 'start', 'p')
    expect(await status('p')).toBe('Running')
  })

  tspodOnly()('a pod outlives its runtime folder', async () => {
    await ok('pod', 'create', '--name', 'p')
    await ok('create', '--pod', 'p', '--name', 'a', 'alpine', ...nothing)
    await ok('pod', 'start', 'p')
    await ok('pod', 'stop', '-t', '0', 'p')
    const keeper = /\d+/.exec(readFileSync(join(box.runtime, 'tspod/userns'), 'utf8'))?.[0]
    process.kill(Number(keeper), 'SIGKILL')
    rmSync(join(box.runtime, 'tspod'), { recursive: true })
    await ok('pod', 'start', 'p')
    expect(await status('p')).toBe('Running')
  })
})

describe('two commands at once', () => {
  tspodOnly()('one of two pods has the name; members start one infra container', async () => {
    const made = await Promise.all([1, 2, 3, 4].map(async () => await tspod('pod', 'create', '--name', 'p')))
    expect(made.map(({ status: code }) => code).toSorted((a, b) => a - b)).toEqual([0, 125, 125, 125])
    expect(await ok('ps', '-aq')).toHaveLength(12)
    const runs = await Promise.all(
      ['a', 'b', 'c', 'd'].map(
        async name => await tspod('run', '-d', '--pod', 'p', '--name', name, 'alpine', ...nothing),
      ),
    )
    expect(runs.map(({ status: code }) => code)).toEqual([0, 0, 0, 0])
    expect(await ok('pod', 'ps', '--format', '{{.Status}} {{.NumberOfContainers}}')).toBe('Running 5')
    const [removed, late] = await Promise.all([
      tspod('pod', 'rm', '--force', '--time', '0', 'p'),
      tspod('create', '--pod', 'p', '--name', 'late', 'alpine', 'true'),
    ])
    expect(removed.status).toBe(0)
    expect([0, 125]).toContain(late.status)
    expect(await ok('ps', '-aq')).toBe('')
  })
})
