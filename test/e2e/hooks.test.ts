// Hooks of containers (oci-hooks(5), runtime-spec), as real programs at each stage.
import { expect } from 'bun:test'
import { chmodSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { hasEnded, read, tspodOnly, until, useSandbox, write } from './sandbox.ts'

const box = useSandbox('alpine')
const { tspod, ok } = box

const program = '/bin/sh'

interface Hook {
  stage: string
  script: string
  timeout?: number
}

/** A folder with definitions of hooks that run shell scripts: their output goes to files of their stage's name in `out`. */
function hooksFolder(name: string, ...hooks: Hook[]): { folder: string; out: string } {
  const folder = box.folder(name)
  const out = box.folder(`${name}-out`)
  chmodSync(out, 0o777)
  hooks.forEach(({ stage, script, timeout }, index) =>
    write(
      folder,
      `${index}-${stage}.json`,
      JSON.stringify({
        version: '1.0.0',
        hook: {
          path: program,
          args: ['sh', '-c', script.replaceAll('OUT', join(out, stage))],
          env: ['PATH=/usr/bin:/bin', 'MARK=mine'],
          ...(timeout !== undefined && { timeout }),
        },
        when: { always: true },
        stages: [stage],
      }),
    ),
  )
  return { folder, out }
}

interface State {
  status: string
  pid?: number
  id: string
  bundle: string
  ociVersion: string
  annotations: Record<string, string>
}

const run = (folder: string, ...args: string[]) =>
  tspod('--hooks-dir', folder, 'run', '--rm', '--network', 'none', ...args)

tspodOnly()('every stage runs once, at its place, with the state of the container', async () => {
  const stages = ['prestart', 'createRuntime', 'createContainer', 'poststart', 'poststop']
  const { folder, out } = hooksFolder(
    'all',
    ...stages.map(stage => ({
      stage,
      script: `cat >> OUT; { echo; readlink /proc/self/ns/mnt; hostname; pwd; echo $MARK; ls -d proc/1 bin; true; } >> OUT 2>&1`,
    })),
    { stage: 'startContainer', script: 'cat > /tmp/state; id -u >> /tmp/state; hostname >> /tmp/state' },
  )
  const { stdout, stderr, status } = await run(
    folder,
    '--hostname=inside',
    '--annotation=key=value',
    'alpine',
    'sh',
    '-c',
    'cat /tmp/state; echo; readlink /proc/self/ns/mnt',
  )
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  await until('poststop', () => existsSync(join(out, 'poststop')) && read(join(out, 'poststop')).includes('mine'))
  const seen = stages.map(stage => {
    const [state = '', namespace, hostname, folderOfHook, mark] = read(join(out, stage)).split('\n')
    return { state: JSON.parse(state) as State, namespace, hostname, folderOfHook, mark }
  })
  expect(seen.map(({ state }) => state.status)).toEqual(['creating', 'creating', 'creating', 'running', 'stopped'])
  expect(new Set(seen.slice(0, 4).map(({ state }) => state.pid)).size).toBe(1)
  expect(seen[4]?.state.pid).toBeUndefined()
  expect(seen.every(({ mark }) => mark === 'mine')).toBe(true)
  expect(seen[1]?.state).toMatchObject({ ociVersion: '1.1.0', annotations: { key: 'value' } })
  expect(seen[1]?.folderOfHook).toBe(seen[1]?.state.bundle)
  // createContainer alone is in the container's namespaces, and still sees the host's files
  expect(seen.map(({ hostname }) => hostname === 'inside')).toEqual([false, false, true, false, false])
  // and finds the container's, with its mounts, at the path of its root
  expect(read(join(out, 'createContainer'))).toContain('bin\nproc/1\n')
  expect(stdout).toMatch(/"status":"created".*}0\ninside\n/)
  expect(stdout.trim().split('\n').at(-1)).toBe(seen[2]?.namespace)
})

