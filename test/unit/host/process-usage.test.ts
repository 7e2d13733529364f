import { expect, test } from 'bun:test'
import { ProcessSnapshot } from '#host/process-usage.ts'

test('ProcessSnapshot sums a process of our own pid namespace with all that descends from it', async () => {
  const parent = Bun.spawn(['sh', '-c', 'sleep 60 & sleep 60 & wait'], { stdout: 'ignore' })
  const usage = () => new ProcessSnapshot().usageOf(parent.pid)
  for (let tries = 0; usage().pids < 3 && tries < 200; tries++) await Bun.sleep(20)
  const { pids, memoryBytes } = usage()
  expect(pids).toBe(3)
  expect(memoryBytes).toBeGreaterThan(3 * 100_000)
  expect(memoryBytes).toBeLessThan(1e8)
  const children = Bun.spawnSync(['pgrep', '-P', String(parent.pid)])
    .stdout.toString()
    .trim()
    .split('\n')
    .map(Number)
  for (const pid of [...children, parent.pid]) process.kill(pid, 'SIGKILL')
  await parent.exited
})

test('ProcessSnapshot counts nothing for a process that has ended', async () => {
  const ended = Bun.spawn(['true'])
  await ended.exited
  expect(new ProcessSnapshot().usageOf(ended.pid)).toEqual({ cpuUs: 0, memoryBytes: 0, pids: 0 })
})
