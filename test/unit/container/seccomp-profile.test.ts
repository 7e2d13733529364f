import { expect, test } from 'bun:test'
import { parseSeccompProfile, resolveSeccompProfile } from '#container/seccomp-profile.ts'

const rule = (change: object) => ({ names: ['read'], action: 'SCMP_ACT_ALLOW', ...change })
const facts = { arch: 'x64', capabilities: ['CAP_KILL'], kernelRelease: '5.10.0-8-amd64' }
const kept = (...rules: object[]) =>
  resolveSeccompProfile(
    parseSeccompProfile('p', JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: rules })),
    facts,
  )

test.each([
  [{}, true],
  [{ includes: { caps: ['CAP_KILL'] } }, true],
  [{ includes: { caps: ['CAP_KILL', 'CAP_CHOWN'] } }, false],
  [{ includes: { arches: ['arm64', 'amd64'] } }, true],
  [{ includes: { arches: ['arm64'] } }, false],
  [{ includes: { minKernel: '5.10' } }, true],
  [{ includes: { minKernel: '5.11' } }, false],
  [{ includes: { minKernel: '4.20' } }, true],
  [{ includes: { arches: [], caps: null } }, true],
  [{ excludes: { caps: ['CAP_KILL'] } }, false],
  [{ excludes: { caps: ['CAP_CHOWN'] } }, true],
  [{ excludes: { arches: ['amd64'] } }, false],
  [{ excludes: { minKernel: '5.10' } }, false],
  [{ excludes: { minKernel: '6.0' } }, true],
])('a rule with %j: %p', (change, isKept) => {
  expect(kept(rule(change)).syscalls?.length).toBe(isKept ? 1 : 0)
})

test('both spellings of names and errors are understood', () => {
  const { syscalls, architectures } = kept(
    { name: 'read', action: 'SCMP_ACT_ALLOW' },
    rule({ action: 'SCMP_ACT_ERRNO', errno: 'EINVAL' }),
    rule({ action: 'SCMP_ACT_ERRNO', errno: 'EINVAL', errnoRet: 5 }),
  )
  expect(syscalls).toEqual([
    { names: ['read'], action: 'SCMP_ACT_ALLOW' },
    { names: ['read'], action: 'SCMP_ACT_ERRNO', errnoRet: 22 },
    { names: ['read'], action: 'SCMP_ACT_ERRNO', errnoRet: 5 },
  ])
  expect(architectures).toEqual(['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'])
})

test.each([
  ['{', 'reading the seccomp profile "p"'],
  ['{}', 'profile.defaultAction is nothing, must be one of'],
  [
    '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["x"],"action":"ALLOW"}]}',
    'profile.syscalls[0].action is "ALLOW"',
  ],
  [
    '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["x"],"action":"SCMP_ACT_ERRNO","errno":"EODD"}]}',
    'profile.syscalls[0].errno is "EODD"',
  ],
  [
    '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["x"],"action":"SCMP_ACT_LOG","args":[{"index":6,"value":0,"op":"SCMP_CMP_EQ"}]}]}',
    'args[0].index is 6',
  ],
])('a broken profile is refused: %s', (text, why) => {
  expect(() => parseSeccompProfile('p', text)).toThrow(why)
})