for (const stage of ['prestart', 'createRuntime', 'createContainer', 'startContainer'])
  tspodOnly()(
    `a ${stage} hook that fails keeps the container from starting, says why, and poststop still runs`,
    async () => {
      const { folder, out } = hooksFolder(
        `bad-${stage}`,
        { stage, script: 'echo because of this >&2; exit 3' },
        { stage: 'poststop', script: 'echo ended > OUT' },
      )
      const { status, stdout, stderr } = await run(folder, 'alpine', 'echo', 'started')
      expect({ status, stdout }).toEqual({ status: 125, stdout: '' })
      expect(stderr).toContain(`running the ${stage} hook "${program}": exit status 3: because of this`)
      await until('poststop', () => existsSync(join(out, 'poststop')))
      expect(await ok('ps', '-aq')).toBe('')
    },
  )

tspodOnly()('a poststart hook that fails is warned of, and the container goes on', async () => {
  const { folder } = hooksFolder('warn', { stage: 'poststart', script: 'kill -KILL $$' })
  const { status, stdout, stderr } = await run(folder, 'alpine', 'sh', '-c', 'sleep 0.2; echo went on')
  expect({ status, stdout }).toEqual({ status: 0, stdout: 'went on\n' })
  expect(stderr).toContain(`running the poststart hook "${program}": signal 9 ended it`)
})

tspodOnly()('a hook that takes too long is killed', async () => {
  const { folder } = hooksFolder('late', { stage: 'createRuntime', script: 'sleep 60', timeout: 1 })
  const begun = performance.now()
  const { status, stderr } = await run(folder, 'alpine', 'true')
  expect(status).toBe(125)
  expect(stderr).toContain('it did not end within 1 s')
  expect(performance.now() - begun).toBeLessThan(20_000)
})

tspodOnly()('a hook that is not there is named', async () => {
  const { folder } = hooksFolder('none')
  const definition = { version: '1.0.0', hook: { path: '/no/hook' }, when: { always: true }, stages: ['createRuntime'] }
  const path = write(folder, 'x.json', JSON.stringify(definition))
  const { status, stderr } = await run(folder, 'alpine', 'true')
  expect(status).toBe(125)
  expect(stderr).toContain('running the createRuntime hook "/no/hook"')
  expect(stderr).toContain('ENOENT')
  rmSync(path)
})

tspodOnly()('a program of the image that runs as a hook can look into no process of tspod', async () => {
  const { folder } = hooksFolder('spy', {
    stage: 'startContainer',
    script: 'for pid in 1 $PPID; do cat /proc/$pid/maps /proc/$pid/environ; done > /tmp/seen 2> /tmp/refused; true',
  })
  const { stdout } = await run(folder, '--privileged', 'alpine', 'sh', '-c', 'wc -c < /tmp/seen; cat /tmp/refused')
  expect(stdout.split('\n')[0]?.trim()).toBe('0')
  expect(stdout).toMatch(/\/proc\/1\/maps'?: Permission denied/)
})

for (const verb of ['ps', 'wait', 'rm', 'start'])
  tspodOnly()(
    `poststop hooks of a container whose monitor was killed before it are run by the next ${verb}, once`,
    async () => {
      const { folder, out } = hooksFolder(`lost-${verb}`, { stage: 'poststop', script: 'cat >> OUT; echo >> OUT' })
      const id = await ok(
        '--hooks-dir',
        folder,
        'run',
        '-d',
        '--name',
        'lost',
        '--network',
        'none',
        'alpine',
        'sleep',
        '60',
      )
      const { monitor, pid } = JSON.parse(read(join(box.graphRoot, 'containers', id, 'state.json')))
      process.kill(monitor.pid, 'SIGKILL')
      const inUserNamespace = await tspod('unshare', 'kill', '-9', String(pid))
      expect(inUserNamespace.status).toBe(0)
      await until('the end of its process', () => hasEnded(pid) && hasEnded(monitor.pid))
      expect(existsSync(join(out, 'poststop'))).toBe(false)
      await ok(verb, ...(verb === 'ps' ? [] : ['lost']))
      const states = read(join(out, 'poststop')).trim().split('\n')
      expect(states.map(state => JSON.parse(state) as State)).toMatchObject([{ id, status: 'stopped' }])
      await ok('rm', '-f', '-t', '0', '--ignore', 'lost')
      expect(read(join(out, 'poststop')).trim().split('\n')).toHaveLength(1)
    },
  )
