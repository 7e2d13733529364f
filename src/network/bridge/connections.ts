// Commands that talk to the network service: one connection each, one JSON text a line in either direction. Runs in the service.
import { TspodError } from '#errors.ts'
import { trySyscall } from '#sys/call.ts'
import type { Fd } from '#sys/fd.ts'
import { type Poller, READABLE } from '#sys/poll.ts'
import { acceptUnix } from '#sys/socket.ts'
import type { ServiceAnswer, ServiceRequest } from './protocol.ts'

const MSG_NOSIGNAL = 0x4000
const EAGAIN = -11
/** More than any request has. */
const MOST_BYTES = 1 << 20

/** Answers a request, now or later, once. What it throws is the answer too. `reserved` is of this connection alone. */
export type Serve = (request: ServiceRequest, answer: (value: ServiceAnswer) => void, session: Session) => void

/** What a connection has begun. */
export interface Session {
  /** The container whose start this connection is about, until it is attached. */
  reserved?: string
}

export class Connections {
  readonly #poller: Poller
  readonly #serve: Serve
  readonly #onEnd: (session: Session) => void
  #open = 0

  constructor(poller: Poller, serve: Serve, onEnd: (session: Session) => void) {
    this.#poller = poller
    this.#serve = serve
    this.#onEnd = onEnd
  }

  get size(): number {
    return this.#open
  }

  /** Takes everybody who waits at a listening socket. */
  accept(listener: number): void {
    for (;;) {
      const socket = acceptUnix(listener)
      if (socket === undefined) return
      this.#open++
      this.#listen(socket)
    }
  }

  #listen(socket: Fd): void {
    const session: Session = {}
    const buffer = Buffer.alloc(65_536)
    let text = Buffer.alloc(0)
    const end = (): void => {
      if (!socket.isOpen) return
      this.#poller.unwatch(socket.number)
      socket.close()
      this.#open--
      this.#onEnd(session)
    }
    const answer = (value: ServiceAnswer): void => {
      if (!socket.isOpen) return
      const bytes = Buffer.from(`${JSON.stringify(value)}\n`)
      if (trySyscall('sendto', socket.number, bytes, bytes.byteLength, MSG_NOSIGNAL, 0, 0) !== bytes.byteLength) end()
    }
    this.#poller.watch(socket.number, READABLE, () => {
      const got = trySyscall('read', socket.number, buffer, buffer.byteLength)
      if (got === EAGAIN) return
      if (got <= 0 || text.byteLength > MOST_BYTES) return end()
      text = Buffer.concat([text, buffer.subarray(0, got)])
      for (let newline = text.indexOf(10); newline >= 0; newline = text.indexOf(10)) {
        const line = text.toString('utf8', 0, newline)
        text = text.subarray(newline + 1)
        try {
          this.#serve(JSON.parse(line) as ServiceRequest, answer, session)
        } catch (error) {
          answer(errorAnswer(error))
        }
      }
    })
  }
}

export function errorAnswer(error: unknown): ServiceAnswer {
  if (error instanceof TspodError) return { error: { code: error.code, message: error.message, hint: error.hint } }
  return { error: { code: 'INTERNAL', message: error instanceof Error ? error.message : String(error) } }
}
