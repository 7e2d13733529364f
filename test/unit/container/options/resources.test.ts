import { describe, expect, test } from 'bun:test'
import { parseResources, type ResourceOptions, withDefaultSwap } from '#container/options/resources.ts'

describe('parseResources()', () => {
  const good: [ResourceOptions, unknown][] = [
    [{}, undefined],
    [{ memory: '0', cpus: '0', cpuQuota: -1, cpuShares: 0, cpusetCpus: '' }, undefined],
    [
      { memory: '64m', memorySwap: '-1', memoryReservation: '32m' },
      { memory: { limit: 67_108_864, reservation: 33_554_432, swap: -1 } },
    ],
    [{ cpus: '0.5' }, { cpu: { period: 100_000, quota: 50_000 } }],
    [{ cpuPeriod: 50_000, cpuQuota: 10_000, cpuShares: 512 }, { cpu: { shares: 512, period: 50_000, quota: 10_000 } }],
    [{ pidsLimit: 0 }, { pids: { limit: -1 } }],
    [{ cgroupConf: ['memory.high=1g', 'pids.max=7'] }, { unified: { 'memory.high': '1g', 'pids.max': '7' } }],
  ]
  test.each(good)('reads %j', (options, resources) => {
    expect(parseResources(options) as unknown).toEqual(resources)
  })

  const bad: [ResourceOptions, string][] = [
    [{ memory: '100' }, '--memory 100'],
    [{ memory: '1x' }, '"1x"'],
    [{ memory: '64m', memorySwap: '32m' }, 'below --memory'],
    [{ memorySwap: '64m' }, 'needs --memory'],
    [{ memory: '64m', memoryReservation: '65m' }, 'above --memory'],
    [{ cpus: 'two' }, '"two"'],
    [{ cpus: '1', cpuQuota: 5000 }, 'cannot be combined'],
    [{ cpuPeriod: 10 }, '1000 to 1000000'],
    [{ cpusetCpus: '1-' }, '"1-"'],
    [{ blkioWeight: 5 }, '10 to 1000'],
    [{ deviceReadBps: ['/dev/null:1mb'] }, 'no block device'],
    [{ deviceReadBps: ['sda:1mb'] }, 'DEVICE:VALUE'],
    [{ cgroupConf: ['cgroup.freeze=1'] }, 'no file of a controller'],
    [{ cgroupConf: ['memory.high'] }, 'FILE=VALUE'],
  ]
  test.each(bad)('refuses %j', (options, text) => {
    expect(() => parseResources(options)).toThrow(text)
  })
})

test('withDefaultSwap() allows as much swap again as memory', () => {
  expect(withDefaultSwap({ memory: { limit: 10 } })).toEqual({ memory: { limit: 10, swap: 20 } })
  expect(withDefaultSwap({ memory: { limit: 10, swap: -1 } })).toEqual({ memory: { limit: 10, swap: -1 } })
  expect(withDefaultSwap(undefined)).toBeUndefined()
})
