// Health checks: by the monitor, without timers of systemd (podman-run(1), --health-cmd and its kin).
import { describe, expect } from 'bun:test'
import { e2e, hasEnded, tspodOnly, until, useSandbox, write } from './sandbox.ts'

const box = useSandbox('alpine')
const { tspod, ok } = box
const alone = ['--network', 'none']

interface Health {
  Status: string
  FailingStreak: number
  Log: { ExitCode: number; Output: string; Start: string; End: string }[] | null
}

const inspect = async (name: string, field: string) => await ok('inspect', '-f', `{{${field}}}`, name)
const health = async (name: string) => JSON.parse(await inspect(name, 'json .State.Health')) as Health
const isNow = async (name: string, status: string) =>
  await until(`${name} to be ${status}`, async () => (await health(name)).Status === status)
/** Only what `healthcheck run` runs. */
const byHand = ['--health-interval', 'disable']

describe('healthcheck run', () => {
  e2e()('ends with 0, with 1 and a word, and makes the container healthy and unhealthy', async () => {
    const test = 'echo out; echo err >&2; test -e /ok'
    await ok(
      'run',
      '-d',
      ...alone,
      '--name',
      'a',
      ...byHand,
      '--health-retries',
      '2',
      '--health-cmd',
      test,
      'alpine',
      'sleep',
      '1000',
    )
    expect((await health('a')).Status).toBe('starting')
    expect(await tspod('healthcheck', 'run', 'a')).toMatchObject({ status: 1, stdout: 'unhealthy\n' })
    expect(await health('a')).toMatchObject({ Status: 'starting', FailingStreak: 1 })
    expect((await tspod('healthcheck', 'run', 'a')).status).toBe(1)
    expect(await health('a')).toMatchObject({ Status: 'unhealthy', FailingStreak: 2 })
    expect(await ok('ps', '--format', '{{.Status}}')).toContain('(unhealthy)')
    await ok('exec', 'a', 'touch', '/ok')
    expect(await tspod('healthcheck', 'run', 'a')).toMatchObject({ status: 0, stdout: '' })
    const { Status, Log } = await health('a')
    expect([Status, Log?.map(({ ExitCode }) => ExitCode), Log?.[0]?.Output]).toEqual(['healthy', [1, 1, 0], 'out\nerr'])
    expect(await ok('ps', '-q', '--no-trunc', '--filter', 'health=healthy')).toHaveLength(64)
    expect(await ok('ps', '-q', '--filter', 'health=unhealthy')).toBe('')
  })

  e2e()('ends with 125 where there is no check, no container, or none that runs', async () => {
    await ok('run', '-d', ...alone, '--name', 'a', 'alpine', 'sleep', '1000')
    await ok('create', '--name', 'b', '--health-cmd', 'true', 'alpine', 'sleep', '1000')
    expect((await tspod('healthcheck', 'run', 'a')).stderr).toContain('has no defined healthcheck')
    for (const name of ['a', 'b', 'c']) expect((await tspod('healthcheck', 'run', name)).status).toBe(125)
  })

  tspodOnly()('keeps five results, and 500 letters of each', async () => {
    const test = 'head -c 2000 /dev/zero | tr "\\0" x'
    await ok('run', '-d', ...alone, '--name', 'a', ...byHand, '--health-cmd', test, 'alpine', 'sleep', '1000')
    for (let count = 0; count < 7; count++) await ok('healthcheck', 'run', 'a')
    const { Log } = await health('a')
    expect(Log?.map(({ Output }) => Output.length)).toEqual([500, 500, 500, 500, 500])
  })

  tspodOnly()('kills a check that takes too long', async () => {
    await ok(
      'run',
      '-d',
      ...alone,
      '--name',
      'a',
      ...byHand,
      '--health-timeout',
      '300ms',
      '--health-cmd',
      'sleep 500',
      'alpine',
      'sleep',
      '1000',
    )
    const began = performance.now()
    expect((await tspod('healthcheck', 'run', 'a')).status).toBe(1)
    expect(performance.now() - began).toBeLessThan(10_000)
    expect((await health('a')).Log?.[0]).toMatchObject({ ExitCode: -1, Output: 'the check did not end within 300 ms' })
    expect(await ok('top', 'a', 'args')).not.toContain('sleep 500')
  })
})

