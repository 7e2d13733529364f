import { describe, expect, test } from 'bun:test'
import {
  type DbusMessage,
  decodeMessage,
  encodeMessage,
  firstType,
  HEADER_BYTES,
  messageBytes,
} from '#cgroup/dbus/wire.ts'

const call: DbusMessage = {
  type: 'call',
  serial: 7,
  path: '/org/freedesktop/systemd1',
  interface: 'org.freedesktop.systemd1.Manager',
  member: 'StartTransientUnit',
  destination: 'org.freedesktop.systemd1',
  signature: 'ssa(sv)a(sa(sv))',
  body: [
    'tspod-é.scope',
    'replace',
    [
      ['Delegate', { signature: 'b', value: true }],
      ['MemoryMax', { signature: 't', value: 0xffff_ffff_ffff_ffffn }],
      ['PIDs', { signature: 'au', value: [1, 4_000_000_000] }],
      ['Description', { signature: 's', value: 'x'.repeat(3000) }],
      ['AllowedCPUs', { signature: 'ay', value: [255, 1] }],
    ],
    [],
  ],
}

describe('encodeMessage() and decodeMessage()', () => {
  test('bring back what went in', () => {
    expect(decodeMessage(encodeMessage(call))).toMatchObject({ ...call })
  })

  test('write what the specification says, byte by byte', () => {
    const hello: DbusMessage = { type: 'call', serial: 1, path: '/a', member: 'Hi', body: [] }
    const fields = '01016f00020000002f610000000000000301730002000000486900'
    expect(encodeMessage(hello).toString('hex')).toBe(`6c01000100000000010000001b000000${fields}0000000000`)
  })

  test('the length follows from the first 16 bytes', () => {
    const bytes = encodeMessage(call)
    expect(messageBytes(bytes.subarray(0, HEADER_BYTES))).toBe(bytes.byteLength)
  })

  test('a message that is cut short, or none at all, is refused', () => {
    expect(() => decodeMessage(encodeMessage(call).subarray(0, 60))).toThrow('cut short')
    expect(() => messageBytes(Buffer.from('HTTP/1.1 200 OK\r\n'))).toThrow('does not follow the specification')
  })
})

test('firstType() takes one complete type', () => {
  expect(['a(sv)u', '(s(uu))x', 'aay', 'v'].map(firstType)).toEqual(['a(sv)', '(s(uu))', 'aay', 'v'])
})
