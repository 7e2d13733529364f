// A further program in a running container, with its streams: a child of this process, which copies them; no monitor takes part.

import { TspodError } from '#errors.ts'
import { randomHex } from '#host/bun.ts'
import type { ExecRequest } from '#runtime/exec.ts'
import { execProcess } from '#runtime/exec.ts'
import { openFile, openPipe, openSocketPair, readFd } from '#sys/fd.ts'
import { O_RDWR, SOCK_STREAM } from '#sys/flags.ts'
import { waitProcess } from '#sys/process.ts'
import { receiveDescriptor } from '#sys/socket.ts'
import { type ProcessOutcome, type ProcessSession, runProcessSession } from './client/process-session.ts'

/** What is to be run, without its streams. */
export type Execution = Omit<ExecRequest, 'streams'>

/** Starts it with nothing attached. When this process ends, whoever adopts orphans on this machine collects it: nobody learns its status. */
export function execDetached(execution: Execution): void {
  using nullFd = openFile('/dev/null', O_RDWR)
  const { number } = nullFd
  execProcess({ ...execution, streams: { kind: 'descriptors', stdin: number, stdout: number, stderr: number } })
}

/** Starts it and copies its streams from and to descriptors 0 to 2 until it ends or the user detaches. */
export function execAttached(
  execution: Execution,
  wanted: ProcessSession['wanted'],
  options: { tty: boolean; detachKeys: string },
): ProcessOutcome {
  using resources = new DisposableStack()
  const { detachKeys } = options
  if (options.tty) {
    const [ours, theirs] = openSocketPair(SOCK_STREAM)
    resources.use(ours)
    resources.use(theirs)
    const pid = execProcess({ ...execution, streams: { kind: 'terminal', socket: theirs.number } })
    const master = receiveDescriptor(ours.number)
    if (master === undefined) throw new TspodError('INTERNAL', 'the terminal of the new process did not arrive')
    return runProcessSession({ pid, terminal: resources.use(master), wanted, detachKeys })
  }
  const [outReader, outWriter] = openPipe()
  const [errReader, errWriter] = openPipe()
  const [inReader, inWriter] = wanted.stdin ? openPipe() : [openFile('/dev/null', O_RDWR), undefined]
  for (const fd of [outReader, outWriter, errReader, errWriter, inReader]) resources.use(fd)
  if (inWriter !== undefined) resources.use(inWriter)
  const pid = execProcess({
    ...execution,
    streams: { kind: 'descriptors', stdin: inReader.number, stdout: outWriter.number, stderr: errWriter.number },
  })
  for (const fd of [outWriter, errWriter, inReader]) fd.close()
  return runProcessSession({
    pid,
    pipes: { stdin: inWriter, stdout: outReader, stderr: errReader },
    wanted,
    detachKeys,
  })
}

/** What a program said, and how it ended. */
export interface CapturedOutput {
  stdout: string
  stderr: string
  exitCode: number
}

/** Runs a program that reads nothing and says little: whatever is beyond a pipe's room on standard error waits for standard output to end. */
export function execCaptured(execution: Execution): CapturedOutput {
  const [outReader, outWriter] = openPipe()
  const [errReader, errWriter] = openPipe()
  using resources = new DisposableStack()
  for (const fd of [outReader, outWriter, errReader, errWriter]) resources.use(fd)
  using nullFd = openFile('/dev/null', O_RDWR)
  const streams = { stdin: nullFd.number, stdout: outWriter.number, stderr: errWriter.number }
  const pid = execProcess({ ...execution, streams: { kind: 'descriptors', ...streams } })
  outWriter.close()
  errWriter.close()
  const stdout = readToEnd(outReader.number)
  const stderr = readToEnd(errReader.number)
  return { stdout, stderr, exitCode: waitProcess(pid)?.status.code ?? 125 }
}

function readToEnd(fd: number): string {
  const chunks: Buffer[] = []
  for (;;) {
    const chunk = Buffer.allocUnsafe(65536)
    const got = readFd(fd, chunk)
    if (got === 0) return Buffer.concat(chunks).toString('utf8')
    chunks.push(chunk.subarray(0, got))
  }
}

/** A name for a session that nobody is attached to, as podman prints one. */
export function newSessionId(): string {
  return randomHex(32)
}
