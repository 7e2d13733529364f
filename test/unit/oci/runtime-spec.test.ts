import { expect, test } from 'bun:test'
import { parseRuntimeSpec } from '#oci/runtime-spec-parser.ts'
import { parseSignal, signalName } from '#oci/signal.ts'

const smallest = {
  ociVersion: '1.0.2-dev',
  root: { path: 'rootfs' },
  process: { user: { uid: 0, gid: 0 }, args: ['sh'], cwd: '/' },
}
const parse = (change: object) => parseRuntimeSpec(JSON.stringify({ ...smallest, ...change }))

test('parseRuntimeSpec() takes what the specification allows, unknown properties and null lists too', () => {
  const spec = parse({
    future: { x: 1 },
    mounts: null,
    linux: {
      namespaces: [{ type: 'pid' }, { type: 'network', path: '/proc/1/ns/net' }],
      devices: null,
      uidMappings: [{ containerID: 0, hostID: 1, size: 5 }],
    },
  })
  expect(spec.linux?.namespaces?.length).toBe(2)
  expect(spec.mounts).toBeUndefined()
})

test.each([
  [{ ociVersion: '2.0.0' }, 'ociVersion is "2.0.0", must be a 1.x.y version'],
  [{ root: {} }, 'config.json.root.path is nothing, must be a string'],
  [{ process: { ...smallest.process, args: [] } }, 'config.json.process.args is [], must be a list of at least 1'],
  [{ process: { ...smallest.process, cwd: 'tmp' } }, 'config.json.process.cwd is "tmp", must be an absolute path'],
  [{ process: { ...smallest.process, user: { uid: -1, gid: 0 } } }, 'config.json.process.user.uid is -1'],
  [{ process: { ...smallest.process, args: ['a\0b'] } }, 'without NUL bytes'],
  [{ mounts: [{ destination: '/x' }, { source: '/y' }] }, 'config.json.mounts[1].destination is nothing'],
  [{ mounts: [{ destination: '/x', options: 'ro' }] }, 'config.json.mounts[0].options is "ro", must be a list'],
  [
    { linux: { namespaces: [{ type: 'net' }] } },
    'config.json.linux.namespaces[0].type is "net", must be one of pid, network',
  ],
  [{ linux: { namespaces: [{ type: 'pid' }, { type: 'pid' }] } }, 'names "pid" twice'],
  [
    { linux: { seccomp: { defaultAction: 'SCMP_ACT_MAYBE' } } },
    'config.json.linux.seccomp.defaultAction is "SCMP_ACT_MAYBE"',
  ],
  [{ hooks: { poststop: [{ path: 'x' }] } }, 'config.json.hooks.poststop[0].path is "x", must be an absolute path'],
])('parseRuntimeSpec() names the path of what is wrong: %j', (change, why) => {
  expect(() => parse(change)).toThrow(why)
})

test('parseRuntimeSpec() refuses a text that is no JSON', () => {
  expect(() => parseRuntimeSpec('{')).toThrow('parsing config.json')
})

test('parseSignal() and signalName() agree for all 64', () => {
  for (let number = 1; number <= 64; number++) {
    if (number === 32 || number === 33) expect(signalName(number)).toBe(String(number))
    else expect(parseSignal(signalName(number))).toBe(number)
  }
  expect(parseSignal('term')).toBe(15)
  expect(parseSignal('SIGRTMAX-2')).toBe(62)
  expect(parseSignal('sigcld')).toBe(17)
  for (const text of ['0', '65', 'FOO', 'RTMIN+31', 'RTMAX+1', 'RTMIN-1', '', '-9'])
    expect(() => parseSignal(text)).toThrow(`invalid signal "${text}"`)
})
