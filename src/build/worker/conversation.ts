// The master's side of worker:build: one request at a time, one answer each. Host namespaces.
import { type ErrorCode, TspodError } from '#errors.ts'
import { pipeChunks } from '#host/read-pipe.ts'
import { type Fd, openPipe } from '#sys/fd.ts'
import type { UserNamespace } from '#userns/user-namespace.ts'
import { startWorker, type Worker } from '#userns/worker.ts'
import type { StepAnswer, StepRequest } from './protocol.ts'

export type StepResult = Extract<StepAnswer, { ok: unknown }>['ok']

export class StepWorker implements AsyncDisposable {
  readonly #worker: Worker
  readonly #answers: Fd
  readonly #chunks: AsyncIterableIterator<Uint8Array>
  readonly #decoder = new TextDecoder()
  #open = ''

  constructor(namespace: UserNamespace) {
    const [reader, writer] = openPipe()
    using _writer = writer
    this.#answers = reader
    this.#chunks = pipeChunks(reader)
    this.#worker = startWorker(namespace, 'build', {}, { stdin: 'pipe', stdout: writer.number })
  }

  /** Throws what the step failed with. */
  async ask(request: StepRequest): Promise<StepResult> {
    await this.#worker.write(Buffer.from(`${JSON.stringify(request)}\n`))
    const answer = JSON.parse(await this.#line()) as StepAnswer
    if ('ok' in answer) return answer.ok
    const { code, message, hint } = answer.error
    throw new TspodError(code as ErrorCode, message, { hint })
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#open.indexOf('\n')
      if (end >= 0) {
        const line = this.#open.slice(0, end)
        this.#open = this.#open.slice(end + 1)
        return line
      }
      const { done, value } = await this.#chunks.next()
      if (done === true) {
        await this.#worker.result() // it ended without an answer: this says why
        throw new TspodError('INTERNAL', 'the worker of the build ended early')
      }
      this.#open += this.#decoder.decode(value, { stream: true })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#chunks.return?.()
    this.#answers.close()
    await this.#worker[Symbol.asyncDispose]()
  }
}

/** Workers that are lent to one step at a time, started when first needed. */
export class StepWorkers implements AsyncDisposable {
  readonly #open: () => Promise<UserNamespace>
  readonly #all: StepWorker[] = []
  readonly #free: StepWorker[] = []

  constructor(openNamespace: () => Promise<UserNamespace>) {
    this.#open = openNamespace
  }

  /** Starts one that will be needed. */
  async warmUp(): Promise<void> {
    if (this.#all.length === 0) this.#free.push(await this.#start())
  }

  async ask(request: StepRequest): Promise<StepResult> {
    const worker = this.#free.pop() ?? (await this.#start())
    try {
      return await worker.ask(request)
    } finally {
      this.#free.push(worker)
    }
  }

  async #start(): Promise<StepWorker> {
    const worker = new StepWorker(await this.#open())
    this.#all.push(worker)
    return worker
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const worker of this.#all) await worker[Symbol.asyncDispose]()
  }
}