describe('a check of the monitor', () => {
  const every = ['--health-interval', '200ms', '--health-retries', '2']

  tspodOnly()('makes the container healthy, unhealthy, and healthy again', async () => {
    const id = await ok(
      'run',
      '-d',
      ...alone,
      '--name',
      'a',
      ...every,
      '--health-cmd',
      'test ! -e /bad',
      'alpine',
      'sleep',
      '1000',
    )
    expect(await ok('wait', '--condition', 'healthy', 'a')).toBe('-1')
    await ok('exec', 'a', 'touch', '/bad')
    expect(await ok('wait', '--condition', 'unhealthy', 'a')).toBe('-1')
    await ok('exec', 'a', 'rm', '/bad')
    await isNow('a', 'healthy')
    const events = await ok(
      'events',
      '--stream=false',
      '--filter',
      'event=health_status',
      '--filter',
      `container=${id}`,
      '--format',
      '{{.Attributes.health_status}}',
    )
    expect(events.split('\n')).toEqual(['healthy', 'unhealthy', 'healthy'])
  })

  tspodOnly()('runs as the container does: its user, variables, folder and filters', async () => {
    const test = 'id -u; echo $WORD; pwd; grep -E "^(Seccomp|NoNewPrivs):" /proc/self/status'
    await ok(
      'run',
      '-d',
      ...alone,
      '--name',
      'a',
      ...every,
      '--user',
      '1234',
      '-e',
      'WORD=x',
      '-w',
      '/tmp',
      '--health-cmd',
      test,
      'alpine',
      'sleep',
      '1000',
    )
    await isNow('a', 'healthy')
    expect((await health('a')).Log?.[0]?.Output).toMatch(/^1234\nx\n\/tmp\nNoNewPrivs:\t\d\nSeccomp:\t2$/)
  })

  tspodOnly()('kills one that takes too long, and its children', async () => {
    await ok(
      'run',
      '-d',
      ...alone,
      '--name',
      'a',
      ...every,
      '--health-timeout',
      '100ms',
      '--health-cmd',
      'sleep 600; true',
      'alpine',
      'sleep',
      '1000',
    )
    await isNow('a', 'unhealthy')
    expect((await health('a')).Log?.[0]).toMatchObject({ ExitCode: -1 })
    expect(
      (await ok('top', 'a', 'args')).split('\n').filter(line => line.includes('sleep 600')).length,
    ).toBeLessThanOrEqual(2)
  })

  tspodOnly()('that cannot be executed is a failure', async () => {
    await ok(
      'run',
      '-d',
      ...alone,
      '--name',
      'a',
      ...every,
      '--health-cmd',
      '["CMD", "/nowhere"]',
      'alpine',
      'sleep',
      '1000',
    )
    await isNow('a', 'unhealthy')
    expect((await health('a')).Log?.[0]).toMatchObject({ ExitCode: 127, Output: expect.stringContaining('/nowhere') })
  })

  tspodOnly()('is also one of an attached container, and of one whose command line was killed', async () => {
    const attached = box.start(
      'run',
      ...alone,
      '--name',
      'a',
      ...every,
      '--health-cmd',
      'true',
      'alpine',
      'sleep',
      '1000',
    )
    await until('it to run', async () => (await tspod('inspect', 'a')).status === 0)
    await isNow('a', 'healthy')
    attached.kill('SIGKILL')
    await attached.exited
    const last = (await health('a')).Log?.at(-1)?.Start ?? ''
    await until('one more check', async () => ((await health('a')).Log?.at(-1)?.Start ?? '') > last)
  })

  tspodOnly()('does not count failures in the start period', async () => {
    await ok(
      'run',
      '-d',
      ...alone,
      '--name',
      'a',
      ...every,
      '--health-start-period',
      '1h',
      '--health-cmd',
      'false',
      'alpine',
      'sleep',
      '1000',
    )
    await until('three results', async () => ((await health('a')).Log?.length ?? 0) >= 3)
    expect(await health('a')).toMatchObject({ Status: 'starting', FailingStreak: 0 })
  })

  tspodOnly()('comes after that of the startup', async () => {
    await ok(
      'run',
      '-d',
      ...alone,
      '--name',
      'a',
      ...every,
      '--health-startup-cmd',
      'test -e /ready',
      '--health-startup-interval',
      '100ms',
      '--health-cmd',
      'true',
      'alpine',
      'sleep',
      '1000',
    )
    await until('three results', async () => ((await health('a')).Log?.length ?? 0) >= 3)
    expect((await health('a')).Status).toBe('starting')
    await ok('exec', 'a', 'touch', '/ready')
    await isNow('a', 'healthy')
  })
})

