import { expect, test } from 'bun:test'
import { delegationCalls } from '#runtime/delegate-cgroup.ts'

const folder = '/sys/fs/cgroup/x'
const cgroup = (...options: string[]) => ({ destination: '/sys/fs/cgroup', type: 'cgroup', options })
const mapping = [
  { containerID: 0, hostID: 100_000, size: 1000 },
  { containerID: 1000, hostID: 0, size: 1 },
]

test('delegationCalls() gives a root with ids of its own the group and its three files, not their ownership', () => {
  const calls = delegationCalls({ mounts: [cgroup('rw')], linux: { gidMappings: mapping } }, folder)
  const owners = calls.filter(({ name }) => name === 'fchownat').map(({ args: [, path, uid, gid] }) => [path, uid, gid])
  expect(owners).toEqual(
    ['', '/cgroup.procs', '/cgroup.threads', '/cgroup.subtree_control'].map(file => [`${folder}${file}`, -1, 100_000]),
  )
  expect(calls.filter(({ name }) => name === 'fchmodat').map(({ args }) => args[2])).toEqual([
    0o775, 0o664, 0o664, 0o664,
  ])
})

test('delegationCalls() does nothing where the tree is read-only, and where root is the caller', () => {
  expect(delegationCalls({ mounts: [cgroup('ro')], linux: { gidMappings: mapping } }, folder)).toEqual([])
  expect(delegationCalls({ mounts: [cgroup('rw')], linux: {} }, folder)).toEqual([])
  expect(delegationCalls({ mounts: [], linux: { gidMappings: mapping } }, folder)).toEqual([])
})
