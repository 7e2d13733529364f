import { describe, expect, test } from 'bun:test'
import type { CgroupManager } from '#cgroup/manager.ts'
import { requireControllers } from '#cgroup/pick.ts'
import { controllersOf, maskOf, planSettings, weightOfShares } from '#cgroup/settings.ts'
import { parseNetworkBytes } from '#cgroup/statistics.ts'
import { findEndpoints } from '#cgroup/systemd.ts'

const written = (settings: ReturnType<typeof planSettings>) => settings.map(({ file, value }) => `${file}=${value}`)

describe('planSettings()', () => {
  test('turns every resource of a spec into its file', () => {
    const settings = planSettings({
      memory: { limit: 64, reservation: 32, swap: 100 },
      cpu: { shares: 1024, quota: 50_000, period: 200_000, burst: 1000, cpus: '0-1', mems: '0' },
      pids: { limit: -1 },
      blockIO: {
        weight: 10,
        weightDevice: [{ major: 8, minor: 0, weight: 1000 }],
        throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1024 }],
        throttleWriteIOPSDevice: [{ major: 8, minor: 16, rate: 7 }],
      },
      hugepageLimits: [{ pageSize: '2MB', limit: 4096 }],
      rdma: { mlx5: { hcaHandles: 2 } },
      unified: { 'memory.high': '50' },
    })
    expect(written(settings)).toEqual([
      'memory.max=64',
      'memory.low=32',
      'memory.swap.max=36',
      'cpu.weight=100',
      'cpu.max=50000 200000',
      'cpu.max.burst=1000',
      'cpuset.cpus=0-1',
      'cpuset.mems=0',
      'pids.max=max',
      'io.weight=default 1',
      'io.weight=8:0 10000',
      'io.max=8:0 rbps=1024',
      'io.max=8:16 wiops=7',
      'hugetlb.2MB.max=4096',
      'rdma.max=mlx5 hca_handle=2 hca_object=max',
      'memory.high=50',
    ])
    expect(controllersOf(settings)).toEqual(['memory', 'cpu', 'cpuset', 'pids', 'io', 'hugetlb', 'rdma'])
  })

  test('swap is asked for by name, or comes along with memory', () => {
    const swap = (memory: { limit: number; swap: number }) => planSettings({ memory }).at(-1)
    expect(swap({ limit: 10, swap: 20 })).toMatchObject({ value: '10', optional: true })
    expect(swap({ limit: 10, swap: 15 })).not.toHaveProperty('optional')
    expect(swap({ limit: 10, swap: -1 })).toMatchObject({ value: 'max' })
  })

  test('systemd gets the same as properties', () => {
    const properties = planSettings({ memory: { limit: -1 }, cpu: { quota: 20_000, cpus: '9' }, pids: { limit: 5 } })
    expect(properties.flatMap(({ properties: each }) => each ?? [])).toEqual([
      ['MemoryMax', { signature: 't', value: 2n ** 64n - 1n }],
      ['CPUQuotaPerSecUSec', { signature: 't', value: 200_000n }],
      ['AllowedCPUs', { signature: 'ay', value: [0, 2] }],
      ['TasksMax', { signature: 't', value: 5n }],
    ])
  })

  test.each([
    [{ memory: { disableOOMKiller: true } }, 'out-of-memory killer'],
    [{ memory: { swappiness: 60 } }, 'swappiness'],
    [{ memory: { swap: 10 } }, '--memory'],
    [{ memory: { limit: 10, swap: 5 } }, 'below'],
    [{ cpu: { realtimeRuntime: 1 } }, 'real-time'],
    [{ network: { classID: 1 } }, 'no such controller'],
    [{ unified: { 'cgroup.freeze': '1' } }, 'no file of a controller'],
    [{ unified: { '../memory.max': '1' } }, 'no file of a controller'],
  ])('refuses %j', (resources, text) => {
    expect(() => planSettings(resources)).toThrow(text)
  })
})

test('weightOfShares() puts both defaults and both ends on each other', () => {
  expect([0, 2, 1024, 262_144].map(weightOfShares)).toEqual([1, 1, 100, 10_000])
})

test('maskOf() reads lists of processors', () => {
  expect(maskOf('0-2,8', 'cpuset.cpus')).toEqual([7, 1])
  expect(() => maskOf('3-1', 'cpuset.cpus')).toThrow('"3-1"')
})

describe('requireControllers()', () => {
  const manager = { name: 'systemd', controllers: ['memory'], remedy: 'write a drop-in' } as unknown as CgroupManager
  const settings = planSettings({ memory: { limit: 1 }, cpu: { quota: 1000 } })

  test('names the controller that is missing, and what enables it', () => {
    const error = catchError(() => requireControllers({ manager, reason: '' }, settings))
    expect(error.message).toContain('limiting the container (cpu.max = 1000 100000): the controller "cpu"')
    expect(error.hint).toBe('write a drop-in; --soft-limits comes close to some limits without')
  })

  test('says why there is nobody to limit anything', () => {
    expect(() => requireControllers({ manager: undefined, reason: 'version 1' }, settings)).toThrow('version 1')
  })

  test('has nothing against no limit where nobody limits anything', () => {
    const nobody = { manager: undefined, reason: 'version 1' }
    requireControllers(nobody, planSettings({ pids: { limit: -1 } }))
    expect(() => requireControllers(nobody, planSettings({ pids: { limit: 5 } }))).toThrow('pids.max = 5')
  })
})

function catchError(act: () => void): { message: string; hint?: string } {
  try {
    act()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was thrown')
}

test('findEndpoints() asks the manager itself before the bus', () => {
  const env = { XDG_RUNTIME_DIR: '/r', DBUS_SESSION_BUS_ADDRESS: 'unix:path=/b,guid=1' }
  expect(findEndpoints(env, 5).map(({ path }) => path)).toEqual([
    '/r/systemd/private',
    '/run/user/5/systemd/private',
    '/b',
    '/r/bus',
    '/run/user/5/bus',
  ])
})

test('parseNetworkBytes() adds up all interfaces but the loopback', () => {
  const line = (name: string, received: number, sent: number) =>
    `  ${name}: ${received} 1 0 0 0 0 0 0 ${sent} 1 0 0 0 0 0 0`
  const text = ['Inter-|', ' face |', line('lo', 9, 9), line('tap0', 100, 20), line('eth1', 1, 2), ''].join('\n')
  expect(parseNetworkBytes(text)).toEqual({ received: 101, sent: 22 })
})
