// Workers: fresh copies of the executable inside the user's namespace, for work that is not a handful of system calls.
// This file runs on both sides; each function says on which.
import { write } from 'node:fs'
import { promisify } from 'node:util'
import { type ErrorCode, errnoOf, TspodError } from '#errors.ts'
import { selfCommand } from '#host/executable.ts'
import { pipeChunks } from '#host/read-pipe.ts'
import { hostIdsRecord, hostIdsVariable, hostUser } from '#host/user.ts'
import { type Fd, openFile, openPipe, writeFully } from '#sys/fd.ts'
import { O_RDWR, SIG_SETMASK, SIGKILL } from '#sys/flags.ts'
import { killProcess, waitProcess } from '#sys/process.ts'
import { call } from '#sys/servant/batch.ts'
import { closeOnExecFrom } from '#sys/servant/close-on-exec.ts'
import { type Seat, Servant } from '#sys/servant/servant.ts'
import { enterCalls, type UserNamespace } from './user-namespace.ts'

const writeAsync = promisify(write)
const F_DUPFD_CLOEXEC = 1030

/** One JSON line that a worker answers with. */
type Answer = { ok: unknown } | { error: { code: ErrorCode; message: string; hint?: string } }

export interface WorkerOptions {
  /** `pipe`: bytes follow through `write`; a number: this descriptor becomes its standard input; default /dev/null. */
  stdin?: 'pipe' | number
  /** This descriptor becomes its standard output, and the answer comes on descriptor 3; default: a pipe of ours for the answer. */
  stdout?: number
  /** Performed by the servant in the worker's namespaces before the executable takes over: mounts. */
  prepare?: (servant: Servant) => void
  /** For servants that `prepare` clones. */
  seats?: readonly Seat[]
}

/** A worker as its master sees it. Disposing it before `result` kills it. */
export class Worker implements AsyncDisposable {
  readonly pid: number
  readonly #stdin: Fd | undefined
  readonly #answer: Fd
  #ended = false

  constructor(pid: number, stdin: Fd | undefined, answer: Fd) {
    this.pid = pid
    this.#stdin = stdin
    this.#answer = answer
  }

  /** Hands over bytes; resolves when the pipe has taken them all. EPIPE means the worker has ended: `result` says why. */
  async write(bytes: Uint8Array): Promise<void> {
    const fd = this.#stdin?.number ?? -1
    for (let done = 0; done < bytes.byteLength; )
      done += (await writeAsync(fd, bytes, done, bytes.byteLength - done)).bytesWritten
  }

  /** Ends its standard input, waits for its answer and its end. Throws the error it answered with. */
  async result<T>(): Promise<T> {
    this.#stdin?.close()
    const chunks: Uint8Array[] = []
    for await (const chunk of pipeChunks(this.#answer)) chunks.push(chunk)
    this.#answer.close()
    const status = waitProcess(this.pid)?.status
    this.#ended = true
    const text = Buffer.concat(chunks).toString('utf8')
    if (text === '')
      throw new TspodError(
        'INTERNAL',
        `a worker of tspod ended with ${status?.code ?? 'an unknown status'} and no answer`,
        {
          hint: 'it was killed from outside (out of memory, or a signal); try again',
        },
      )
    const answer = JSON.parse(text) as Answer
    if ('error' in answer) throw new TspodError(answer.error.code, answer.error.message, { hint: answer.error.hint })
    return answer.ok as T
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    this.#stdin?.close()
    this.#answer.close()
    killProcess(this.pid, SIGKILL)
    waitProcess(this.pid)
  }
}

/** Starts a worker inside the user's namespace (master's side). `request` travels as JSON. */
export function startWorker(
  namespace: UserNamespace,
  what: string,
  request: unknown,
  options: WorkerOptions = {},
): Worker {
  const [answerReader, answerWriter] = openPipe()
  using _answerWriter = answerWriter
  using nullFd = openFile('/dev/null', O_RDWR)
  const stdinPipe = options.stdin === 'pipe' ? openPipe() : undefined
  using _stdinReader = stdinPipe?.[0]
  const stdin = stdinPipe?.[0].number ?? (typeof options.stdin === 'number' ? options.stdin : nullFd.number)
  const { path, argv } = selfCommand(`worker:${what}`)
  // the request goes through a pipe too: an argument may hold 128 KiB only
  const [requestReader, requestWriter] = openPipe()
  using _requestReader = requestReader
  using _requestWriter = requestWriter
  const servant = Servant.start(options.seats ?? [], enterCalls(namespace))
  try {
    options.prepare?.(servant)
    servant.exec([
      // high numbers first: the descriptors themselves may have the low ones
      call('fcntl', stdin, F_DUPFD_CLOEXEC, 64),
      call('fcntl', options.stdout ?? nullFd.number, F_DUPFD_CLOEXEC, 64),
      call('fcntl', answerWriter.number, F_DUPFD_CLOEXEC, 64),
      call('fcntl', requestReader.number, F_DUPFD_CLOEXEC, 64),
      ...[0, 1, 3, 4].map((target, index) => call('dup3', { resultOf: index }, target, 0)),
      ...closeOnExecFrom(5),
      call('rt_sigprocmask', SIG_SETMASK, { memory: new BigUint64Array(1) }, 0, 8),
      call('execve', path, argv, workerEnvironment()),
    ])
  } catch (error) {
    killProcess(servant.pid, SIGKILL)
    servant.close()
    waitProcess(servant.pid)
    stdinPipe?.[1].close()
    answerReader.close()
    throw error
  }
  servant.close()
  requestReader.close()
  const text = Buffer.from(JSON.stringify(request))
  writeFully(requestWriter.number, text)
  return new Worker(servant.pid, stdinPipe?.[1], answerReader)
}

/** Starts a worker that only needs its request, and waits for its answer (master's side). */
export async function runWorker<T>(
  namespace: UserNamespace,
  what: string,
  request: unknown,
  options: WorkerOptions = {},
): Promise<T> {
  await using worker = startWorker(namespace, what, request, options)
  return await worker.result<T>()
}

/** The caller's environment, and who the caller is outside: inside, getuid() is 0. */
function workerEnvironment(): string[] {
  const variables = { ...process.env, [hostIdsVariable]: hostIdsRecord(hostUser()) }
  return Object.entries(variables).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
}

/** What a worker does with its request; what it returns is the answer. */
export type WorkerHandler = (request: never) => unknown

/** Runs one handler as this process's whole life (worker's side): request on descriptor 4, answer on descriptor 3. */
export async function serveWorker(handler: WorkerHandler): Promise<void> {
  const { readFileSync } = await import('node:fs')
  let answer: Answer
  try {
    const request = JSON.parse(readFileSync(4, 'utf8')) as never
    answer = { ok: (await handler(request)) ?? null }
  } catch (error) {
    const code = error instanceof TspodError ? error.code : 'INTERNAL'
    const { hintFor } = await import('#host/hints.ts')
    const hint = hintFor(error) // here the system call and its errno are still known
    answer = { error: { code, message: error instanceof Error ? error.message : String(error), hint } }
  }
  try {
    writeFully(3, Buffer.from(JSON.stringify(answer)))
  } catch (error) {
    if (errnoOf(error) !== 'EPIPE') throw error // its master was killed: there is nobody to tell
  }
  process.exit('ok' in answer ? 0 : 1)
}
