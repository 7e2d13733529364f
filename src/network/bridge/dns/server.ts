// The name server of the user's networks: on every bridge, at its gateways, it knows the containers of the networks that the asker shares,
// and asks the host's name servers for all else. Its sockets are in the user's network namespace, each bound to its bridge.
import { decode, encode, type Packet } from 'dns-packet'
import type { ServiceState } from '#network/bridge/state.ts'
import type { NetworkDefinition } from '#network/definition.ts'
import { formatIp, parseIp } from '#network/ip.ts'
import { syscall, trySyscall } from '#sys/call.ts'
import type { Deadlines } from '#sys/deadlines.ts'
import { Fd } from '#sys/fd.ts'
import { SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM } from '#sys/flags.ts'
import { familyOf } from '#sys/netlink/address.ts'
import { type Poller, READABLE } from '#sys/poll.ts'
import { parseSocketAddress, SOCKET_ADDRESS_BYTES, socketAddress } from '#sys/socket-address.ts'
import { attachFilter, withoutSources } from '#sys/socket-filter.ts'
import { AnswerCache } from './cache.ts'
import { Forwarder, framed, type Transport } from './forwarder.ts'
import { HostResolvers } from './host-resolvers.ts'
import { type Asker, findAsker, findByAddress, findByName, type NameAnswer } from './names.ts'
import { AskQuota } from './quota.ts'
import {
  asAnswerTo,
  emptyAnswer,
  fitAnswer,
  HEADER_BYTES,
  isTruncated,
  messageId,
  questionBytes,
  RCODE,
} from './wire.ts'

const SOCK_DGRAM = 2
const SOL_SOCKET = 1
const SO_REUSEADDR = 2
const SO_BINDTODEVICE = 25
const IP_FREEBIND = 15
const MSG_NOSIGNAL = 0x4000
const DNS_PORT = 53
const BACKLOG = 64

/** Without EDNS, this much fits into a datagram (RFC 1035, 4.2.1); with it, this much is promised by us. */
const PLAIN_BYTES = 512
const EDNS_BYTES = 1232
/** Datagrams read before others get their turn. */
const DATAGRAMS_AT_A_TIME = 64
/** Connections at once: of everybody, and of one container. */
const MOST_CONNECTIONS = 128
const MOST_CONNECTIONS_OF_ONE = 16
const IDLE_MS = 10_000
/** Sources that a filter can hold. */
const MOST_SHUNNED = 64
const AUTHORITATIVE = 0x0400
const RECURSION_AVAILABLE = 0x0080
const RECURSION_DESIRED = 0x0100

/** Opens a socket in the user's network namespace. */
export type OpenSocket = (family: number, type: number) => Fd

type Reply = (answer: Buffer) => void

export class NameServer {
  readonly #poller: Poller
  readonly #deadlines: Deadlines
  readonly #state: ServiceState
  readonly #openSocket: OpenSocket
  readonly #sockets = new Map<string, Fd[]>()
  readonly #cache = new AnswerCache()
  readonly #forwarder: Forwarder
  readonly #resolvers: HostResolvers
  readonly #buffer = Buffer.alloc(65_536)
  readonly #from = Buffer.alloc(SOCKET_ADDRESS_BYTES)
  readonly #fromLength = new Int32Array(1)
  readonly #connections = new Map<string, number>()
  readonly #quota = new AskQuota()
  readonly #shunned = new WeakMap<Fd, Map<string, Buffer>>()
  #connectionCount = 0
  #connectionNumber = 0

  constructor(poller: Poller, deadlines: Deadlines, state: ServiceState, openSocket: OpenSocket) {
    this.#poller = poller
    this.#deadlines = deadlines
    this.#state = state
    this.#openSocket = openSocket
    this.#forwarder = new Forwarder(poller, deadlines)
    this.#resolvers = new HostResolvers(() => this.#cache.clear())
  }

