import { describe, expect, test } from 'bun:test'
import { createSocket } from 'node:dgram'
import { createServer, type Server } from 'node:net'
import { findPortHolder } from '#network/ports/holder.ts'
import { foldPorts, type PortMapping, unfoldPorts } from '#network/ports/mapping.ts'
import { chooseHostPorts, firstRefused, nextFreePort, unprivilegedStart } from '#network/ports/probe.ts'
import { decodeInetAddress, encodeInetAddress } from '#sys/inet.ts'

const tcp = (hostPort: number, hostIp = '', range = 1): PortMapping => ({
  hostIp,
  hostPort,
  containerPort: 80,
  range,
  protocol: 'tcp',
})
const every = ['0.0.0.0', '::']

async function listening<T>(address: string, body: (port: number) => T): Promise<T> {
  const server: Server = createServer()
  await new Promise<void>(resolve => server.listen(0, address, resolve))
  const found = server.address()
  try {
    return body(typeof found === 'object' && found !== null ? found.port : 0)
  } finally {
    server.close()
  }
}

describe('a port of this machine', () => {
  test('that somebody listens on is taken, on that address and on every one', async () => {
    await listening('127.0.0.1', port => {
      expect(firstRefused(tcp(port, '127.0.0.1'), every)).toEqual({ port: tcp(port, '127.0.0.1'), state: 'taken' })
      expect(firstRefused(tcp(port), every)?.state).toBe('taken')
      expect(firstRefused(tcp(port, '127.0.0.2'), every)).toBeUndefined()
      expect(firstRefused({ ...tcp(port), protocol: 'udp' }, every)).toBeUndefined()
      expect(firstRefused(tcp(port - 1, '127.0.0.1', 2), every)?.port).toMatchObject({
        hostPort: port,
        containerPort: 81,
      })
      expect(nextFreePort(tcp(port, '127.0.0.1'), port, every)).toBeGreaterThan(port)
    })
  })

  test('has a holder, which is found by number and name', async () => {
    for (const [address, asked] of [
      ['127.0.0.1', '127.0.0.1'],
      ['127.0.0.1', ''],
      ['::1', '::1'],
      ['::', '127.0.0.1'],
    ] as const)
      await listening(address, port => {
        expect(findPortHolder(tcp(port, asked))?.process?.pid).toBe(process.pid)
        expect(findPortHolder(tcp(port, '127.0.0.9'))?.process?.pid).toBe(address === '::' ? process.pid : undefined)
      })
    const socket = createSocket('udp4')
    await new Promise<void>(resolve => socket.bind(0, '127.0.0.1', resolve))
    const mapping: PortMapping = { ...tcp(socket.address().port, '127.0.0.1'), protocol: 'udp' }
    expect(firstRefused(mapping, every)?.state).toBe('taken')
    expect(findPortHolder(mapping)?.process?.pid).toBe(process.pid)
    socket.close()
  })

  test('on an address of another machine is foreign; a low one is denied', () => {
    expect(firstRefused(tcp(8080, '192.0.2.77'), every)?.state).toBe('foreign')
    if (process.getuid?.() === 0 || unprivilegedStart() < 8) return
    expect(firstRefused(tcp(7, '127.0.0.1'), every)?.state).toBe('denied')
  })
})

test('chooseHostPorts() gives each port without one a free one of its own', () => {
  const { hostPort: _, ...open } = tcp(0, '127.0.0.1', 3)
  const ports = chooseHostPorts([open, tcp(8080)])
  expect(ports).toHaveLength(4)
  expect(new Set(ports.map(({ hostPort }) => hostPort)).size).toBe(4)
  expect(ports.map(({ containerPort }) => containerPort)).toEqual([80, 81, 82, 80])
})

test('foldPorts() makes ranges of neighbours, and is undone by unfoldPorts()', () => {
  const ports = [tcp(8000, '', 3), tcp(9000)]
  expect(foldPorts(unfoldPorts(ports))).toEqual(ports)
  expect(foldPorts([tcp(8000), { ...tcp(8001), containerPort: 81 }, { ...tcp(8003), containerPort: 83 }])).toEqual([
    tcp(8000, '', 2),
    { ...tcp(8003), containerPort: 83 },
  ])
})

test('socket addresses are what the kernel wants', () => {
  for (const ip of ['127.0.0.1', '0.0.0.0', '255.1.2.3', '::', '::1', 'fd74:7370:6f64::100', '2001:db8:0:1::5'])
    expect(decodeInetAddress(encodeInetAddress({ ip, port: 8080 }))).toEqual({ ip, port: 8080 })
  expect(decodeInetAddress(encodeInetAddress({ ip: '::ffff:192.0.2.1', port: 1 })).ip).toBe('::ffff:c000:201')
})
