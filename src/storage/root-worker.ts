// A worker in whose mount namespace a root file system is mounted: what it does there nobody else sees. Host namespaces.
import { readFileSync } from 'node:fs'
import { TspodError } from '#errors.ts'
import { deviceHint, fuseDevice } from '#host/device-file.ts'
import { pipeChunks } from '#host/read-pipe.ts'
import { openPipe } from '#sys/fd.ts'
import { CLONE_PARENT, SIGKILL } from '#sys/flags.ts'
import { killProcess, readProcessStat, waitProcess } from '#sys/process.ts'
import { backgroundCalls } from '#sys/servant/program.ts'
import { Seat, type Servant } from '#sys/servant/servant.ts'
import type { UserNamespace } from '#userns/user-namespace.ts'
import { startWorker, type Worker, type WorkerOptions } from '#userns/worker.ts'
import type { RootPlan } from './driver.ts'

export interface RootWorker extends AsyncDisposable {
  worker: Worker
}

/** Starts worker:`what`; the root file system is at `plan.root`. Disposing it ends the worker, and what serves the files. */
export function startRootWorker(
  namespace: UserNamespace,
  plan: RootPlan,
  what: string,
  request: unknown,
  options: Pick<WorkerOptions, 'stdin' | 'stdout'> = {},
): RootWorker {
  let serverPid: number | undefined
  const seat = plan.program === undefined ? undefined : new Seat()
  const stopServer = (): void => {
    if (serverPid === undefined) return
    killProcess(serverPid, SIGKILL)
    waitProcess(serverPid)
  }
  try {
    const worker = startWorker(namespace, what, request, {
      ...options,
      seats: seat === undefined ? [] : [seat],
      prepare(servant) {
        servant.do(plan.calls)
        if (seat !== undefined && plan.program !== undefined) serverPid = startServer(servant, seat, plan.program)
      },
    })
    return {
      worker,
      async [Symbol.asyncDispose](): Promise<void> {
        await worker[Symbol.asyncDispose]()
        stopServer()
      },
    }
  } catch (error) {
    stopServer()
    throw error
  }
}

/** What such a worker writes to its standard output, until its end; then its error, if it has one. */
export async function* readRootWorker(
  namespace: UserNamespace,
  plan: RootPlan,
  what: string,
  request: unknown,
): AsyncGenerator<Uint8Array> {
  const [reader, writer] = openPipe()
  using _reader = reader
  await using root = startRootWorker(namespace, plan, what, request, { stdout: writer.number })
  writer.close()
  const chunks = pipeChunks(reader)
  try {
    yield* chunks
  } finally {
    await chunks.return?.() // before the descriptor is closed, also where nobody wants the rest
  }
  await root.worker.result()
}

const SERVER_DEADLINE_MS = 10_000

/** Executes the FUSE server beside the servant and waits for its mount; it becomes a child of this process. */
function startServer(servant: Servant, seat: Seat, program: NonNullable<RootPlan['program']>): number {
  const server = servant.clone(seat, CLONE_PARENT)
  server.exec(backgroundCalls(program.path, program.argv)) // it complains of mount options that it does not know
  server.close()
  const end = performance.now() + SERVER_DEADLINE_MS
  while (!isMounted(servant.pid, program.readyWhenMounted)) {
    const state = readProcessStat(server.pid)?.state
    if (performance.now() > end || state === undefined || state === 'Z') {
      killProcess(server.pid, SIGKILL)
      waitProcess(server.pid)
      throw new TspodError('INTERNAL', `"${program.path}" did not mount "${program.readyWhenMounted}"`, {
        hint: deviceHint(fuseDevice) ?? '`tspod doctor` checks /dev/fuse and fuse-overlayfs',
      })
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
  }
  return server.pid
}

function isMounted(pid: number, path: string): boolean {
  return readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
    .split('\n')
    .some(line => line.split(' ')[4] === path)
}