  /** Listens on a network's gateways, unless its names are off. */
  open(network: NetworkDefinition): void {
    if (!network.dns_enabled || this.#sockets.has(network.id)) return
    const sockets: Fd[] = []
    this.#sockets.set(network.id, sockets)
    for (const { gateway } of network.subnets) {
      const address = parseIp(gateway ?? '')
      if (address === undefined) continue
      const datagrams = this.#listen(SOCK_DGRAM, network, address)
      const streams = this.#listen(SOCK_STREAM, network, address)
      sockets.push(datagrams, streams)
      syscall('listen', streams.number, BACKLOG)
      this.#poller.watch(datagrams.number, READABLE, () => this.#readDatagrams(datagrams, network))
      this.#poller.watch(streams.number, READABLE, () => this.#accept(streams, network))
    }
  }

  close({ id }: NetworkDefinition): void {
    for (const socket of this.#sockets.get(id) ?? []) {
      this.#poller.unwatch(socket.number)
      socket.close()
    }
    this.#sockets.delete(id)
  }

  /** Who is asked has changed: what was answered until now may be wrong. */
  forget(): void {
    this.#cache.clear()
  }

  #listen(type: number, { network_interface: device }: NetworkDefinition, address: Buffer): Fd {
    const socket = this.#openSocket(familyOf(address), type | SOCK_NONBLOCK)
    const name = Buffer.from(`${device}\0`)
    syscall('setsockopt', socket.number, SOL_SOCKET, SO_BINDTODEVICE, name, name.byteLength)
    syscall('setsockopt', socket.number, SOL_SOCKET, SO_REUSEADDR, new Int32Array([1]), 4)
    // a bridge has its address before it has ports, and may use it only then
    syscall('setsockopt', socket.number, 0, IP_FREEBIND, new Int32Array([1]), 4)
    const bound = socketAddress(address, DNS_PORT)
    syscall('bind', socket.number, bound, bound.byteLength)
    return socket
  }

