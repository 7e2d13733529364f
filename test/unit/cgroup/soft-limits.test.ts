import { describe, expect, test } from 'bun:test'
import { describeSoftLimits, splitLimits } from '#cgroup/soft-limits.ts'
import { allowedProcessors } from '#sys/scheduling.ts'

const all = ['cpu', 'cpuset', 'io', 'memory', 'pids']

describe('splitLimits()', () => {
  test('leaves to the kernel what its controllers enforce', () => {
    const resources = { memory: { limit: 1e8, swap: 2e8 }, pids: { limit: 5 }, cpu: { shares: 512, cpus: '0' } }
    expect(splitLimits(resources, all, 0)).toEqual({ enforced: resources, soft: {} })
    expect(splitLimits(resources, ['memory', 'pids', 'cpuset'], 0)).toEqual({
      enforced: { memory: { limit: 1e8, swap: 2e8 }, pids: { limit: 5 }, cpu: { cpus: '0' } },
      soft: { nice: 3 },
    })
  })

  test('comes close to each of the others', () => {
    const resources = {
      memory: { limit: 1e8, swap: 2e8 },
      pids: { limit: 5 },
      cpu: { shares: 2, quota: 50_000, period: 100_000 },
    }
    const { enforced, soft } = splitLimits(resources, [], 7)
    expect(enforced).toEqual({})
    expect(soft).toMatchObject({ memoryBytes: 1e8, processes: 5, nice: 19 })
    expect(soft.processors).toHaveLength(1)
    expect(allowedProcessors()).toContain(soft.processors?.[0] ?? -1)
  })

  test('binds to the processors that are named, and to as many of them as the quota is worth', () => {
    const [first = 0] = allowedProcessors()
    expect(splitLimits({ cpu: { cpus: String(first) } }, [], 3).soft).toEqual({ processors: [first] })
    expect(splitLimits({ cpu: { quota: 1e9, period: 1000 } }, [], 3).soft).toEqual({})
    expect(() => splitLimits({ cpu: { cpus: '4000' } }, [], 3)).toThrow('none of these processors may be used here')
  })

  test('refuses what nothing comes close to', () => {
    expect(() => splitLimits({ memory: { reservation: 1 } }, [], 0)).toThrow('--memory-reservation')
    expect(() => splitLimits({ blockIO: { weight: 100 } }, [], 0)).toThrow('controller "io"')
    expect(() => splitLimits({ cpu: { mems: '0' } }, [], 0)).toThrow('--cpuset-mems')
    expect(() => splitLimits({ unified: { 'memory.high': '1' } }, [], 0)).toThrow('controller "memory"')
  })
})

test('describeSoftLimits() says what holds', () => {
  expect(describeSoftLimits({ processors: [0, 2], nice: 3, processes: 5, memoryBytes: 9 })).toEqual([
    'processors: bound to 0,2',
    'cpu shares: niceness +3',
    'processes: 5 of each user (RLIMIT_NPROC)',
    'memory: its monitor kills the largest process above 9 bytes',
  ])
})
