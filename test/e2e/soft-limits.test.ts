// --soft-limits: what comes close to limits where no control group enforces them.
import { expect } from 'bun:test'
import { getPriority } from 'node:os'
import { tspodOnly, until, useSandbox } from './sandbox.ts'

const box = useSandbox('alpine')
const { tspod, ok } = box
/** On machines with control groups too. */
const run = ['--cgroup-manager', 'none', 'run', '--network', 'none', '--soft-limits']
const softLimits = async () => JSON.parse(await ok('inspect', '-f', '{{json .HostConfig.SoftLimits}}', 'a')) as string[]
/** A shell that takes ever more. */
const growing = 'x=$(head -c 2000000000 /dev/zero | tr "\\0" x)'

tspodOnly()('a process that uses more memory is killed, and inspect and events say so', async () => {
  await ok(...run, '-d', '--name', 'a', '--memory', '64m', 'alpine', 'sh', '-c', growing)
  expect(await softLimits()).toEqual(['memory: its monitor kills the largest process above 67108864 bytes'])
  expect(await ok('wait', 'a')).toBe('137')
  expect(await ok('inspect', '-f', '{{.State.OOMKilled}}', 'a')).toBe('true')
  const events = await ok('events', '--stream=false', '--filter', 'container=a', '--format', '{{.Status}}')
  expect(events.split('\n')).toContain('oom')
})

tspodOnly()('what exec runs counts, and is the one that goes where it is the largest', async () => {
  await ok(...run, '-d', '--name', 'a', '--memory', '64m', 'alpine', 'sleep', '1000')
  expect((await tspod('exec', 'a', 'sh', '-c', growing)).status).toBe(137)
  expect(await ok('inspect', '-f', '{{.State.Status}}', 'a')).toBe('running')
})

tspodOnly()('also holds for an attached container', async () => {
  expect((await tspod(...run, '--rm', '--memory', '64m', 'alpine', 'sh', '-c', growing)).status).toBe(137)
})

tspodOnly()('processors, shares and processes are bound inside, for exec and health checks too', async () => {
  const look =
    'grep Cpus_allowed_list /proc/self/status; cut -d" " -f19 /proc/self/stat; grep processes /proc/self/limits'
  const limits = ['--cpus', '0.5', '--cpu-shares', '512', '--pids-limit', '50']
  await ok(...run, '-d', '--name', 'a', ...limits, '--health-cmd', look, 'alpine', 'sh', '-c', `${look}; sleep 1000`)
  const expected = new RegExp(
    `^Cpus_allowed_list:\\t\\d+\\n${getPriority() + 3}\\nMax processes\\s+50\\s+50\\s+processes\\s*$`,
  )
  await until('its output', async () => (await ok('logs', 'a')).includes('Max processes'))
  expect(await ok('logs', 'a')).toMatch(expected)
  expect(await ok('exec', 'a', 'sh', '-c', look)).toMatch(expected)
  await ok('wait', '--condition', 'healthy', 'a')
  expect(await ok('inspect', '-f', '{{(index .State.Health.Log 0).Output}}', 'a')).toMatch(expected)
  expect((await softLimits()).map(text => text.split(':')[0])).toEqual(['processors', 'cpu shares', 'processes'])
})

tspodOnly()('a fork bomb stops at its limit', async () => {
  const bomb = 'i=0; while [ $i -lt 100 ]; do sleep 100 & i=$((i+1)); done'
  await tspod(...run, '-d', '--name', 'a', '--pids-limit', '20', 'alpine', 'sh', '-c', `${bomb}; sleep 1000`)
  await Bun.sleep(1000)
  const pids = Number(await ok('stats', '--no-stream', '--format', '{{.PIDS}}', 'a').catch(() => '0'))
  expect(pids).toBeLessThanOrEqual(21)
})

tspodOnly()('is refused for what nothing comes close to, and limits without it are errors', async () => {
  const reserve = await tspod(...run, '--rm', '--memory-reservation', '64m', 'alpine', 'true')
  expect(reserve).toMatchObject({ status: 125, stderr: expect.stringContaining('--soft-limits has nothing like it') })
  const hard = await tspod('--cgroup-manager', 'none', 'run', '--rm', '--memory', '64m', 'alpine', 'true')
  expect(hard).toMatchObject({ status: 125, stderr: expect.stringContaining('--soft-limits') })
})
