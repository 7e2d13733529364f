import { describe, expect, test } from 'bun:test'
import { resolveSeccompProfile, type SeccompProfile } from '#container/seccomp-profile.ts'
import profile from '#containers-conf/seccomp.json'
import { capabilityNames } from '#oci/capability.ts'
import type { SeccompSpec } from '#oci/runtime-spec.ts'
import { seccompOperators } from '#oci/runtime-spec.ts'
import { compileSeccomp } from '#runtime/seccomp/compile.ts'
import type { FilterArch } from '#runtime/seccomp/numbers.ts'
import { planSeccomp } from '#runtime/seccomp/plan.ts'
import { generate, precompiledSpecs } from '../../../../scripts/generate-seccomp.ts'
import { audits, evaluate, numbersOf, returned } from './evaluate.ts'
import { interpret } from './interpreter.ts'

const families: Record<string, FilterArch[]> = { x64: ['x86_64', 'x32', 'x86'], arm64: ['arm64', 'arm'] }
const bitsOf = (arch: FilterArch) => (arch === 'x86_64' || arch === 'arm64' ? 64 : 32)
const interesting = [0n, 1n, 8n, 9n, 16n, 0x20000n, 0x20008n, 0xffffffffn, 0x100000000n, 0x100000008n, 2n ** 64n - 1n]

/** The text a promise fails with. */
async function failureOf(promise: Promise<unknown>): Promise<string> {
  return await promise.then(() => 'no failure', String)
}

function expectEqual(seccomp: SeccompSpec, processor: string, argumentLists: bigint[][]): void {
  const filter = compileSeccomp(seccomp, processor)
  for (const arch of families[processor] ?? []) {
    const bits = bitsOf(arch)
    for (const [name, number] of numbersOf(arch)) {
      for (const list of argumentLists) {
        // the kernel hands 32-bit processes' arguments over zero-extended
        const args = arch === 'x86' || arch === 'arm' ? list.map(value => BigInt.asUintN(32, value)) : list
        const found = interpret(filter, { arch: audits[arch], number, args })
        const wanted = evaluate(seccomp, name, args, bits)
        if (found !== wanted)
          throw new Error(
            `${arch} ${name}(${args.join(', ')}): 0x${found.toString(16)}, wanted 0x${wanted.toString(16)}`,
          )
      }
    }
  }
}

const defaults = ['CAP_CHOWN', 'CAP_SYS_CHROOT']
const resolve = (capabilities: string[], arch = 'x64') =>
  resolveSeccompProfile(profile as SeccompProfile, { arch, capabilities, kernelRelease: '6.1.0' })

describe('the default profile', () => {
  test.each(['x64', 'arm64'])('decides as its rules say for every call of %s', processor => {
    const lists = interesting.flatMap(first => [0n, 9n].map(third => [first, 3n, third]))
    for (const capabilities of [defaults, [], [...capabilityNames]])
      expectEqual(resolve(capabilities, processor), processor, lists)
  })
  test('every capability with a rule opens exactly its calls', () => {
    const open = (capabilities: string[]) => {
      const seccomp = resolve(capabilities)
      return new Set(
        [...numbersOf('x86_64').keys()].filter(name => evaluate(seccomp, name, [0n, 0n, 0n], 64) === 0x7fff0000),
      )
    }
    const closed = open([])
    const opened = (capability: string) => [...open([capability])].filter(name => !closed.has(name)).sort()
    expect(opened('CAP_SYS_CHROOT')).toEqual(['chroot'])
    expect(opened('CAP_SYS_MODULE')).toEqual(['delete_module', 'finit_module', 'init_module', 'query_module'])
    expect(opened('CAP_SYS_ADMIN')).toContain('bpf')
    expect(opened('CAP_CHOWN')).toEqual([])
    for (const name of ['kexec_load', 'userfaultfd', 'move_pages', 'swapon'])
      expect(open([...capabilityNames])).not.toContain(name)
    for (const name of ['read', 'execve', 'clone', 'clone3', 'unshare', 'openat2', 'rseq', 'fchmodat2'])
      expect(closed).toContain(name)
  })
  test('the audit log is answered as by a kernel without it', () => {
    const filter = compileSeccomp(resolve(defaults), 'x64')
    const socket = (...args: bigint[]) => interpret(filter, { arch: audits.x86_64, number: 41, args })
    expect(socket(16n, 3n, 9n)).toBe(returned('SCMP_ACT_ERRNO', 22))
    expect(socket(16n, 3n, 0n)).toBe(returned('SCMP_ACT_ALLOW'))
    expect(socket(2n, 1n, 9n)).toBe(returned('SCMP_ACT_ALLOW'))
  })
  test('what is precompiled is what would be compiled', async () => {
    for (const { processor, spec } of precompiledSpecs())
      expect(Buffer.from((await planSeccomp(spec, processor)).filter)).toEqual(
        Buffer.from(compileSeccomp(spec, processor)),
      )
    expect(await Bun.file(new URL('../../../../src/runtime/seccomp/precompiled.ts', import.meta.url)).text()).toBe(
      generate(),
    )
  })
})

