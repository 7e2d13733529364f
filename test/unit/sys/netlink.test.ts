// Messages of rtnetlink: bytes as iproute2 sends them, and what the kernel answers.
import { expect, test } from 'bun:test'
import { addAddress } from '#sys/netlink/address.ts'
import { addBridge, addVeth, parseLink } from '#sys/netlink/link.ts'
import { decodeAttributes, decodeMessages, encodeRequest, errorNumber, NLMSG_ERROR } from '#sys/netlink/message.ts'
import { addRule, parseRoute, setRoute } from '#sys/netlink/route.ts'

const card = Buffer.from('0a580a590001', 'hex')

test('encodeRequest() writes header, body and padded attributes', () => {
  const bytes = encodeRequest(
    { type: 16, flags: 0x600, body: Buffer.alloc(16), attributes: [{ type: 3, value: 'br0' }], doing: '' },
    7,
  )
  expect(bytes.byteLength).toBe(16 + 16 + 8)
  expect(bytes.readUInt32LE(0)).toBe(40)
  expect(bytes.readUInt16LE(6)).toBe(0x605) // request, acknowledge, create, exclusive
  expect(bytes.readUInt32LE(8)).toBe(7)
  expect(bytes.subarray(32).toString('hex')).toBe('080003006272300000'.slice(0, 16))
})

test('a bridge has its kind nested, and comes up at once', () => {
  const { body, attributes = [] } = addBridge({ name: 'podman1', index: 1000, mtu: 1500, address: card })
  expect([Buffer.from(body).readInt32LE(4), Buffer.from(body).readUInt32LE(8)]).toEqual([1000, 1])
  const bytes = encodeRequest({ type: 16, body, attributes, doing: '' }, 1).subarray(32)
  const linkInfo = [...decodeAttributes(bytes)].find(([type]) => type === 18)?.[1] ?? Buffer.alloc(0)
  expect(decodeAttributes(linkInfo).get(1)?.toString()).toBe('bridge\0')
})

test('the end of a pair in another namespace is down: it cannot be up before it has its peer', () => {
  const peer = { name: 'eth0', index: 100, address: card, namespace: 9 }
  const { attributes = [] } = addVeth({ name: 'v0', index: 1001, bridge: 1000, mtu: 1500, peer })
  const bytes = encodeRequest({ type: 16, body: Buffer.alloc(16), attributes, doing: '' }, 1).subarray(32)
  const data = decodeAttributes(decodeAttributes(bytes).get(18) ?? Buffer.alloc(0)).get(2) ?? Buffer.alloc(0)
  const inner = decodeAttributes(data).get(1) ?? Buffer.alloc(0)
  expect([inner.readInt32LE(4), inner.readUInt32LE(8)]).toEqual([100, 0])
  expect(decodeAttributes(inner.subarray(16)).get(28)?.readUInt32LE(0)).toBe(9)
})

test('IPv4 addresses have their broadcast address, IPv6 ones wait for nobody', () => {
  const four = addAddress(5, Uint8Array.of(10, 89, 1, 7), 24)
  expect(four.attributes?.find(({ type }) => type === 4)?.value).toEqual(Buffer.from([10, 89, 1, 255]))
  expect(four.doing).toBe('adding the address 10.89.1.7/24')
  const six = addAddress(5, new Uint8Array(16), 64)
  expect(Buffer.from(six.body).readUInt8(2)).toBe(2)
  expect(six.attributes?.some(({ type }) => type === 4)).toBe(false)
})

test('a route without an interface refuses, a rule without a table too', () => {
  const route = setRoute({
    family: 2,
    destination: { address: Uint8Array.of(10, 0, 0, 0), prefixLength: 8 },
    table: 100,
  })
  expect(Buffer.from(route.body).readUInt8(7)).toBe(8)
  const rule = addRule({ family: 2, priority: 200, incoming: 'br0' })
  expect(Buffer.from(rule.body).readUInt8(7)).toBe(8)
  expect(rule.tolerate).toEqual(['EEXIST'])
})

test('answers are taken apart, and a truncated one ends the list', () => {
  const error = Buffer.alloc(36)
  error.writeUInt32LE(36, 0)
  error.writeUInt16LE(NLMSG_ERROR, 4)
  error.writeUInt32LE(3, 8)
  error.writeInt32LE(-17, 16)
  const messages = decodeMessages(Buffer.concat([error, error.subarray(0, 20)]))
  expect(messages.map(message => [message.sequence, errorNumber(message)])).toEqual([[3, 17]])
})

test('parseLink() and parseRoute() read what the kernel tells', () => {
  const link = encodeRequest(addBridge({ name: 'podman1', index: 7, mtu: 1500, address: card }), 1).subarray(16)
  expect(parseLink(link)).toEqual({ index: 7, name: 'podman1', address: card, mtu: 1500, isUp: true })
  const destination = { address: Buffer.from([10, 89, 0, 0]), prefixLength: 16 }
  const route = encodeRequest(setRoute({ family: 2, destination, interface: 3 }), 1).subarray(16)
  expect(parseRoute(route)).toMatchObject({
    destination: destination.address,
    prefixLength: 16,
    interface: 3,
    table: 254,
  })
})
