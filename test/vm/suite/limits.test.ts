// Limits, statistics and life-cycle with the systemd manager, for a user to whom every controller is delegated.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { command, groupOf, image, ok, read, tspod, tspodPath, until, untilGone } from './_vm.ts'

beforeAll(() => void ok('load', '--quiet', '--input', image), 120_000)
afterAll(() => void tspod('rm', '--all', '--force', '--time', '0'), 60_000)

test('info names the systemd manager and says why', () => {
  expect(ok('info', '--format', '{{.Host.CgroupManager}}: {{.Host.CgroupManagerReason}}')).toBe(
    'systemd: your systemd manager answers',
  )
})

describe('a container with every limit', () => {
  const limits = `--memory 64m --memory-reservation 32m --memory-swap 100m --cpus 0.5 --cpu-shares 512 --cpuset-cpus 0
    --cpuset-mems 0 --pids-limit 50 --blkio-weight 200 --device-read-bps /dev/vda:1mb --device-write-iops /dev/vda:9
    --cgroup-conf memory.high=60000000`.split(/\s+/)
  let group = ''
  let id = ''
  const unit = () => `tspod-${id}.scope`

  beforeAll(() => {
    id = ok('run', '--detach', '--name', 'all', '--network', 'none', ...limits, 'alpine', 'sleep', '1000')
    group = groupOf('all')
  }, 120_000)

  test('has them in the files of its group', () => {
    const files = ['memory.max', 'memory.low', 'memory.swap.max', 'memory.high', 'cpu.max', 'cpu.weight', 'cpuset.cpus']
    expect(files.map(file => read(group, file))).toEqual([
      '67108864',
      '33554432',
      '37748736',
      '59998208',
      '50000 100000',
      '59',
      '0',
    ])
    expect(['cpuset.mems', 'pids.max'].map(file => read(group, file))).toEqual(['0', '50'])
    expect(read(group, 'io.max')).toContain('rbps=1048576 wbps=max riops=max wiops=9')
    expect(ok('exec', 'all', 'cat', '/sys/fs/cgroup/memory.max')).toBe('67108864')
  })

  test('is a delegated scope in user.slice, its monitor beside it', () => {
    const shown = command(
      'systemctl',
      '--user',
      'show',
      unit(),
      '--property=MemoryMax,TasksMax,Delegate,Slice,Description',
    )
    expect(shown.stdout.trim().split('\n').toSorted()).toEqual([
      'Delegate=yes',
      'Description=tspod container all',
      'MemoryMax=67108864',
      'Slice=user.slice',
      'TasksMax=50',
    ])
    const state = JSON.parse(ok('inspect', 'all'))[0].State
    const monitor = readFileSync(`/proc/${state.ConmonPid}/cgroup`, 'utf8')
    expect(monitor).toContain(`/user.slice/tspod-monitor-${id}.scope`)
    expect(read(group, 'cgroup.procs')).toBe(String(state.Pid))
  })

  test('inspect says the same', () => {
    const host = JSON.parse(ok('inspect', 'all'))[0].HostConfig
    expect(host).toMatchObject({
      Memory: 67_108_864,
      MemorySwap: 104_857_600,
      MemoryReservation: 33_554_432,
      NanoCpus: 500_000_000,
      CpuShares: 512,
      CpusetCpus: '0',
      PidsLimit: 50,
      BlkioWeight: 200,
    })
  })

  test('exec lands in its group, although this session lies outside of it', async () => {
    ok('exec', '--detach', 'all', 'sleep', '77')
    const programs = () =>
      read(group, 'cgroup.procs')
        .split('\n')
        .map(pid => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
    await until('sleep 77 in the group', () => programs().includes('sleep\u000077\u0000'))
    expect(ok('exec', 'all', 'cat', '/proc/self/cgroup')).toBe('0::/')
  })

  test('stats tells what the files say', () => {
    const [found] = JSON.parse(ok('stats', '--no-stream', '--format', 'json', 'all'))
    expect(found).toMatchObject({ id: id.slice(0, 12), name: 'all', pids: read(group, 'pids.current') })
    expect(found.mem_usage).toEndWith(' / 67.11MB')
    expect(found.pressure).toMatchObject({ memory: expect.any(Number) })
    expect(ok('stats', '--no-stream', 'all')).toMatch(/^ID +NAME +CPU % +MEM USAGE \/ LIMIT/)
  })

  test('pause freezes all of it, unpause lets it go on', () => {
    ok('pause', 'all')
    expect(read(group, 'cgroup.events')).toContain('frozen 1')
    expect(ok('ps', '--format', '{{.Names}} {{.State}}')).toBe('all paused')
    expect(tspod('exec', 'all', 'true').stderr).toContain('state paused')
    ok('unpause', 'all')
    expect(read(group, 'cgroup.events')).toContain('frozen 0')
  })

  test('update changes limits at once, in the files and for systemd', () => {
    ok('update', '--memory', '80m', '--memory-swap', '80m', '--pids-limit', '60', 'all')
    expect(['memory.max', 'memory.swap.max', 'pids.max', 'cpu.max'].map(file => read(group, file))).toEqual([
      '83886080',
      '0',
      '60',
      '50000 100000',
    ])
    expect(command('systemctl', '--user', 'show', unit(), '--property=MemoryMax').stdout).toBe('MemoryMax=83886080\n')
    expect(JSON.parse(ok('inspect', 'all'))[0].HostConfig.Memory).toBe(83_886_080)
  })

  test('its groups go with it, and come again with it', async () => {
    ok('kill', 'all')
    await untilGone(group)
    ok('start', 'all')
    expect(read(groupOf('all'), 'memory.max')).toBe('83886080')
    ok('pause', 'all')
    ok('rm', '--force', '--time', '0', 'all')
    await untilGone(group)
    expect(command('systemctl', '--user', 'list-units', '--failed', '--plain', '--no-legend').stdout).toBe('')
  })
})

test('a process over its memory limit is killed, and inspect says so', () => {
  const { status } = tspod(
    'run',
    '--name',
    'hog',
    '--network',
    'none',
    '-m',
    '16m',
    '--memory-swap',
    '16m',
    'alpine',
    'tail',
    '/dev/zero',
  )
  expect(status).toBe(137)
  expect(ok('inspect', '--format', '{{.State.OOMKilled}}', 'hog')).toBe('true')
  expect(ok('events', '--stream=false', '--format', '{{.Status}}', '--filter', 'container=hog')).toContain('oom')
})

test('build --memory holds for each RUN', () => {
  const folder = mkdtempSync(join(tmpdir(), 'build-'))
  const build = (...lines: string[]) => {
    writeFileSync(join(folder, 'Containerfile'), ['FROM alpine', ...lines, ''].join('\n'))
    return tspod(
      'build',
      '--quiet',
      '--network',
      'none',
      '--tag',
      'limited',
      '-m',
      '32m',
      '--memory-swap',
      '32m',
      folder,
    )
  }
  expect(build('RUN cat /sys/fs/cgroup/memory.max > /limit')).toMatchObject({ status: 0 })
  expect(ok('run', '--rm', '--network', 'none', 'limited', 'cat', '/limit')).toBe(String(32 << 20))
  expect(build('RUN tail /dev/zero').status).toBe(137)
  ok('rmi', '--force', 'limited')
}, 120_000)

test('a fork bomb stops at its limit of processes', () => {
  const bomb = 'i=0; while [ $i -lt 60 ]; do sleep 30 & i=$((i+1)); done; echo through'
  const { stdout, stderr } = tspod('run', '--rm', '--network', 'none', '--pids-limit', '20', 'alpine', 'sh', '-c', bomb)
  expect(stdout + stderr).toMatch(/can't fork|through/)
  expect(stderr).toContain("can't fork")
})

test('a busy loop in a fifth of a processor uses a fifth', async () => {
  ok(
    'run',
    '--detach',
    '--name',
    'busy',
    '--network',
    'none',
    '--cpus',
    '0.2',
    'alpine',
    'sh',
    '-c',
    'while :; do :; done',
  )
  const used = () => Number(/usage_usec (\d+)/.exec(read(groupOf('busy'), 'cpu.stat'))?.[1])
  const [before, start] = [used(), performance.now()]
  await Bun.sleep(10_000)
  const share = (used() - before) / 1000 / (performance.now() - start)
  ok('kill', 'busy')
  expect(share).toBeGreaterThan(0.15)
  expect(share).toBeLessThan(0.25)
})

test('without a pid namespace, what process 1 leaves behind is killed', async () => {
  const leaves = [
    'run',
    '--name',
    'leaver',
    '--network',
    'none',
    '--pid',
    'host',
    'alpine',
    'sh',
    '-c',
    'sleep 4321 & sleep 1',
  ]
  ok(...leaves)
  await until('the end of sleep 4321', () => command('pgrep', '-f', 'sleep 4321').status === 1)
})

test('--cgroups=disabled stays where it is; --cgroup-parent chooses the slice', () => {
  expect(
    ok(
      'run',
      '--rm',
      '--network',
      'none',
      '--cgroups',
      'disabled',
      '--cgroupns',
      'host',
      'alpine',
      'cat',
      '/proc/self/cgroup',
    ),
  ).toContain('session-')
  const [group] = ok(
    'run',
    '--rm',
    '--network',
    'none',
    '--cgroup-parent',
    'batch.slice',
    '--cgroupns',
    'host',
    'alpine',
    'cat',
    '/proc/self/cgroup',
  ).split('\n')
  expect(group).toMatch(/\/user@1001\.service\/batch\.slice\/tspod-[0-9a-f]{64}\.scope$/)
  expect(tspod('run', '--rm', '--cgroup-parent', '/x', 'alpine', 'true').stderr).toContain(
    'systemd puts containers into slices',
  )
})

test('cgroupfs serves inside a delegated subtree, and removes what it made', () => {
  const script = `${tspodPath} --cgroup-manager cgroupfs run --rm --network none -m 64m alpine cat /sys/fs/cgroup/memory.max; cat /proc/self/cgroup; ls $(dirname /sys/fs/cgroup$(sed s/^0::// /proc/self/cgroup))`
  const { stdout, stderr } = command(
    'systemd-run',
    '--user',
    '--scope',
    '--quiet',
    '--property=Delegate=yes',
    'sh',
    '-c',
    script,
  )
  expect(stderr).toBe('')
  const [limit, own = '', ...left] = stdout.trim().split('\n')
  expect(limit).toBe('67108864')
  expect(own).toEndWith('/tspod.callers')
  expect(left.filter(name => name.startsWith('tspod-'))).toEqual([])
})

test('--cgroup-manager cgroupfs is refused in a login session, with the reason', () => {
  const { status, stderr } = tspod('--cgroup-manager', 'cgroupfs', 'run', '--rm', 'alpine', 'true')
  expect(status).toBe(125)
  expect(stderr).toContain('the group of this process is not yours')
})

test('nothing of any container is left in the tree', async () => {
  ok('rm', '--all', '--force', '--time', '0')
  const slice = dirname('/sys/fs/cgroup/user.slice/user-1001.slice/user@1001.service/user.slice/x')
  const left = () => readdirSync(slice).filter(name => name.startsWith('tspod-'))
  // who keeps the user's namespace stays
  await until('the end of all groups', () => left().length === 1)
  expect(left()).toEqual([expect.stringMatching(/^tspod-keeper-\d+\.scope$/)])
})
