// What is measured of a network, from a place in it: all by sockets of this process and of the place's servant, nothing else takes part.
import { decode, encode } from 'dns-packet'
import { TspodError } from '#errors.ts'
import { lookInside } from '#network/look-inside.ts'
import { parseServerAddress, serverSocketAddress } from '#network/server-address.ts'
import { syscall, trySyscall } from '#sys/call.ts'
import { Fd } from '#sys/fd.ts'
import {
  AF_INET,
  SO_RCVTIMEO,
  SO_REUSEADDR,
  SO_SNDTIMEO,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
} from '#sys/flags.ts'
import { bindInet, encodeInetAddress, type InetAddress, localAddress } from '#sys/inet.ts'
import { familyOf } from '#sys/netlink/address.ts'
import { call } from '#sys/servant/batch.ts'
import { type CheckPlace, PIECE_BYTES, patienceCalls, STILL_SECONDS } from './place.ts'

/** Milliseconds; the middle one of several. */
const CONNECTS = 21
const ROUND_TRIPS = 201
const QUESTIONS = 5
const ANSWER_SECONDS = 2n
const DEADLINE_MS = 10_000
/** A batch of a transfer should take about this long. */
const BATCH_MS = 50
const MOST_PIECES = 128
const IPPROTO_TCP = 6
const TCP_NODELAY = 1
const SIOCGIFMTU = 0x8921
const DNS_PORT = 53
const MSG_NOSIGNAL = 0x4000
const MSG_DONTWAIT = 0x40
const POLLOUT = 4

const everyAddress = '0.0.0.0'

/** A connection to this machine by an address that the place can reach it by. */
export function measureConnect(place: CheckPlace, host: string): number {
  using listener = listen(host)
  const target = encodeInetAddress(localAddress(listener))
  return middle(CONNECTS, () => {
    using socket = patient(place.openSocket(AF_INET, SOCK_STREAM))
    const started = performance.now()
    syscall('connect', socket.number, target, target.byteLength)
    const took = performance.now() - started
    accept(listener).close()
    return took
  })
}

/** What a question to the place's name server takes, and what it says (`NOERROR`, `NXDOMAIN`, …); `undefined` where none answers. */
export function measureNames(
  place: CheckPlace,
  servers: readonly string[],
  name: string,
): { ms: number; answer: string; server: string } | undefined {
  for (const server of servers) {
    const address = parseServerAddress(server)
    if (address === undefined) continue
    const times: number[] = []
    let answer: string | undefined
    for (let count = 0; count < QUESTIONS; count++) {
      using socket = patient(place.openSocket(familyOf(address.address), SOCK_DGRAM), ANSWER_SECONDS)
      const target = serverSocketAddress(address, DNS_PORT, socket)
      const started = performance.now()
      answer = target && ask(socket, target, name, count + 1)
      if (answer === undefined) break
      times.push(performance.now() - started)
    }
    if (answer !== undefined) return { ms: middleOf(times), answer, server }
  }
  return undefined
}

/** One byte to the container through a published port, and one back. */
export function measureRoundTrip(place: CheckPlace, guestPort: number, published: InetAddress): number {
  using listener = place.openSocket(AF_INET, SOCK_STREAM)
  syscall('setsockopt', listener.number, SOL_SOCKET, SO_REUSEADDR, new Int32Array([1]), 4)
  const at = encodeInetAddress({ ip: everyAddress, port: guestPort })
  syscall('bind', listener.number, at, at.byteLength)
  syscall('listen', listener.number, 8)
  using client = connectTo(published)
  using server = accept(patient(listener))
  for (const socket of [client, server])
    syscall('setsockopt', socket.number, IPPROTO_TCP, TCP_NODELAY, new Int32Array([1]), 4)
  return middle(ROUND_TRIPS, () => {
    const started = performance.now()
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      syscall('write', from.number, new Uint8Array(1), 1)
      if (syscall('read', to.number, new Uint8Array(1), 1) !== 1) throw ended()
    }
    return performance.now() - started
  })
}

/** Gbit/s from the place to this machine. */
export function measureOut(place: CheckPlace, host: string, forMs: number): number {
  using listener = listen(host)
  const target = encodeInetAddress(localAddress(listener))
  const [fd = -1] = place.do([call('socket', AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)], DEADLINE_MS)
  try {
    place.do([...patienceCalls(fd), call('connect', fd, { memory: target }, target.byteLength)], DEADLINE_MS)
    using socket = accept(listener)
    const buffer = Buffer.alloc(PIECE_BYTES)
    return transfer(forMs, pieces => {
      place.begin('send', fd, pieces)
      for (let left = pieces * PIECE_BYTES; left > 0; ) {
        const got = syscall('recvfrom', socket.number, buffer, Math.min(left, buffer.byteLength), 0, 0, 0)
        if (got === 0) throw ended()
        left -= got
      }
      return place.finish(DEADLINE_MS)
    })
  } finally {
    place.do([call('close', fd)], DEADLINE_MS)
  }
}

