// slirp4netns(1), "API SOCKET": one JSON request a connection, ended by shutdown(2), and one JSON answer. Runs in the command line.
import { during, errnoOf, TspodError } from '#errors.ts'
import { syscall, trySyscall } from '#sys/call.ts'
import { type Fd, writeFully } from '#sys/fd.ts'
import { SO_RCVTIMEO, SO_SNDTIMEO, SOL_SOCKET } from '#sys/flags.ts'
import { connectUnix } from '#sys/socket.ts'

/** One forwarded port. slirp4netns 1.2 knows IPv4 only. */
export interface HostForward {
  proto: 'tcp' | 'udp'
  hostAddr: string
  hostPort: number
  /** the container's own address */
  guestAddr: string
  guestPort: number
}

export interface ListedForward extends HostForward {
  id: number
}

/** Where the socket is: path without its last part, and that part. */
export interface ApiSocket {
  folder: string
  name: string
}

/** `add_hostfwd`; the id it can be removed by. Throws IN_USE where the port cannot be had: slirp4netns does not say why. */
export function addHostForward(socket: ApiSocket, forward: HostForward): number {
  const { id } = request(socket, 'add_hostfwd', {
    proto: forward.proto,
    host_addr: forward.hostAddr,
    host_port: forward.hostPort,
    guest_addr: forward.guestAddr,
    guest_port: forward.guestPort,
  }) as { id?: number }
  if (typeof id !== 'number') throw new TspodError('INTERNAL', 'slirp4netns answered add_hostfwd without an id')
  return id
}

/** `remove_hostfwd`. Connections that are open stay open. */
export function removeHostForward(socket: ApiSocket, id: number): void {
  request(socket, 'remove_hostfwd', { id })
}

/** `list_hostfwd`. */
export function listHostForwards(socket: ApiSocket): ListedForward[] {
  const { entries = [] } = request(socket, 'list_hostfwd') as { entries?: Record<string, string & number>[] }
  return entries.map(entry => ({
    id: entry.id ?? -1,
    proto: entry.proto === 'udp' ? 'udp' : 'tcp',
    hostAddr: entry.host_addr ?? '',
    hostPort: entry.host_port ?? 0,
    guestAddr: entry.guest_addr ?? '',
    guestPort: entry.guest_port ?? 0,
  }))
}

/** A helper that hangs must not hang the command. */
const DEADLINE_SECONDS = 5n

interface Answer {
  return?: object
  entries?: unknown
  error?: { desc?: string }
}

function request(socket: ApiSocket, execute: string, args?: object): object {
  const text = ask(socket, JSON.stringify({ execute, ...(args !== undefined && { arguments: args }) }))
  const answer = parseAnswer(text)
  if (answer === undefined) throw new TspodError('INTERNAL', `slirp4netns answered ${execute} with "${text}"`)
  if (answer.error === undefined) return answer.return ?? answer
  const why = answer.error.desc ?? 'no reason'
  throw new TspodError(/slirp_add_hostfwd failed/.test(why) ? 'IN_USE' : 'INVALID', `slirp4netns: ${why}`)
}

function parseAnswer(text: string): Answer | undefined {
  try {
    const answer: unknown = JSON.parse(text)
    return typeof answer === 'object' && answer !== null ? answer : undefined
  } catch {
    return undefined // the caller says what came instead
  }
}

function ask({ folder, name }: ApiSocket, text: string): string {
  try {
    using connection = connectUnix(folder, name)
    const timeout = new BigInt64Array([DEADLINE_SECONDS, 0n])
    for (const option of [SO_RCVTIMEO, SO_SNDTIMEO])
      syscall('setsockopt', connection.number, SOL_SOCKET, option, timeout, 16)
    writeFully(connection.number, Buffer.from(text))
    syscall('shutdown', connection.number, SHUT_WR)
    return readAll(connection)
  } catch (error) {
    if (['ENOENT', 'ECONNREFUSED'].includes(errnoOf(error) ?? ''))
      throw new TspodError('CONFLICT', 'slirp4netns has ended, or its socket is gone: ports cannot be changed', {
        hint: 'restart the container',
        cause: error,
      })
    throw during('asking slirp4netns', error)
  }
}

const SHUT_WR = 1
const EAGAIN = -11

function readAll(connection: Fd): string {
  const pieces: Buffer[] = []
  for (;;) {
    const piece = Buffer.alloc(65536)
    const got = trySyscall('read', connection.number, piece, piece.byteLength)
    if (got === EAGAIN) throw new TspodError('INTERNAL', `no answer within ${DEADLINE_SECONDS} s`)
    if (got <= 0) return Buffer.concat(pieces).toString('utf8')
    pieces.push(piece.subarray(0, got))
  }
}