describe('compileSeccomp()', () => {
  test('agrees with the rules for random profiles', () => {
    let state = 42
    const random = (below: number) => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
    const pick = <T>(list: readonly T[]) => list[random(list.length)] as T
    const names = [...numbersOf('x86_64').keys(), ...numbersOf('arm').keys()]
    const values = [0, 1, 2, 16, 0xffffffff, 2 ** 32, 2 ** 32 + 1, 2 ** 40 + 5, 2 ** 64]
    for (let round = 0; round < 40; round++) {
      const syscalls = Array.from({ length: 1 + random(20) }, () => ({
        names: Array.from({ length: 1 + random(8) }, () => pick(names)),
        action: pick(['SCMP_ACT_ERRNO', 'SCMP_ACT_ALLOW', 'SCMP_ACT_TRAP', 'SCMP_ACT_LOG', 'SCMP_ACT_TRACE'] as const),
        errnoRet: 1 + random(100),
        args: Array.from({ length: random(4) }, () => ({
          index: random(6),
          // 2^64-1 as JSON has it: the reference below must see the same
          value: Math.min(pick(values), 2 ** 63),
          valueTwo: Math.min(pick(values), 2 ** 63),
          op: pick(seccompOperators),
        })),
      }))
      const seccomp: SeccompSpec = {
        // with ENOSYS as the default, calls past the last rule are no case of their own
        defaultAction: 'SCMP_ACT_ERRNO',
        defaultErrnoRet: 38,
        architectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32', 'SCMP_ARCH_ARM'],
        syscalls,
      }
      const lists = Array.from({ length: 6 }, () => Array.from({ length: 6 }, () => pick(interesting)))
      for (const processor of ['x64', 'arm64']) expectEqual(seccomp, processor, lists)
    }
  })

  const watching: SeccompSpec = {
    defaultAction: 'SCMP_ACT_ALLOW',
    syscalls: [{ names: ['kill'], action: 'SCMP_ACT_KILL_PROCESS' }],
  }
  const refusing: SeccompSpec = {
    defaultAction: 'SCMP_ACT_ERRNO',
    syscalls: [{ names: ['read', 'mount'], action: 'SCMP_ACT_ALLOW' }],
  }
  const at = (seccomp: SeccompSpec, number: number, arch = audits.x86_64) =>
    interpret(compileSeccomp(seccomp, 'x64'), { arch, number, args: [] })

  test('calls of architectures that are not listed are killed', () => {
    expect(at(watching, 39)).toBe(0x7fff0000)
    expect(at(watching, 62)).toBe(0x80000000)
    expect(at(watching, 20, audits.x86)).toBe(0)
    expect(at(watching, 0x40000000 + 39)).toBe(0)
    expect(at(watching, -1)).toBe(0x7fff0000)
    expect(at({ ...watching, architectures: ['SCMP_ARCH_X86'] }, 20, audits.x86)).toBe(0x7fff0000)
    expect(at({ ...watching, architectures: ['SCMP_ARCH_X32'] }, 0x40000000 + 39)).toBe(0x7fff0000)
    expect(at(watching, 0, audits.arm64)).toBe(0)
  })
  test('a call newer than the rules does not exist, an older one is refused', () => {
    expect(at(refusing, 1)).toBe(returned('SCMP_ACT_ERRNO', 1))
    expect(at(refusing, 164)).toBe(returned('SCMP_ACT_ERRNO', 1))
    expect(at(refusing, 165)).toBe(returned('SCMP_ACT_ALLOW'))
    expect(at(refusing, 166)).toBe(returned('SCMP_ACT_ERRNO', 38))
    expect(at(refusing, 5000)).toBe(returned('SCMP_ACT_ERRNO', 38))
  })
  test('two conditions on one argument are alternatives', () => {
    const either: SeccompSpec = {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [
        {
          names: ['kill'],
          action: 'SCMP_ACT_ERRNO',
          args: [
            { index: 1, value: 9, op: 'SCMP_CMP_EQ' },
            { index: 1, value: 15, op: 'SCMP_CMP_EQ' },
          ],
        },
      ],
    }
    const kill = (signal: bigint) =>
      interpret(compileSeccomp(either, 'x64'), { arch: audits.x86_64, number: 62, args: [1n, signal] })
    expect([kill(9n), kill(15n), kill(1n)]).toEqual([0x50001, 0x50001, 0x7fff0000])
  })
  test('refuses what it cannot do, by name', async () => {
    expect(() => compileSeccomp(watching, 'mips')).toThrow('the processor "mips" is not supported')
    expect(() => compileSeccomp({ ...watching, architectures: ['x86'] }, 'x64')).toThrow('"x86" is no architecture')
    expect(await failureOf(planSeccomp({ ...watching, defaultAction: 'SCMP_ACT_NOTIFY' }, 'x64'))).toContain(
      'listeners',
    )
    expect(await failureOf(planSeccomp({ ...watching, flags: ['FAST'] }, 'x64'))).toContain('unknown flag "FAST"')
    expect((await planSeccomp({ ...watching, flags: ['SECCOMP_FILTER_FLAG_LOG'] }, 'x64')).flags).toBe(2)
    const huge: SeccompSpec = {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: Array.from({ length: 1500 }, (_, value) => ({
        names: ['kill'],
        action: 'SCMP_ACT_ERRNO' as const,
        args: [{ index: 0, value, op: 'SCMP_CMP_EQ' as const }],
      })),
    }
    expect(() => compileSeccomp(huge, 'x64')).toThrow('the profile is too large')
  })
})