/** Gbit/s from this machine to the place, through a published port. */
export function measureIn(place: CheckPlace, guestPort: number, published: InetAddress, forMs: number): number {
  const at = encodeInetAddress({ ip: everyAddress, port: guestPort })
  const [listener = -1] = place.do([call('socket', AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)], DEADLINE_MS)
  place.do(
    [
      call('setsockopt', listener, SOL_SOCKET, SO_REUSEADDR, { memory: new Int32Array([1]) }, 4),
      ...patienceCalls(listener),
      call('bind', listener, { memory: at }, at.byteLength),
      call('listen', listener, 8),
    ],
    DEADLINE_MS,
  )
  using client = connectTo(published)
  const [fd = -1] = place.do([call('accept4', listener, 0, 0, SOCK_CLOEXEC)], DEADLINE_MS)
  try {
    place.do(patienceCalls(fd), DEADLINE_MS)
    const bytes = Buffer.alloc(PIECE_BYTES)
    return transfer(forMs, pieces => {
      place.begin('take', fd, pieces)
      // more than it takes: a helper may hold on to the last bytes until others come
      const until = performance.now() + DEADLINE_MS
      while (!place.isDone && performance.now() < until)
        if (trySyscall('sendto', client.number, bytes, PIECE_BYTES, MSG_NOSIGNAL | MSG_DONTWAIT, 0, 0) < 0)
          trySyscall('ppoll', new Int32Array([client.number, POLLOUT]), 1, new BigInt64Array([0n, 1_000_000n]), 0, 8)
      return place.finish(DEADLINE_MS)
    })
  } finally {
    place.do([call('close', fd), call('close', listener)], DEADLINE_MS)
  }
}

/** That of the interface with the default route. */
export function readMtu(place: CheckPlace): number | undefined {
  const { interfaceName } = lookInside(place.identity.pid) ?? {}
  if (interfaceName === undefined) return undefined
  using socket = place.openSocket(AF_INET, SOCK_DGRAM)
  const request = Buffer.alloc(40)
  request.write(interfaceName, 0, 15)
  return trySyscall('ioctl', socket.number, SIOCGIFMTU, request) < 0 ? undefined : request.readInt32LE(16)
}

/** `move` moves so many pieces and says how many bytes that were; each time about as many as take BATCH_MS. */
function transfer(forMs: number, move: (pieces: number) => number): number {
  let pieces = 1
  move(pieces) // the first packets open the windows
  const started = performance.now()
  let bytes = 0
  for (let now = started; now - started < forMs; ) {
    bytes += move(pieces)
    const after = performance.now()
    pieces = Math.max(1, Math.min(MOST_PIECES, Math.round((pieces * BATCH_MS) / Math.max(1, after - now))))
    now = after
  }
  return (bytes * 8) / (performance.now() - started) / 1e6
}

function ask(socket: Fd, server: Buffer, name: string, id: number): string | undefined {
  const query = encode({ type: 'query', id, flags: 0x100, questions: [{ type: 'A', name }] })
  if (trySyscall('connect', socket.number, server, server.byteLength) < 0) return undefined
  if (trySyscall('sendto', socket.number, query, query.byteLength, MSG_NOSIGNAL, 0, 0) < 0) return undefined
  const answer = Buffer.alloc(4096)
  const got = trySyscall('recvfrom', socket.number, answer, answer.byteLength, 0, 0, 0)
  if (got < 12) return undefined
  const packet = decode(answer.subarray(0, got)) as { id?: number; rcode?: string }
  return packet.id === id ? packet.rcode : undefined
}

function listen(ip: string): Fd {
  const bound = bindInet('tcp', { ip, port: 0 })
  if (typeof bound === 'string') throw new TspodError('INTERNAL', `listening on ${ip}: ${bound}`)
  syscall('listen', bound.number, 8)
  return patient(bound)
}

function accept(listener: Fd): Fd {
  const number = trySyscall('accept4', listener.number, 0, 0, SOCK_CLOEXEC)
  if (number < 0) throw new TspodError('INTERNAL', `nobody came through within ${STILL_SECONDS} s`)
  return patient(new Fd(number))
}

function connectTo(address: InetAddress): Fd {
  const socket = patient(new Fd(syscall('socket', AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)))
  const bytes = encodeInetAddress(address)
  syscall('connect', socket.number, bytes, bytes.byteLength)
  return socket
}

function patient(socket: Fd, seconds = STILL_SECONDS): Fd {
  for (const option of [SO_RCVTIMEO, SO_SNDTIMEO])
    syscall('setsockopt', socket.number, SOL_SOCKET, option, new BigInt64Array([seconds, 0n]), 16)
  return socket
}

const ended = (): TspodError => new TspodError('INTERNAL', 'the connection ended while it was measured')

function middle(count: number, measure: () => number): number {
  return middleOf(Array.from({ length: count }, measure))
}

function middleOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
