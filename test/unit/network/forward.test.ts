// Forwarded ports: where clients are led to, and bytes that pass between two connections.
import { afterEach, describe, expect, test } from 'bun:test'
import { targetsFor } from '#network/forward/guest.ts'
import { TcpRelay } from '#network/forward/tcp-relay.ts'
import { formatIp, parseIp } from '#network/ip.ts'
import { syscall, trySyscall } from '#sys/call.ts'
import { Fd, openSocketPair } from '#sys/fd.ts'
import { O_NONBLOCK, SOCK_STREAM } from '#sys/flags.ts'
import { Poller } from '#sys/poll.ts'

const F_SETFL = 4
const SHUT_WR = 1

describe('targetsFor()', () => {
  const to = (client: string, ...addresses: string[]) =>
    targetsFor(parseIp(client) ?? Buffer.alloc(4), addresses).map(formatIp)
  test('leads a client to an address of its own family first', () => {
    expect(to('192.0.2.1', 'fd00::5', '10.0.2.100')).toEqual(['10.0.2.100', 'fd00::5'])
    expect(to('2001:db8::1', '10.0.2.100', 'fd00::5')).toEqual(['fd00::5', '10.0.2.100'])
  })
  test('to the other family where the container has no such address, to its loopback where none is known', () => {
    expect(to('2001:db8::1', '10.0.2.100')).toEqual(['10.0.2.100'])
    expect(to('2001:db8::1')).toEqual(['127.0.0.1', '::1'])
  })
})

describe('TcpRelay', () => {
  const open: Fd[] = []
  afterEach(() => {
    for (const fd of open.splice(0)) fd.close()
  })
  const pair = (): [Fd, Fd] => {
    const [outer, inner] = openSocketPair(SOCK_STREAM)
    for (const fd of [outer, inner]) syscall('fcntl', fd.number, F_SETFL, O_NONBLOCK)
    open.push(outer, inner)
    return [outer, inner]
  }
  const relayed = () => {
    const poller = new Poller()
    const [client, near] = pair()
    const [far, guest] = pair()
    let isOver = false
    const relay = new TcpRelay(poller, Buffer.alloc(4096), [near, far], () => {
      isOver = true
    })
    return { poller, client, guest, relay, isOver: () => isOver }
  }
  const read = (fd: Fd, bytes = 65_536): Buffer | number => {
    const buffer = Buffer.alloc(bytes)
    const got = trySyscall('read', fd.number, buffer, bytes)
    return got < 0 ? got : buffer.subarray(0, got)
  }

  test('passes every byte in order, whoever is slow, and an end as an end', () => {
    const { poller, client, guest, isOver } = relayed()
    const bytes = Buffer.alloc(3_000_000, 'some text that is no multiple of anything. ')
    const received: Buffer[] = []
    let sent = 0
    for (let turn = 0; turn < 20_000 && received.reduce((sum, each) => sum + each.byteLength, 0) < 3_000_000; turn++) {
      if (sent < bytes.byteLength)
        sent += Math.max(0, trySyscall('write', client.number, bytes.subarray(sent), bytes.byteLength - sent))
      poller.wait(0)
      // the reader takes little at a time, and not always
      const got = turn % 3 === 0 ? read(guest, 10_000) : -11
      if (typeof got !== 'number') received.push(got)
    }
    expect(Buffer.concat(received).equals(bytes)).toBe(true)
    syscall('shutdown', client.number, SHUT_WR)
    poller.wait(0)
    expect(read(guest)).toEqual(Buffer.alloc(0))
    syscall('write', guest.number, Buffer.from('answer'), 6)
    poller.wait(0)
    expect(String(read(client))).toBe('answer')
    expect(isOver()).toBe(false)
    guest.close()
    poller.wait(0)
    expect(isOver()).toBe(true)
    expect(read(client)).toEqual(Buffer.alloc(0))
    expect(poller.size).toBe(0)
  })

  test('is not woken again and again by a peer that has hung up while the other takes nothing', () => {
    const { poller, client, guest } = relayed()
    const bytes = Buffer.alloc(1_000_000)
    for (let turn = 0; turn < 200; turn++) {
      trySyscall('write', client.number, bytes, bytes.byteLength)
      poller.wait(0)
    }
    client.close()
    let wakes = 0
    for (let turn = 0; turn < 100; turn++) if (poller.wait(0)) wakes++
    expect(wakes).toBeLessThan(10)
    guest.close()
  })
})
