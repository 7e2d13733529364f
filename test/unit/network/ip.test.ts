// Addresses and subnets as text, bytes and numbers.
import { describe, expect, test } from 'bun:test'
import {
  formatCard,
  formatIp,
  formatSubnet,
  isInSubnet,
  parseCard,
  parseIp,
  parseSubnet,
  subnetsOverlap,
} from '#network/ip.ts'

const subnet = (text: string) => parseSubnet(text) ?? expect.unreachable(text)

describe('parseIp() and formatIp()', () => {
  test.each([
    ['10.89.0.1', '10.89.0.1'],
    ['::', '::'],
    ['::1', '::1'],
    ['FD00:0:0:0:0:0:0:2', 'fd00::2'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['::ffff:192.0.2.1', '::ffff:c000:201'],
    ['fe80::', 'fe80::'],
  ])('%s is %s', (text, shown) => {
    expect(formatIp(parseIp(text) ?? Buffer.alloc(0))).toBe(shown)
  })
  test.each([
    '',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4.5',
    ':::',
    '1::2::3',
    '12345::',
    '1:2:3:4:5:6:7',
    'g::',
    '1:2:3:4:5:6:7:8:9',
  ])('"%s" is none', text => expect(parseIp(text)).toBeUndefined())
})

test('subnets: bits behind the prefix go, and overlaps are seen', () => {
  expect(formatSubnet(subnet('10.89.1.7/24'))).toBe('10.89.1.0/24')
  expect(formatSubnet(subnet('fd00:1:2:3:4::/64'))).toBe('fd00:1:2:3::/64')
  for (const text of ['10.0.0.0', '10.0.0.0/33', '/24', 'a/8', 'fd00::/129']) expect(parseSubnet(text)).toBeUndefined()
  expect(subnetsOverlap(subnet('10.0.0.0/8'), subnet('10.89.1.0/24'))).toBe(true)
  expect(subnetsOverlap(subnet('10.89.0.0/24'), subnet('10.89.1.0/24'))).toBe(false)
  expect(subnetsOverlap(subnet('0.0.0.0/1'), subnet('::/1'))).toBe(false)
  expect(isInSubnet(subnet('10.89.1.0/24'), parseIp('10.89.1.255') ?? Buffer.alloc(0))).toBe(true)
  expect(isInSubnet(subnet('10.89.1.0/24'), parseIp('10.89.2.0') ?? Buffer.alloc(0))).toBe(false)
})

test('addresses of cards; those of groups are none', () => {
  expect(formatCard(parseCard('02-42-AC-11-00-02') ?? Buffer.alloc(0))).toBe('02:42:ac:11:00:02')
  for (const text of ['01:00:5e:00:00:01', '02:42:ac:11:00', '02:42:ac:11:00:0g', ''])
    expect(parseCard(text)).toBeUndefined()
})