  #readDatagrams(socket: Fd, network: NetworkDefinition): void {
    for (let count = 0; count < DATAGRAMS_AT_A_TIME; count++) {
      this.#fromLength[0] = this.#from.byteLength
      const got = trySyscall(
        'recvfrom',
        socket.number,
        this.#buffer,
        this.#buffer.byteLength,
        0,
        this.#from,
        this.#fromLength,
      )
      if (got < 0) return
      const { address } = parseSocketAddress(this.#from)
      const ip = formatIp(address)
      const silenceMs = this.#quota.ask(ip)
      if (silenceMs > 0) {
        this.#shun(socket, address, silenceMs)
        continue
      }
      const query = this.#buffer.subarray(0, got)
      const target = Buffer.from(this.#from.subarray(0, this.#fromLength[0]))
      const reply = (answer: Buffer): void => {
        if (socket.isOpen)
          trySyscall('sendto', socket.number, answer, answer.byteLength, MSG_NOSIGNAL, target, target.byteLength)
      }
      this.#answer(network, ip, query, 'udp', reply)
    }
  }

  /** Has the kernel drop what comes from there: the queue is everybody's. */
  #shun(socket: Fd, address: Buffer, silenceMs: number): void {
    const ip = formatIp(address)
    const shunned = this.#shunned.get(socket) ?? new Map<string, Buffer>()
    this.#shunned.set(socket, shunned)
    if (shunned.has(ip)) return
    const refilter = (): void => {
      if (socket.isOpen) attachFilter(socket.number, withoutSources([...shunned.values()].slice(0, MOST_SHUNNED)))
    }
    shunned.set(ip, address)
    refilter()
    this.#deadlines.set(`dns silence of ${socket.number} ${ip}`, silenceMs, () => {
      shunned.delete(ip)
      refilter()
    })
  }

  #accept(listener: Fd, network: NetworkDefinition): void {
    this.#fromLength[0] = this.#from.byteLength
    const number = trySyscall('accept4', listener.number, this.#from, this.#fromLength, SOCK_CLOEXEC | SOCK_NONBLOCK)
    if (number < 0) return
    const socket = new Fd(number)
    const ip = formatIp(parseSocketAddress(this.#from).address)
    const own = this.#connections.get(ip) ?? 0
    if (this.#connectionCount >= MOST_CONNECTIONS || own >= MOST_CONNECTIONS_OF_ONE) return socket.close()
    this.#connectionCount++
    this.#connections.set(ip, own + 1)
    this.#serve(socket, network, ip)
  }

  /** One connection, for as long as questions come. */
  #serve(socket: Fd, network: NetworkDefinition, ip: string): void {
    const subject = `dns connection ${this.#connectionNumber++}`
    let received = Buffer.alloc(0)
    const end = (): void => {
      if (!socket.isOpen) return
      this.#deadlines.clear(subject)
      this.#poller.unwatch(socket.number)
      socket.close()
      this.#connectionCount--
      const left = (this.#connections.get(ip) ?? 1) - 1
      if (left > 0) this.#connections.set(ip, left)
      else this.#connections.delete(ip)
    }
    const reply = (answer: Buffer): void => {
      if (!socket.isOpen) return
      const message = framed(answer)
      // whoever does not take his answers loses them
      if (trySyscall('sendto', socket.number, message, message.byteLength, MSG_NOSIGNAL, 0, 0) !== message.byteLength)
        end()
    }
    this.#deadlines.set(subject, IDLE_MS, end)
    this.#poller.watch(socket.number, READABLE, () => {
      const got = trySyscall('recvfrom', socket.number, this.#buffer, this.#buffer.byteLength, 0, 0, 0)
      if (got <= 0) return end()
      this.#deadlines.set(subject, IDLE_MS, end)
      received = Buffer.concat([received, this.#buffer.subarray(0, got)])
      while (received.byteLength >= 2 && received.byteLength >= 2 + received.readUInt16BE(0)) {
        const query = received.subarray(2, 2 + received.readUInt16BE(0))
        received = received.subarray(2 + query.byteLength)
        if (this.#quota.ask(ip) > 0) return end()
        this.#answer(network, ip, query, 'tcp', reply)
      }
    })
  }

  #answer(network: NetworkDefinition, ip: string, query: Buffer, transport: Transport, reply: Reply): void {
    if (query.byteLength < HEADER_BYTES || (query.readUInt8(2) & 0x80) !== 0) return // no question
    const packet = readQuery(query)
    if (typeof packet === 'number') return reply(emptyAnswer(query, packet))
    const { question, mostBytes } = packet
    const asker = findAsker(this.#state, network.id, ip)
    const found = question.class === 'IN' ? this.#find(asker, question) : ({ kind: 'foreign' } as const)
    const fit = (answer: Buffer): Buffer => (transport === 'tcp' ? answer : fitAnswer(answer, query, mostBytes))
    switch (found.kind) {
      case 'foreign':
        return this.#forward(asker, network, ip, query, transport, answer => reply(fit(answer)))
      case 'nobody':
        return reply(emptyAnswer(query, RCODE.noSuchName))
      case 'name':
      case 'addresses':
        return reply(fit(ownAnswer(query, packet, found)))
    }
  }

  #find(asker: Asker, { name, type }: QuestionFacts): NameAnswer {
    return type === 'PTR' ? findByAddress(this.#state, asker, name) : findByName(this.#state, asker, name)
  }

  /** Asks others, unless no network of the asker has a way out. */
  #forward(
    asker: Asker,
    network: NetworkDefinition,
    ip: string,
    query: Buffer,
    transport: Transport,
    reply: Reply,
  ): void {
    const networks = this.#state.networks
      .map(({ definition }) => definition)
      .filter(({ id }) => asker.networkIds.includes(id))
    if (networks.length > 0 && networks.every(({ internal }) => internal))
      return reply(emptyAnswer(query, RCODE.noSuchName))
    const servers = this.#serversFor(asker, networks.length > 0 ? networks : [network])
    const key = `${servers.join()} ${transport} ${keyOf(query)}`
    const kept = this.#cache.get(key)
    if (kept !== undefined) return reply(asAnswerTo(query, kept))
    const copy = Buffer.from(query) // the buffer it is in is used again
    this.#forwarder.ask(copy, servers, transport, ip, answer => {
      if (answer !== undefined && !isTruncated(answer)) this.#cache.put(key, answer)
      reply(answer ?? emptyAnswer(copy, RCODE.serverFailure))
    })
  }

  /** --dns of the container, else of its networks, else the host's. */
  #serversFor({ container }: Asker, networks: readonly NetworkDefinition[]): readonly string[] {
    if (container !== undefined && container.dns.length > 0) return container.dns
    const own = networks.flatMap(({ network_dns_servers: servers = [] }) => servers)
    return own.length > 0 ? own : this.#resolvers.list()
  }
}

