// What top shows of a process.
import { expect, test } from 'bun:test'
import { goDuration } from '#engine/container/go-duration.ts'
import { columnsOf, type TableFacts } from '#engine/container/top-columns.ts'
import type { ProcessFacts } from '#host/process-table.ts'

const facts: TableFacts = {
  depth: 2,
  insidePid: hostPid => (hostPid === 100 ? 1 : 0),
  insideUser: uid => `u${uid}`,
  insideGroup: gid => `g${gid}`,
  hostUser: uid => `h${uid}`,
  hostGroup: gid => `hg${gid}`,
  uptimeSeconds: 1000,
  nowMs: Date.UTC(2026, 0, 2, 3, 4, 5),
}
const process: ProcessFacts = {
  hostPid: 105,
  parent: 100,
  nestedPids: [105, 7],
  nestedGroups: [105, 6],
  comm: 'worker',
  args: ['worker', '--x', 'a b'],
  state: 'S',
  uid: 1,
  realUid: 2,
  gid: 3,
  realGid: 4,
  groups: [3, 5],
  nice: -5,
  terminal: (136 << 8) | 3,
  cpuTicks: 250,
  startTicks: 90_000,
  virtualKib: 2048,
  residentKib: 1024,
  seccompMode: 2,
  capabilities: { CapEff: '0000000000000021', CapPrm: '0', CapBnd: '000001ffffffffff' },
}
const cells = (...descriptors: string[]) => columnsOf(descriptors).map(({ cell }) => cell(process, facts))

test('without descriptors the usual columns are shown', () => {
  expect(columnsOf([]).map(({ title }) => title)).toEqual('USER PID PPID %CPU ELAPSED TTY TIME COMMAND'.split(' '))
  expect(cells()).toEqual(['u1', '7', '1', '2.500', '1m40s', 'pts/3', '2.5s', 'worker --x a b'])
})

test('AIX descriptors mean the same columns; upper case is fine', () => {
  expect(cells('%p', '%P', '%a')).toEqual(cells('pid', 'ppid', 'args'))
  expect(cells('PID')).toEqual(['7'])
  expect(() => columnsOf(['%q'])).toThrow('"%q" is no descriptor')
})

test('capabilities are names, none or full', () => {
  expect(cells('capeff', 'capprm', 'capbnd')).toEqual(['CHOWN,KILL', 'none', 'full'])
})

test('ids inside and on the host', () => {
  expect(cells('user', 'huser', 'ruser', 'group', 'hgroup', 'rgroup', 'groups', 'hgroups', 'hpid', 'pgid')).toEqual([
    'u1',
    'h1',
    'u2',
    'g3',
    'hg3',
    'g4',
    'g3,g5',
    'hg3,hg5',
    '105',
    '6',
  ])
})

test('a process without arguments is shown by its name in brackets', () => {
  const [column] = columnsOf(['args'])
  expect(column?.cell({ ...process, args: [] }, facts)).toBe('[worker]')
})

test('start time, seccomp and terminals', () => {
  expect(cells('stime', 'seccomp')).toEqual(['2026-01-02 03:02:25 +0000 UTC', 'filter'])
  const [tty] = columnsOf(['tty'])
  const at = (terminal: number) => tty?.cell({ ...process, terminal }, facts)
  expect([at(0), at((4 << 8) | 1), at((4 << 8) | 64), at((137 << 8) | 2)]).toEqual(['?', 'tty1', 'ttyS0', 'pts/258'])
})

test('spans of time as Go prints them', () => {
  const spans = [0, 0.00001, 0.26, 1, 59.5, 60, 3600, 3725.25]
  expect(spans.map(goDuration)).toEqual(['0s', '10µs', '260ms', '1s', '59.5s', '1m0s', '1h0m0s', '1h2m5.25s'])
})
