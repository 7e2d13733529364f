// Runs programs in the same container again and again, at the price of a message each: what `exec` does anew every time, a process that
// stays in the container has done once. Runs in the host's namespaces.
import { SIGKILL } from '#sys/flags.ts'
import { killProcess, waitProcess } from '#sys/process.ts'
import { type KeptBatch, keepBatch } from '#sys/servant/kept-batch.ts'
import { Seat } from '#sys/servant/servant.ts'
import { Spawner } from '#sys/servant/spawner.ts'
import { type ExecRequest, planFinal, rootStep, startJoiner } from './exec.ts'
import { planExecve } from './plan/process-steps.ts'
import { joinCalls } from './step.ts'

/**
 * A process that has joined the container and clones the process of each program; the streams are the same for all of them. Nobody inside
 * can look into it: it is undumpable, and in no pid namespace of the container's own.
 */
export class ProgramSpawner implements Disposable {
  readonly #request: ExecRequest
  readonly #spawner: Spawner
  readonly #joinerPid: number
  readonly #batches = new Map<string, KeptBatch>()

  constructor(request: ExecRequest) {
    this.#request = request
    using resources = new DisposableStack()
    const seat = resources.use(new Seat())
    const { joiner } = startJoiner(request, seat, resources)
    this.#joinerPid = joiner.pid
    this.#spawner = new Spawner(joiner, seat)
  }

  /** Readable when a program could not be executed, by a process that does nothing any more: it is to be killed. */
  get failures(): number {
    return this.#spawner.failures.number
  }

  /** To be asked once for each time. */
  hasFailed(): boolean {
    return this.#spawner.hasFailed()
  }

  /** Starts a program; its pid, to be waited for by the caller. */
  start(args: readonly string[]): number {
    const key = JSON.stringify(args)
    let batch = this.#batches.get(key)
    if (batch === undefined) {
      const process = { ...this.#request.process, args: [...args] }
      const steps = [rootStep(this.#request.root), ...planFinal({ ...this.#request, process }), planExecve(process)]
      batch = keepBatch(joinCalls(steps.map(({ calls }) => calls)))
      this.#batches.set(key, batch)
    }
    return this.#spawner.spawn(batch)
  }

  [Symbol.dispose](): void {
    this.#spawner[Symbol.dispose]()
    killProcess(this.#joinerPid, SIGKILL) // a paused container's does not see that nobody needs it
    waitProcess(this.#joinerPid)
  }
}
