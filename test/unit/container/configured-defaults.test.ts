import { expect, test } from 'bun:test'
import { runCommand } from '#cli/commands/run.ts'
import { createRequest } from '#cli/create-request.ts'
import { parseCommand } from '#cli/parse.ts'
import { defaults } from '#config/defaults.ts'
import type { ContainersTable } from '#config/tables.ts'
import { withConfiguredDefaults } from '#container/configured-defaults.ts'

function configured(argv: string, table: Partial<ContainersTable>) {
  const line = parseCommand(runCommand, [...argv.split(' ').filter(word => word !== ''), 'alpine'])
  const request = createRequest(line.values as never, line.operands, '/here')
  return withConfiguredDefaults(request, { ...defaults.containers, ...table })
}

test('without files, a request stays as it is', () => {
  const line = parseCommand(runCommand, ['--rm', 'alpine', 'ls'])
  const request = createRequest(line.values as never, line.operands, '/here')
  expect(withConfiguredDefaults(request, defaults.containers)).toEqual({ ...request, unsaid: [] })
})

test('the configuration decides what no option says', () => {
  const found = configured('', {
    init: true,
    initPath: '/sbin/init',
    httpProxy: false,
    envHost: true,
    readOnly: true,
    noHosts: true,
    privileged: true,
    pidns: 'host',
    ipcns: 'host',
    utsns: 'host',
    cgroupns: 'host',
    userns: 'keep-id',
    tz: 'local',
    oomScoreAdj: 100,
    annotations: ['a=b'],
    label: false,
    logSizeMaxBytes: 1000,
  })
  expect(found).toMatchObject({
    init: true,
    initPath: '/sbin/init',
    httpProxy: false,
    envHost: true,
    readOnly: true,
    noHosts: true,
    privileged: true,
    pid: { kind: 'host' },
    ipc: { kind: 'host' },
    uts: { kind: 'host' },
    cgroupns: { kind: 'host' },
    userns: { kind: 'keep-id' },
    timezone: 'local',
    oomScoreAdj: 100,
    annotations: { a: 'b' },
    securityOpts: ['label=disable'],
    logOpts: { 'max-size': '1000' },
  })
})

test('an option wins over the configuration, also where it says what is the default', () => {
  const found = configured(
    '--init=false --http-proxy --read-only=false --pid private --userns nomap --tz Europe/Paris --annotation a=c --log-opt max-size=5',
    {
      init: true,
      initPath: '/sbin/init',
      httpProxy: false,
      readOnly: true,
      pidns: 'host',
      userns: 'host',
      tz: 'local',
      annotations: ['a=b'],
      logSizeMaxBytes: 9,
    },
  )
  expect(found).toMatchObject({
    init: false,
    httpProxy: true,
    readOnly: false,
    pid: { kind: 'private' },
    userns: { kind: 'nomap' },
    timezone: 'Europe/Paris',
    annotations: { a: 'c' },
    logOpts: { 'max-size': '5' },
  })
  expect(found.initPath).toBeUndefined()
})

test('configured mounts are added, but for places that are taken', () => {
  const { mounts } = configured('-v /mine:/data', {
    volumes: ['/host:/data', '/host:/other:ro'],
    mounts: ['type=tmpfs,destination=/scratch'],
  })
  expect(mounts.map(mount => [mount.type, mount.destination])).toEqual([
    ['bind', '/other'],
    ['tmpfs', '/scratch'],
    ['bind', '/data'],
  ])
})

test('a log without a file gets no size', () => {
  expect(configured('--log-driver none', { logSizeMaxBytes: 9 }).logOpts).toEqual({})
})
