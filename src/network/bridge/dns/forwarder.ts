// Asks name servers on behalf of containers, from the host's network: one socket a question, each with a port of its own, so that an
// answer that nobody asked for finds no taker (RFC 5452). Bytes pass as they are but for the number.
import { parseServerAddress, type ServerAddress, serverSocketAddress } from '#network/server-address.ts'
import { trySyscall } from '#sys/call.ts'
import type { Deadlines } from '#sys/deadlines.ts'
import { Fd } from '#sys/fd.ts'
import { SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM } from '#sys/flags.ts'
import { familyOf } from '#sys/netlink/address.ts'
import { type Poller, READABLE, WRITABLE } from '#sys/poll.ts'
import { ServerHealth } from './server-health.ts'
import { asAnswerTo, messageId, questionBytes, RCODE, responseCode, withId } from './wire.ts'

const SOCK_DGRAM = 2
const DNS_PORT = 53
const IN_PROGRESS = -115
const EAGAIN = -11
const MSG_NOSIGNAL = 0x4000

/** How long one server is waited for, and how often the list of them is gone through: then the container is told. */
const SERVER_MS = 1500
const ROUNDS = 2
/** No server is asked any more after this: C libraries wait for five seconds. */
const ALL_MS = 4000
/** With these a server says that it cannot tell; another one may (as the C library does, resolv.conf(5)). */
const CANNOT_TELL: readonly number[] = [RCODE.serverFailure, RCODE.notImplemented, RCODE.refused]
/** Questions under way at once: of everybody, and of one container, whose neighbours keep their service. */
const MOST = 256
const MOST_OF_ONE = 48

export type Transport = 'udp' | 'tcp'

interface Question {
  query: Buffer
  question: Buffer
  /** Who may be asked yet. */
  servers: string[]
  transport: Transport
  asker: string
  number: number
  attempt: number
  startedMs: number
  /** What a server said that cannot tell. */
  refusal?: Buffer
  done: (answer: Buffer | undefined) => void
  socket?: Fd
}

export class Forwarder {
  readonly #poller: Poller
  readonly #deadlines: Deadlines
  readonly #port: number
  readonly #byAsker = new Map<string, number>()
  #underWay = 0
  #numbers = 0
  readonly #health = new ServerHealth()
  readonly #buffer = Buffer.alloc(65_536)

  /** `port` is other than 53 in tests only. */
  constructor(poller: Poller, deadlines: Deadlines, port = DNS_PORT) {
    this.#poller = poller
    this.#deadlines = deadlines
    this.#port = port
  }

