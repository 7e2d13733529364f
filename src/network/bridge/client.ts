// How a command talks to the network service, and starts it where none runs. Runs in the command line; blocks, since nothing else is to
// be done meanwhile but what the caller does between `send` and `receive`.
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf, TspodError } from '#errors.ts'
import { frugalEnvironment, sleepSync } from '#host/bun.ts'
import { selfCommand } from '#host/executable.ts'
import { hostIdsRecord, hostIdsVariable, hostUser } from '#host/user.ts'
import { trySyscall } from '#sys/call.ts'
import { type Fd, openFile, writeFully } from '#sys/fd.ts'
import { O_RDONLY, O_RDWR } from '#sys/flags.ts'
import { withFileLock } from '#sys/lock.ts'
import { call } from '#sys/servant/batch.ts'
import { programCalls } from '#sys/servant/program.ts'
import { Servant } from '#sys/servant/servant.ts'
import { connectUnix, listenUnix } from '#sys/socket.ts'
import { enterCalls, type UserNamespace } from '#userns/user-namespace.ts'
import {
  type Answers,
  type RequestOf,
  SERVICE_LOCK,
  SERVICE_SOCKET,
  type ServiceAnswer,
  type ServiceRequest,
} from './protocol.ts'
import { serviceDescriptors } from './watcher.ts'

/** How long an answer may take: the service may have to start, and its uplink. */
const ANSWER_MS = 20_000
const POLLIN = 1
/** A service sees within 250 ms that its socket is gone, and tries as often to make another one. */
const REOPEN_MS = 1500
const REOPEN_LOOK_MS = 50
/** A service that ends while we connect makes room for the next one; this often in a row nobody is that unlucky. */
const TRIES = 5

/** What it takes to reach the service, and to start it where none runs. */
export interface ServiceHost {
  namespace: UserNamespace
  runRoot: string
  /** Takes a service that is about to begin out of what the caller belongs to. */
  detach: (pid: number) => Promise<void>
}

/** A conversation with the service. Closing it before `attach` was answered gives back what was reserved. */
export class ServiceConnection implements Disposable {
  readonly #socket: Fd
  #text = Buffer.alloc(0)

  constructor(socket: Fd) {
    this.#socket = socket
  }

