// Who looks after the network service: a servant that holds what must not be lost (the namespace, the listening socket, the state, the
// uplink's lifeline) and, when the service is gone without a word, becomes the service. The service in turn makes a new watcher when
// its own is gone. Both live in the user's namespace and the host's network.
// There are two: the second waits for the first one's end before it does the same. A service that has just begun is the first watcher of
// the one before it, so it is looked after from its first instruction on, until it has watchers of its own.
import { selfCommand } from '#host/executable.ts'
import type { Fd } from '#sys/fd.ts'
import { openPidFd, type ProcessIdentity, readProcessStat } from '#sys/process.ts'
import { type Call, call } from '#sys/servant/batch.ts'
import { programCalls } from '#sys/servant/program.ts'
import { Seat, Servant } from '#sys/servant/servant.ts'
import { openStub, stubCalls } from '#sys/servant/stub.ts'

const POLLIN = 1

/** Descriptors that a service is started with. */
export const serviceDescriptors = { listener: 3, memory: 4, executable: 5, namespace: 6, lifeline: 7 } as const

/** What the service holds on to across its own death. */
export interface Inheritance {
  listener: Fd
  /** The state, as a memory file. */
  memory: Fd
  /** This executable. */
  executable: Fd
  namespace: Fd
  /** The uplink's program ends when nobody holds it any more. */
  lifeline: Fd
}

export class Watcher implements Disposable {
  readonly #servant: Servant
  /** Readable when the watcher has ended. */
  readonly pidFd: Fd | undefined

  /** `after` is the first watcher, for the second one; `beforeArmed` is called when all but the last step is done. */
  constructor(
    inheritance: Inheritance,
    folder: string,
    environment: readonly string[],
    { after, beforeArmed }: { after?: Fd; beforeArmed?: () => void },
  ) {
    const seat = new Seat()
    using stub = openStub(seat)
    const held = Object.entries(inheritance).map(([name, fd]: [string, Fd]) => ({ name, number: fd.number }))
    const keep = [...held.map(({ number }) => number), ...(after === undefined ? [] : [after.number])]
    this.#servant = Servant.startStub(seat, [], stubCalls(stub, seat, 'tspod: keeps the user network', keep))
    this.#servant.call('setsid')
    beforeArmed?.()
    this.#servant.bequeath([
      ...(after === undefined ? [] : [awaitReadable(after)]),
      ...becomeService(inheritance, folder, environment),
    ])
    this.pidFd = openPidFd(this.#servant.pid)
  }

  get pid(): number {
    return this.#servant.pid
  }

  get identity(): ProcessIdentity {
    return { pid: this.pid, startTime: readProcessStat(this.pid)?.startTime ?? 0 }
  }

  /** Lets it end with nothing to do. */
  [Symbol.dispose](): void {
    this.#servant.disinherit()
    this.#servant.close()
    this.pidFd?.close()
  }
}

/** Returns when the process behind a pidfd has ended (poll(2)). */
function awaitReadable({ number }: Fd): Call {
  return call('ppoll', { memory: new Int32Array([number, POLLIN]) }, 1, 0, 0, 0)
}

/** The calls that execute the service. */
function becomeService(inheritance: Inheritance, folder: string, environment: readonly string[]): Call[] {
  const numbers = Object.entries(serviceDescriptors).map(
    ([name, target]) => [target, inheritance[name as keyof Inheritance].number] as const,
  )
  return programCalls({
    executable: inheritance.executable.number,
    argv: selfCommand(`networks:${folder}`, 'heir').argv,
    env: environment,
    descriptors: new Map([...[0, 1, 2].map(fd => [fd, fd] as const), ...numbers]),
  })
}
