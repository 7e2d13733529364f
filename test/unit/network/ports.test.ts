import { describe, expect, test } from 'bun:test'
import { hostText, isPortConflict, type PortMapping, portText, unfoldPorts } from '#network/ports/mapping.ts'
import { parseExposed, parsePublish } from '#network/ports/parse.ts'

const tcp = { hostIp: '', range: 1, protocol: 'tcp' as const }

describe('parsePublish()', () => {
  const accepted: [string, ReturnType<typeof parsePublish>][] = [
    ['80', { ...tcp, containerPort: 80 }],
    [':80', { ...tcp, containerPort: 80 }],
    ['0:80', { ...tcp, containerPort: 80 }],
    ['8080:80', { ...tcp, hostPort: 8080, containerPort: 80 }],
    ['8080:80/UDP', { ...tcp, hostPort: 8080, containerPort: 80, protocol: 'udp' }],
    ['127.0.0.1:8080:80', { ...tcp, hostIp: '127.0.0.1', hostPort: 8080, containerPort: 80 }],
    ['127.0.0.1::80/tcp', { ...tcp, hostIp: '127.0.0.1', containerPort: 80 }],
    ['[::1]:8080:80', { ...tcp, hostIp: '::1', hostPort: 8080, containerPort: 80 }],
    ['[FE80::1]::80', { ...tcp, hostIp: 'fe80::1', containerPort: 80 }],
    ['8000-8010:80-90', { ...tcp, hostPort: 8000, containerPort: 80, range: 11 }],
    ['80-90', { ...tcp, containerPort: 80, range: 11 }],
    ['9000:90/sctp', { ...tcp, hostPort: 9000, containerPort: 90, protocol: 'sctp' }],
  ]
  test.each(accepted)('reads %s', (text, wanted) => {
    expect(parsePublish(text)).toEqual(wanted)
  })

  const refused: [string, string][] = [
    ['80:abc', 'parsing --publish "80:abc": container port is "abc", must be 1-65535'],
    ['', 'container port is "", must be 1-65535'],
    ['0', 'container port is "0"'],
    ['65536:80', 'host port is "65536"'],
    ['80-70', 'ends before it begins'],
    ['8000-8001:80', '2 host ports for 1 container ports, must be as many'],
    ['1-2-3:80', 'host port is "1-2-3"'],
    ['8080:80/icmp', 'the protocol is "icmp", must be tcp, udp or sctp'],
    ['::1:8080:80', 'too many colons'],
    ['300.1.1.1:8080:80', 'the host address is "300.1.1.1"'],
    ['localhost:8080:80', 'the host address is "localhost"'],
    ['[::1]:80', 'after the address must come HOST:CONTAINER'],
  ]
  test.each(refused)('refuses "%s"', (text, why) => {
    expect(() => parsePublish(text)).toThrow(why)
  })
})

test('parseExposed() reads ports of images', () => {
  expect(parseExposed('80/tcp')).toEqual({ ...tcp, containerPort: 80 })
  expect(parseExposed('100-102/udp')).toEqual({ ...tcp, containerPort: 100, range: 3, protocol: 'udp' })
  expect(() => parseExposed('8080:80')).toThrow('parsing --expose "8080:80": port is "8080:80", must be 1-65535')
})

describe('PortMapping', () => {
  const at = (hostPort: number, more: Partial<PortMapping> = {}): PortMapping => ({
    ...tcp,
    hostPort,
    containerPort: 80,
    ...more,
  })

  test('unfoldPorts() makes one of each port of a range', () => {
    expect(unfoldPorts([at(8000, { range: 2 }), at(9000)])).toEqual([
      at(8000),
      at(8001, { containerPort: 81 }),
      at(9000),
    ])
  })

  test('isPortConflict() looks at protocol, range and address', () => {
    expect(isPortConflict(at(80), at(80))).toBe(true)
    expect(isPortConflict(at(80), at(80, { protocol: 'udp' }))).toBe(false)
    expect(isPortConflict(at(80, { range: 10 }), at(89))).toBe(true)
    expect(isPortConflict(at(80, { range: 10 }), at(90))).toBe(false)
    expect(isPortConflict(at(80, { hostIp: '127.0.0.1' }), at(80))).toBe(true)
    expect(isPortConflict(at(80, { hostIp: '127.0.0.1' }), at(80, { hostIp: '127.0.0.2' }))).toBe(false)
    expect(isPortConflict(at(80, { hostIp: '127.0.0.1' }), at(80, { hostIp: '0.0.0.0' }))).toBe(true)
    expect(isPortConflict(at(80, { hostIp: '::1' }), at(80, { hostIp: '0.0.0.0' }))).toBe(false)
  })

  test('portText() shows it as podman ps does', () => {
    expect(portText(at(8080))).toBe('0.0.0.0:8080->80/tcp')
    expect(portText(at(9000, { hostIp: '::1', containerPort: 90, range: 3, protocol: 'udp' }))).toBe(
      '[::1]:9000-9002->90-92/udp',
    )
    expect(hostText(at(8080, { hostIp: '127.0.0.1' }))).toBe('127.0.0.1:8080')
  })
})