  send(request: ServiceRequest): void {
    writeFully(this.#socket.number, Buffer.from(`${JSON.stringify(request)}\n`))
  }

  /** Waits for the next answer. Throws the error that it is. */
  receive(): unknown {
    const line = this.#readLine()
    if (line === undefined)
      throw new TspodError('INTERNAL', 'talking to the network service: it ended before it answered', {
        hint: 'network.log in the runtime folder may say why; try again',
      })
    const answer = JSON.parse(line) as ServiceAnswer
    if ('error' in answer) throw new TspodError(answer.error.code, answer.error.message, { hint: answer.error.hint })
    return answer.ok
  }

  ask<O extends ServiceRequest['op']>(request: RequestOf<O>): Answers[O] {
    this.send(request)
    return this.receive() as Answers[O]
  }

  #readLine(): string | undefined {
    const deadline = performance.now() + ANSWER_MS
    const buffer = Buffer.alloc(65_536)
    for (;;) {
      const newline = this.#text.indexOf(10)
      if (newline >= 0) {
        const line = this.#text.toString('utf8', 0, newline)
        this.#text = this.#text.subarray(newline + 1)
        return line
      }
      const left = deadline - performance.now()
      const timeout = new BigInt64Array([BigInt(Math.max(0, Math.floor(left / 1000))), 0n])
      if (left <= 0 || trySyscall('ppoll', new Int32Array([this.#socket.number, POLLIN]), 1, timeout, 0, 8) === 0) {
        if (left > 1000) continue
        throw new TspodError('INTERNAL', `talking to the network service: no answer within ${ANSWER_MS / 1000} s`)
      }
      const got = trySyscall('read', this.#socket.number, buffer, buffer.byteLength)
      if (got <= 0) return undefined
      this.#text = Buffer.concat([this.#text, buffer.subarray(0, got)])
    }
  }

  [Symbol.dispose](): void {
    this.#socket.close()
  }
}

/** Connects to the service that runs; `undefined` where none does. */
export function findService(runRoot: string): ServiceConnection | undefined {
  try {
    return new ServiceConnection(connectUnix(runRoot, SERVICE_SOCKET))
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === 'ENOENT' || errno === 'ECONNREFUSED') return undefined
    throw error
  }
}

/**
 * Waits for a service whose socket has vanished with the runtime folder, and which makes another one (service-socket.ts). False where
 * none shows itself, or a socket without a service shows that it was killed.
 */
export function awaitService(runRoot: string): boolean {
  for (const until = performance.now() + REOPEN_MS; performance.now() < until; sleepSync(REOPEN_LOOK_MS)) {
    using found = findService(runRoot)
    if (found !== undefined) return true
    if (existsSync(join(runRoot, SERVICE_SOCKET))) return false
  }
  return false
}

/** Sends the first request of a conversation to the service, which is started where none runs, and returns its answer. */
export async function askService<O extends ServiceRequest['op']>(
  host: ServiceHost,
  request: RequestOf<O>,
): Promise<{ connection: ServiceConnection; answer: Answers[O] }> {
  for (let attempt = 1; ; attempt++) {
    const connection = findService(host.runRoot) ?? (await startService(host))
    try {
      return { connection, answer: connection.ask(request) }
    } catch (error) {
      connection[Symbol.dispose]()
      const isLost = !(error instanceof TspodError) || ['EPIPE', 'ECONNRESET'].includes(errnoOf(error) ?? '')
      const wasEnding = error instanceof TspodError && error.message.includes('ended before it answered')
      if (attempt >= TRIES || !(isLost || wasEnding)) throw error
    }
  }
}

async function startService(host: ServiceHost): Promise<ServiceConnection> {
  const { runRoot } = host
  mkdirSync(runRoot, { recursive: true, mode: 0o700 })
  return await withFileLock(join(runRoot, SERVICE_LOCK), async () => {
    const meanwhile = findService(runRoot)
    if (meanwhile !== undefined) return meanwhile
    // whoever connects from now on waits until the service is there
    using listener = listenUnix(runRoot, SERVICE_SOCKET)
    await execute(host, listener)
    const connection = findService(runRoot)
    if (connection === undefined)
      throw new TspodError('INTERNAL', 'starting the network service: its socket has vanished')
    return connection
  })
}

async function execute({ namespace, runRoot, detach }: ServiceHost, listener: Fd): Promise<void> {
  using nullFd = openFile('/dev/null', O_RDWR)
  const { path, argv } = selfCommand(`networks:${runRoot}`)
  using executable = openFile(path, O_RDONLY)
  using servant = Servant.start([], enterCalls(namespace))
  await detach(servant.pid)
  servant.exec([
    call('setsid'),
    call('chdir', '/'),
    ...programCalls({
      executable: executable.number,
      argv,
      env: serviceEnvironment(),
      descriptors: new Map([
        [0, nullFd.number],
        [1, nullFd.number],
        [2, nullFd.number],
        [serviceDescriptors.listener, listener.number],
      ]),
    }),
  ])
}

/** What the program needs to start, and nothing of what the caller happens to have. */
function serviceEnvironment(): string[] {
  const env = ['HOME', 'XDG_RUNTIME_DIR', 'XDG_CACHE_HOME', 'PATH', 'TSPOD_LOG'].flatMap(name => {
    const value = process.env[name]
    return value === undefined ? [] : [`${name}=${value}`]
  })
  return [...env, ...frugalEnvironment, `${hostIdsVariable}=${hostIdsRecord(hostUser())}`]
}
