import { describe, expect, test } from 'bun:test'
import { openConfig } from '#config/config.ts'
import { formatUptime, parseCpuUtilization, parseMeminfo } from '#engine/system/host-report.ts'
import { assembleInfo, type EngineFacts, ownRuntime } from '#engine/system/info-report.ts'

const facts: EngineFacts = {
  rootless: {
    mode: 'full',
    mappings: {
      uid: [
        { insideId: 0, outsideId: 1000, count: 1 },
        { insideId: 1, outsideId: 100_000, count: 65_536 },
      ],
      gid: [{ insideId: 0, outsideId: 1000, count: 1 }],
    },
  },
  cgroup: { manager: 'none', reason: 'version 1' },
  storage: { driver: 'overlay', reason: 'mounting it worked' },
  network: { default: 'slirp4netns', reason: 'default', available: ['none', 'host', 'slirp4netns'] },
  counts: { images: 3, running: 1, paused: 0, stopped: 4 },
  runtime: ownRuntime,
  registries: { search: ['docker.io'] },
  logDrivers: ['k8s-file'],
}

test('assembleInfo() has the keys that scripts ask podman for, and what tspod adds', async () => {
  const info = assembleInfo(await openConfig({ root: '/nowhere/store', runRoot: '/nowhere/run' }), facts)
  expect(info).toMatchObject({
    host: {
      os: 'linux',
      rootlessMode: 'full',
      cgroupManager: 'none',
      cgroupManagerReason: 'version 1',
      idMappings: {
        uidmap: [
          { container_id: 0, host_id: 1000, size: 1 },
          { container_id: 1, host_id: 100_000, size: 65_536 },
        ],
      },
      security: { seccompEnabled: true },
    },
    store: {
      graphRoot: '/nowhere/store',
      runRoot: '/nowhere/run',
      volumePath: '/nowhere/store/volumes',
      graphDriverName: 'overlay',
      containerStore: { number: 5, running: 1, stopped: 4 },
      imageStore: { number: 3 },
    },
    registries: { search: ['docker.io'] },
    version: { Os: 'linux' },
  })
})

describe('parsers of /proc', () => {
  test('parseMeminfo() gives bytes', () => {
    const info = parseMeminfo('MemTotal:       24684096 kB\nSwapFree:    0 kB\nHugePages_Total:       0\n')
    expect(info.get('MemTotal')).toBe(24_684_096 * 1024)
    expect(info.get('SwapFree')).toBe(0)
    expect(info.has('HugePages_Total')).toBe(false)
  })

  test('parseCpuUtilization() counts nice as user time, and guests once', () => {
    expect(parseCpuUtilization('cpu  10 10 20 50 10 0 0 0 5 0\ncpu0 1 1 1 1\n')).toEqual({
      userPercent: 20,
      systemPercent: 20,
      idlePercent: 50,
    })
    expect(parseCpuUtilization('')).toEqual({ userPercent: 0, systemPercent: 0, idlePercent: 0 })
  })

  test.each([
    [59.9, '0h 0m 59.00s'],
    [3_661, '1h 1m 1.00s'],
    [93_784, '26h 3m 4.00s (Approximately 1.09 days)'],
  ])('formatUptime(%p)', (seconds, text) => {
    expect(formatUptime(seconds)).toBe(text)
  })
})
