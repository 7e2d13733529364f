// pause and unpause, whatever there is to do it with: the freezer of a control group, or signals.
import { expect } from 'bun:test'
import { tspodOnly, until, useSandbox } from './sandbox.ts'

const box = useSandbox('alpine')
const { tspod, ok } = box
const alone = ['--network', 'none']

/** Forks all the time, and counts in a file that is never empty. */
const counting = 'i=0; while :; do i=$((i+1)); (echo $i > /m; mv /m /n); done'
const count = async (name: string) =>
  Number(await ok('cp', `${name}:/n`, '-').then(tar => /\n?(\d+)\n/.exec(tar.slice(512))?.[1]))

tspodOnly()('pause stops every process, also of one that forks, and unpause lets them go on', async () => {
  await ok('run', '-d', ...alone, '--name', 'a', 'alpine', 'sh', '-c', counting)
  await until('it to count', async () => (await tspod('exec', 'a', 'test', '-s', '/n')).status === 0)
  for (let round = 0; round < 3; round++) {
    await ok('pause', 'a')
    expect(await ok('ps', '--format', '{{.State}} {{.Status}}')).toMatch(/^paused Up .*\(Paused\)$/)
    const before = await count('a')
    await Bun.sleep(200)
    expect(await count('a')).toBe(before)
    expect((await tspod('exec', 'a', 'true')).status).not.toBe(0)
    await ok('unpause', 'a')
    expect(await ok('inspect', '-f', '{{.State.Status}}', 'a')).toBe('running')
    await until('it to go on', async () => (await count('a')) > before)
  }
})

tspodOnly()('a paused container is stopped, killed and removed as any other', async () => {
  const run = async () =>
    await ok(
      'run',
      '-d',
      ...alone,
      '--name',
      'a',
      'alpine',
      'sh',
      '-c',
      'trap "exit 7" TERM; while :; do sleep 0.1; done',
    )
  const code = async () => Number(await ok('inspect', '-f', '{{.State.ExitCode}}', 'a'))
  await run()
  await Bun.sleep(300)
  await ok('pause', 'a')
  await ok('stop', 'a')
  expect(await code()).toBe(7)
  await ok('start', 'a')
  await ok('pause', 'a')
  await ok('kill', 'a')
  expect(await ok('wait', 'a')).toBe('137')
  await ok('start', 'a')
  await ok('pause', 'a')
  await ok('rm', '--force', '--time', '0', 'a')
  expect(await ok('ps', '-aq')).toBe('')
})

tspodOnly()('a paused container is not checked', async () => {
  await ok(
    'run',
    '-d',
    ...alone,
    '--name',
    'a',
    '--health-cmd',
    'true',
    '--health-interval',
    '100ms',
    'alpine',
    'sleep',
    '1000',
  )
  await ok('wait', '--condition', 'healthy', 'a')
  await ok('pause', 'a')
  await Bun.sleep(300)
  const last = await ok('inspect', '-f', '{{json .State.Health.Log}}', 'a')
  await Bun.sleep(500)
  expect(await ok('inspect', '-f', '{{json .State.Health.Log}}', 'a')).toBe(last)
  await ok('unpause', 'a')
  await until('a check', async () => (await ok('inspect', '-f', '{{json .State.Health.Log}}', 'a')) !== last)
})

tspodOnly()('commit --pause takes a picture that stands still, and lets the container go on', async () => {
  const both = 'while :; do echo x >> /a; echo x >> /b; done'
  await ok('run', '-d', ...alone, '--name', 'a', 'alpine', 'sh', '-c', both)
  await until('it to count', async () => (await tspod('exec', 'a', 'test', '-s', '/b')).status === 0)
  await ok('commit', '-q', '--pause', 'a', 'still')
  expect(await ok('inspect', '-f', '{{.State.Status}}', 'a')).toBe('running')
  const sizes = await ok('run', '--rm', ...alone, 'still', 'sh', '-c', 'wc -c < /a; wc -c < /b')
  const [first, second] = sizes.split('\n').map(size => Number(size) / 2)
  expect((first ?? 0) - (second ?? 0)).toBeWithin(0, 2)
})
