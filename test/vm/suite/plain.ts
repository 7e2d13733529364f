// A user to whom memory and pids are delegated, and nothing else: `bun test ./test/vm/suite/plain.ts` as that user.
import { beforeAll, expect, test } from 'bun:test'
import { image, ok, tspod } from './_vm.ts'

beforeAll(() => void ok('load', '--quiet', '--input', image), 120_000)

test('a limit whose controller is not delegated is refused, with what enables it', () => {
  const { status, stderr } = tspod('run', '--rm', '--network', 'none', '--cpus', '0.5', 'alpine', 'true')
  expect(status).toBe(125)
  expect(stderr).toContain(
    'limiting the container (cpu.max = 50000 100000): the controller "cpu" is not delegated to you',
  )
  expect(stderr).toContain('Delegate=cpu cpuset io memory pids')
  expect(ok('ps', '--all', '--quiet')).toBe('')
})

test('a limit whose controller is delegated holds', () => {
  expect(ok('run', '--rm', '--network', 'none', '-m', '64m', 'alpine', 'cat', '/sys/fs/cgroup/memory.max')).toBe(
    '67108864',
  )
})