describe('--health-on-failure', () => {
  const bad = ['--health-interval', '100ms', '--health-retries', '1', '--health-cmd', 'false']
  const status = async () => await inspect('a', '.State.Status')

  tspodOnly()('kill and stop end the container', async () => {
    for (const action of ['kill', 'stop']) {
      await ok(
        'run',
        '-d',
        ...alone,
        '--name',
        'a',
        '--stop-timeout',
        '1',
        ...bad,
        '--health-on-failure',
        action,
        'alpine',
        'sleep',
        '1000',
      )
      await until('its end', async () => (await status()) === 'exited')
      expect(await inspect('a', '.State.ExitCode')).toBe('137')
      await ok('rm', 'a')
    }
  })

  tspodOnly()('restart starts it again, without a policy', async () => {
    await ok(
      'run',
      '-d',
      ...alone,
      '--name',
      'a',
      '--stop-timeout',
      '0',
      ...bad,
      '--health-on-failure',
      'restart',
      'alpine',
      'sleep',
      '1000',
    )
    await until('a restart', async () => Number(await inspect('a', '.RestartCount')) >= 1)
    await ok('stop', '--time', '0', 'a')
    expect(await status()).toBe('exited')
  })

  tspodOnly()('kill lets the policy start it again', async () => {
    await ok(
      'run',
      '-d',
      ...alone,
      '--name',
      'a',
      ...bad,
      '--health-on-failure',
      'kill',
      '--restart',
      'always',
      'alpine',
      'sleep',
      '1000',
    )
    await until('a restart', async () => Number(await inspect('a', '.RestartCount')) >= 1)
    await ok('rm', '-f', '--time', '0', 'a')
  })
})

describe('the check of an image', () => {
  tspodOnly()('is run, changed by options, and left out', async () => {
    const folder = box.folder('image')
    write(folder, 'Containerfile', 'FROM alpine\nHEALTHCHECK --interval=200ms --retries=1 CMD echo from the image\n')
    await ok('build', '-q', '--format', 'docker', '-t', 'checked', folder)
    await ok('run', '-d', ...alone, '--name', 'a', 'checked', 'sleep', '1000')
    await isNow('a', 'healthy')
    expect((await health('a')).Log?.[0]?.Output).toBe('from the image')
    await ok('run', '-d', ...alone, '--name', 'b', '--health-cmd', 'false', 'checked', 'sleep', '1000')
    await isNow('b', 'unhealthy')
    await ok('run', '-d', ...alone, '--name', 'c', '--no-healthcheck', 'checked', 'sleep', '1000')
    expect(await health('c')).toEqual({ Status: '', FailingStreak: 0, Log: null })
    expect(await ok('ps', '--filter', 'health=none', '--format', '{{.Names}}')).toBe('c')
  })
})

describe('wait --condition healthy', () => {
  tspodOnly()('is refused where that will never be', async () => {
    await ok('run', '-d', ...alone, '--name', 'a', 'alpine', 'sleep', '1000')
    expect((await tspod('wait', '--condition', 'healthy', 'a')).stderr).toContain('has no health check')
    await ok('run', '-d', ...alone, '--name', 'b', '--health-cmd', 'false', 'alpine', 'sleep', '0.1')
    expect((await tspod('wait', '--condition', 'healthy', 'b')).stderr).toContain('has ended')
  })
})

describe('a container that ends while its check runs', () => {
  tspodOnly()('takes the check with it', async () => {
    await ok('run', '-d', ...alone, '--name', 'a', '--health-cmd', 'sleep 700', 'alpine', 'sleep', '1000')
    await until('the check', async () => (await ok('top', 'a', 'hpid', 'args')).includes('sleep 700'))
    const line = (await ok('top', 'a', 'hpid', 'args')).split('\n').find(each => each.includes('sleep 700'))
    await ok('stop', '--time', '0', 'a')
    await until('the end of the check', () => hasEnded(Number(line?.trim().split(/\s+/)[0])))
  })
})
