// Pods on a real systemd: a `.pod` file as a service with its containers, and limits of a pod as a whole.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { command, groupOf, image, ok, read, tspod, until, untilGone } from './_vm.ts'

const systemctl = (...args: string[]) => command('systemctl', '--user', ...args)
const property = (unit: string, name: string) => systemctl('show', unit, '--value', `--property=${name}`).stdout.trim()

/** Starts a unit; what the journal says where that fails. */
function startUnit(unit: string): void {
  const { status, stderr } = systemctl('start', unit)
  const journal = status === 0 ? '' : command('journalctl', '--user', '--no-pager', '-n', '30', '-u', unit).stdout
  expect({ status, stderr, journal }).toEqual({ status: 0, stderr: '', journal: '' })
}

beforeAll(() => void ok('load', '--quiet', '--input', image), 120_000)
afterAll(() => void tspod('pod', 'rm', '--all', '--force', '--time', '0'), 60_000)

describe('a Quadlet file of a pod', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pods-'))

  beforeAll(() => {
    writeFileSync(join(folder, 'shop.pod'), '[Pod]\nNetwork=none\nHostName=counter\n')
    const member = (command: string) =>
      `[Container]\nImage=alpine\nPod=shop.pod\nExec=${command}\n[Service]\nRestart=no\n`
    writeFileSync(join(folder, 'front.container'), member('sleep 1000'))
    writeFileSync(join(folder, 'back.container'), member('sh -c "hostname > /dev/shm/said; exec sleep 1000"'))
    expect(ok('quadlet', 'install', folder)).toContain('shop.pod')
  }, 60_000)

  const states = (...services: string[]) => services.map(name => property(`${name}.service`, 'ActiveState'))

  test('starts the pod with its containers, and the monitor of its infra container is the service', async () => {
    startUnit('shop-pod.service')
    await until('the containers', () => states('front', 'back').every(state => state === 'active'))
    expect(states('shop-pod')).toEqual(['active'])
    expect(ok('pod', 'ps', '--format', '{{.Name}} {{.Status}} {{.NumberOfContainers}}')).toBe('systemd-shop Running 3')
    const infra = ok('inspect', '--format', '{{.State.ConmonPid}}', 'systemd-shop-infra')
    expect(property('shop-pod.service', 'MainPID')).toBe(infra)
    expect(readFileSync(`/proc/${infra}/cgroup`, 'utf8')).toContain('/shop-pod.service')
    await until('the word', () => tspod('exec', 'systemd-front', 'cat', '/dev/shm/said').stdout === 'counter\n')
  })

  test('stops the containers with it, and nothing of the pod stays', async () => {
    expect(systemctl('stop', 'shop-pod.service').status).toBe(0)
    await until('all to stop', () => states('shop-pod', 'front', 'back').every(state => state === 'inactive'))
    expect(property('shop-pod.service', 'Result')).toBe('success')
    expect(ok('pod', 'ps', '--quiet')).toBe('')
    expect(ok('ps', '--all', '--quiet')).toBe('')
  })

  test('a container that is started brings its pod, and the pod ends with its last one', async () => {
    startUnit('front.service')
    await until('the pod', () => states('shop-pod', 'back').every(state => state === 'active'))
    for (const name of ['back', 'front']) expect(systemctl('stop', `${name}.service`).status).toBe(0)
    await until('the pod to end', () => states('shop-pod')[0] === 'inactive')
    expect(property('shop-pod.service', 'Result')).toBe('success')
    ok('quadlet', 'rm', '--force', 'shop.pod', 'front.container', 'back.container')
    expect(ok('pod', 'ps', '--quiet')).toBe('')
  })
})

describe('limits of a pod', () => {
  test('hold for its containers together, and not for their monitors', async () => {
    const id = ok(
      'pod',
      'create',
      '--name',
      'small',
      '--network',
      'none',
      '--memory',
      '24m',
      '--memory-swap',
      '24m',
      '--cpus',
      '0.5',
    )
    ok('run', '--detach', '--pod', 'small', '--name', 'idle', 'alpine', 'sleep', '1000')
    const group = dirname(groupOf('idle'))
    expect(group).toEndWith(`/user.slice/user-tspod_pod_${id}.slice`)
    expect(['memory.max', 'memory.swap.max', 'cpu.max'].map(file => read(group, file))).toEqual([
      '25165824',
      '0',
      '50000 100000',
    ])
    const infra = ok('pod', 'inspect', '--format', '{{.InfraContainerID}}', 'small')
    expect(dirname(groupOf(infra))).toBe(group)
    const monitor = ok('inspect', '--format', '{{.State.ConmonPid}}', 'idle')
    expect(readFileSync(`/proc/${monitor}/cgroup`, 'utf8')).toContain('/user.slice/tspod-monitor-')
    const { status } = tspod('run', '--name', 'hog', '--pod', 'small', 'alpine', 'tail', '/dev/zero')
    expect(status).toBe(137)
    expect(ok('inspect', '--format', '{{.State.Status}}', 'idle')).toBe('running')
    expect(JSON.parse(ok('pod', 'inspect', 'small'))).toMatchObject({ memory_limit: 25_165_824, cpu_quota: 50_000 })
    ok('pod', 'stop', '--time', '0', 'small')
    ok('pod', 'start', 'small') // the limits are in force again
    expect(read(dirname(groupOf('idle')), 'memory.max')).toBe('25165824')
    ok('pod', 'rm', '--force', '--time', '0', 'small')
    await untilGone(group)
    expect(existsSync(group)).toBe(false)
  })

  test('are refused where a container would leave the group', () => {
    ok('pod', 'create', '--name', 'small', '--network', 'none', '--memory', '24m')
    const { status, stderr } = tspod('create', '--pod', 'small', '--cgroups=split', 'alpine', 'true')
    expect([status, stderr]).toEqual([125, expect.stringContaining('the limits of pod small hold in its own')])
    ok('pod', 'rm', 'small')
  })
})
