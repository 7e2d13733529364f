// A connection to a D-Bus peer: the user's bus, or the user manager's own socket, which speaks the same without a bus between
// (docs/decisions/systemd.md). Calls are sent without waiting, many in one packet, and each answer is waited for where it is needed.
// Blocking with a deadline, over a raw socket: nothing is loaded for it. Runs in the host's namespaces.
import { dirname } from 'node:path'
import { SystemCallError, TspodError } from '#errors.ts'
import { hostUser } from '#host/user.ts'
import { trySyscall } from '#sys/call.ts'
import type { Fd } from '#sys/fd.ts'
import { readFd, writeFully } from '#sys/fd.ts'
import { connectUnix } from '#sys/socket.ts'
import { type DbusMessage, type DbusValue, decodeMessage, encodeMessage, HEADER_BYTES, messageBytes } from './wire.ts'

/** A method to call on a named service; on a peer without a bus the service is nobody but the peer. */
export interface MethodCall {
  path: string
  interface: string
  member: string
  signature?: string
  body?: readonly DbusValue[]
}

/** The peer answered with an error: `name` is D-Bus's own, the text the peer's. */
export class DbusError extends TspodError {
  override readonly name = 'DbusError'
  readonly errorName: string

  constructor(errorName: string, message: string) {
    super(errorName.endsWith('AccessDenied') ? 'DENIED' : 'INTERNAL', message)
    this.errorName = errorName
  }
}

/** A socket, and whether a bus stands between us and the service. */
export interface Endpoint {
  path: string
  isBus: boolean
}

const POLLIN = 1

export class DbusConnection implements Disposable {
  readonly #socket: Fd
  readonly #endpoint: Endpoint
  readonly #service: string
  readonly #replies = new Map<number, DbusMessage>()
  readonly #signals: DbusMessage[] = []
  #outbox: Buffer[]
  #inbox: Buffer = Buffer.alloc(0)
  #isGreeted = false
  #serial = 0

  /** Connects; nothing is sent before the first `flush`. `service` is the name calls go to. Throws where nobody listens. */
  constructor(endpoint: Endpoint, service: string) {
    this.#endpoint = endpoint
    this.#service = service
    this.#socket = connectUnix(dirname(endpoint.path), endpoint.path.slice(dirname(endpoint.path).length + 1))
    const uid = Buffer.from(String(hostUser().uid)).toString('hex')
    this.#outbox = [Buffer.from(`\0AUTH EXTERNAL ${uid}\r\nBEGIN\r\n`)]
    if (endpoint.isBus)
      this.#post('org.freedesktop.DBus', {
        path: '/org/freedesktop/DBus',
        interface: 'org.freedesktop.DBus',
        member: 'Hello',
      })
  }

  /** Asks the bus for a signal of the service; a peer without a bus sends all of them anyway. */
  subscribe(member: string): void {
    if (!this.#endpoint.isBus) return
    const rule = `type='signal',sender='${this.#service}',member='${member}'`
    this.#post('org.freedesktop.DBus', {
      path: '/org/freedesktop/DBus',
      interface: 'org.freedesktop.DBus',
      member: 'AddMatch',
      signature: 's',
      body: [rule],
    })
  }

  /** Queues a call; the serial by which `reply` finds its answer. */
  post(call: MethodCall): number {
    return this.#post(this.#service, call)
  }

  /** Sends what is queued. */
  flush(): void {
    const bytes = Buffer.concat(this.#outbox)
    this.#outbox = []
    writeFully(this.#socket.number, bytes)
  }

  /** The answer to a call. Throws DbusError for an error, INTERNAL when none has come at the deadline (`performance.now`). */
  reply(serial: number, deadline: number): readonly DbusValue[] {
    for (;;) {
      const message = this.#replies.get(serial)
      if (message === undefined) {
        this.#receive(deadline)
        continue
      }
      this.#replies.delete(serial)
      if (message.type === 'error')
        throw new DbusError(
          message.errorName ?? '',
          textOf(message.body[0]) ?? message.errorName ?? 'an error without a text',
        )
      return message.body
    }
  }

  /** The next signal that `fits`; others are dropped. Throws INTERNAL when none has come at the deadline. */
  signal(fits: (signal: DbusMessage) => boolean, deadline: number): DbusMessage {
    for (;;) {
      const signal = this.#signals.shift()
      if (signal === undefined) this.#receive(deadline)
      else if (fits(signal)) return signal
    }
  }

  /** A call and its answer. */
  call(call: MethodCall, timeoutMs: number): readonly DbusValue[] {
    const serial = this.post(call)
    this.flush()
    return this.reply(serial, performance.now() + timeoutMs)
  }

  close(): void {
    this.#socket.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #post(destination: string, call: MethodCall): number {
    const serial = ++this.#serial
    const message: DbusMessage = {
      type: 'call',
      serial,
      ...call,
      ...(this.#endpoint.isBus && { destination }),
      body: call.body ?? [],
    }
    this.#outbox.push(encodeMessage(message))
    return serial
  }

  /** Waits for bytes, and sorts the messages that are complete. */
  #receive(deadline: number): void {
    this.#awaitBytes(deadline)
    const chunk = Buffer.alloc(65536)
    const got = readFd(this.#socket.number, chunk)
    if (got === 0) throw this.#lost('closed the connection')
    this.#inbox = Buffer.concat([this.#inbox, chunk.subarray(0, got)])
    if (!this.#isGreeted && !this.#takeGreeting()) return
    while (this.#inbox.byteLength >= HEADER_BYTES) {
      const length = messageBytes(this.#inbox)
      if (this.#inbox.byteLength < length) return
      this.#sort(decodeMessage(this.#inbox.subarray(0, length)))
      this.#inbox = this.#inbox.subarray(length)
    }
  }

  /** `OK <guid>`, the answer to AUTH. False until it is whole. */
  #takeGreeting(): boolean {
    const end = this.#inbox.indexOf('\r\n')
    if (end < 0) return false
    const line = this.#inbox.toString('latin1', 0, end)
    if (!line.startsWith('OK ')) throw this.#lost(`refused us: "${line.slice(0, 80)}"`)
    this.#inbox = this.#inbox.subarray(end + 2)
    this.#isGreeted = true
    return true
  }

  #sort(message: DbusMessage): void {
    if (message.type === 'signal') this.#signals.push(message)
    else if (message.replySerial !== undefined) this.#replies.set(message.replySerial, message)
  }

  #awaitBytes(deadline: number): void {
    const leftMs = deadline - performance.now()
    if (leftMs > 0) {
      const time = new BigInt64Array([BigInt(Math.floor(leftMs / 1000)), BigInt(Math.floor((leftMs % 1000) * 1e6))])
      if (trySyscall('ppoll', new Int32Array([this.#socket.number, POLLIN]), 1, time, 0, 8) > 0) return
    }
    throw this.#lost('did not answer in time')
  }

  #lost(what: string): TspodError {
    return new TspodError('INTERNAL', `"${this.#endpoint.path}" ${what}`)
  }
}

function textOf(value: DbusValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** True for a failure to reach the socket at all. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof SystemCallError && ['ENOENT', 'ECONNREFUSED', 'EACCES', 'ENOTDIR'].includes(error.errno)
}