  /** Calls `done` once: with the answer as this query's, or without one where nobody answers in time or too much is asked. */
  ask(
    query: Buffer,
    servers: readonly string[],
    transport: Transport,
    asker: string,
    done: (answer: Buffer | undefined) => void,
  ): void {
    const own = this.#byAsker.get(asker) ?? 0
    if (servers.length === 0 || this.#underWay >= MOST || own >= MOST_OF_ONE) return done(undefined)
    this.#underWay++
    this.#byAsker.set(asker, own + 1)
    this.#try({
      query: Buffer.from(query),
      question: questionBytes(query),
      servers: this.#health.order(servers),
      transport,
      asker,
      number: this.#numbers++,
      attempt: 0,
      startedMs: performance.now(),
      done,
    })
  }

  #try(question: Question): void {
    const { servers, attempt, transport, startedMs } = question
    const server = serverOf(question)
    if (attempt >= servers.length * ROUNDS || performance.now() - startedMs >= ALL_MS)
      return this.#finish(question, question.refusal)
    const address = parseServerAddress(server)
    const socket = address === undefined ? undefined : openTowards(address, this.#port, transport)
    if (socket === undefined) return this.#next(question)
    question.socket = socket
    const id = crypto.getRandomValues(new Uint16Array(1))[0] ?? 0
    this.#deadlines.set(`dns ${question.number}`, SERVER_MS, () => {
      this.#health.unanswered(server)
      this.#next(question)
    })
    if (transport === 'udp') this.#sendDatagram(question, socket, id)
    else this.#sendStream(question, socket, id)
  }

  #sendDatagram(question: Question, socket: Fd, id: number): void {
    const query = withId(question.query, id)
    if (trySyscall('sendto', socket.number, query, query.byteLength, MSG_NOSIGNAL, 0, 0) < 0)
      return this.#next(question)
    this.#poller.watch(socket.number, READABLE, () => {
      const got = trySyscall('recvfrom', socket.number, this.#buffer, this.#buffer.byteLength, 0, 0, 0)
      if (got === EAGAIN) return // what came was damaged
      if (got < 0) return this.#next(question) // nobody listens there
      const answer = this.#buffer.subarray(0, got)
      if (isAnswer(answer, id, question.question)) this.#take(question, Buffer.from(answer))
    })
  }

  #sendStream(question: Question, socket: Fd, id: number): void {
    const message = framed(withId(question.query, id))
    let received = Buffer.alloc(0)
    this.#poller.watch(socket.number, WRITABLE, () => {
      const sent = trySyscall('sendto', socket.number, message, message.byteLength, MSG_NOSIGNAL, 0, 0)
      if (sent !== message.byteLength) return this.#next(question)
      this.#poller.watch(socket.number, READABLE, () => {
        const got = trySyscall('recvfrom', socket.number, this.#buffer, this.#buffer.byteLength, 0, 0, 0)
        if (got === EAGAIN) return
        if (got <= 0) return this.#next(question)
        received = Buffer.concat([received, this.#buffer.subarray(0, got)])
        if (received.byteLength < 2 || received.byteLength < 2 + received.readUInt16BE(0)) return
        const answer = received.subarray(2, 2 + received.readUInt16BE(0))
        if (isAnswer(answer, id, question.question)) this.#take(question, Buffer.from(answer))
        else this.#next(question)
      })
    })
  }

  /** A server has answered; where it only says that it cannot, the others are asked first. */
  #take(question: Question, answer: Buffer): void {
    const server = serverOf(question)
    this.#health.answered(server)
    if (!CANNOT_TELL.includes(responseCode(answer))) return this.#finish(question, answer)
    this.#closeSocket(question)
    question.refusal = answer
    question.servers = question.servers.filter(each => each !== server)
    question.attempt = 0
    this.#try(question)
  }

  #next(question: Question): void {
    this.#closeSocket(question)
    question.attempt++
    this.#try(question)
  }

  #closeSocket(question: Question): void {
    this.#deadlines.clear(`dns ${question.number}`)
    if (question.socket === undefined) return
    this.#poller.unwatch(question.socket.number)
    question.socket.close()
    delete question.socket
  }

  #finish(question: Question, answer: Buffer | undefined): void {
    this.#closeSocket(question)
    this.#underWay--
    const left = (this.#byAsker.get(question.asker) ?? 1) - 1
    if (left > 0) this.#byAsker.set(question.asker, left)
    else this.#byAsker.delete(question.asker)
    question.done(answer === undefined ? undefined : asAnswerTo(question.query, answer))
  }
}

function serverOf({ servers, attempt }: Question): string {
  return servers[attempt % servers.length] ?? ''
}

/** A message with its length in front (RFC 1035, 4.2.2). */
export function framed(message: Buffer): Buffer {
  const bytes = Buffer.alloc(2 + message.byteLength)
  bytes.writeUInt16BE(message.byteLength)
  bytes.set(message, 2)
  return bytes
}

function isAnswer(message: Buffer, id: number, question: Buffer): boolean {
  if (message.byteLength < 12 || messageId(message) !== id || (message.readUInt8(2) & 0x80) === 0) return false
  try {
    return message.readUInt16BE(4) === 1 && questionBytes(message).equals(question)
  } catch {
    return false // it does not even repeat the question
  }
}

/** A socket that only this server's answers reach; `undefined` where there is no way there. */
function openTowards(server: ServerAddress, port: number, transport: Transport): Fd | undefined {
  const type = transport === 'udp' ? SOCK_DGRAM : SOCK_STREAM
  const number = trySyscall('socket', familyOf(server.address), type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
  if (number < 0) return undefined
  const socket = new Fd(number)
  const target = serverSocketAddress(server, port, socket)
  const result = target === undefined ? -1 : trySyscall('connect', number, target, target.byteLength)
  if (result === 0 || result === IN_PROGRESS) return socket
  socket.close()
  return undefined
}