interface QuestionFacts {
  name: string
  type: string
  class: string
}

interface QueryFacts {
  question: QuestionFacts
  /** What the asker can take in one datagram. */
  mostBytes: number
  hasEdns: boolean
}

/** What a query asks, or the code it is refused with. */
function readQuery(query: Buffer): QueryFacts | number {
  if (((query.readUInt8(2) >> 3) & 0xf) !== 0) return RCODE.notImplemented
  if (query.readUInt16BE(4) !== 1) return RCODE.formatError
  try {
    const { questions = [], additionals = [] } = decode(query)
    const [question] = questions
    if (question === undefined) return RCODE.formatError
    const edns = additionals.find(({ type }) => type === 'OPT')
    const offered = edns !== undefined && 'udpPayloadSize' in edns ? edns.udpPayloadSize : PLAIN_BYTES
    return {
      question: { name: question.name, type: question.type, class: question.class ?? 'IN' },
      mostBytes: Math.max(PLAIN_BYTES, Math.min(offered, EDNS_BYTES)),
      hasEdns: edns !== undefined,
    }
  } catch {
    return RCODE.formatError // of a container, which may send what it likes
  }
}

/** An answer from what we know ourselves. It lives for no time: containers come and go. */
function ownAnswer(
  query: Buffer,
  { question, hasEdns }: QueryFacts,
  found: Extract<NameAnswer, { kind: 'name' | 'addresses' }>,
): Buffer {
  const { name, type } = question
  const asked = query.readUInt16BE(2)
  const answers: NonNullable<Packet['answers']> = []
  if (found.kind === 'name') answers.push({ type: 'PTR', name, ttl: 0, data: found.name })
  else
    for (const address of found.addresses) {
      const isFour = !address.includes(':')
      if (isFour && (type === 'A' || type === 'ANY')) answers.push({ type: 'A', name, ttl: 0, data: address })
      if (!isFour && (type === 'AAAA' || type === 'ANY')) answers.push({ type: 'AAAA', name, ttl: 0, data: address })
    }
  // of a type that we have nothing of
  if (answers.length === 0) return emptyAnswer(query, RCODE.noError)
  return encode({
    type: 'response',
    id: messageId(query),
    flags: AUTHORITATIVE | RECURSION_AVAILABLE | (asked & RECURSION_DESIRED),
    questions: [{ name, type: type as 'A', class: 'IN' }],
    answers,
    ...(hasEdns && {
      additionals: [
        {
          type: 'OPT',
          name: '.',
          udpPayloadSize: EDNS_BYTES,
          flags: 0,
          extendedRcode: 0,
          ednsVersion: 0,
          flag_do: false,
          options: [],
        },
      ],
    }),
  })
}

/** Questions with the same key have the same answer: the question itself, the wish for recursion and checks, and what EDNS asks for. */
function keyOf(query: Buffer): string {
  const question = questionBytes(query)
  const rest = query.subarray(HEADER_BYTES + question.byteLength)
  return `${query.readUInt16BE(2) & 0x0110} ${question.toString('latin1')} ${rest.toString('latin1')}`
}
