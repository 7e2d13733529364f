// The streams of a container that starts: both ends, and who gets which.
import type { ContainerRecord } from '#container/record.ts'
import { TspodError } from '#errors.ts'
import type { ProcessStreams } from '#runtime/create.ts'
import { duplicate, type Fd, openFile, openPipe, openSocketPair } from '#sys/fd.ts'
import { O_RDWR, SOCK_STREAM } from '#sys/flags.ts'
import type { Servant } from '#sys/servant/servant.ts'
import { receiveDescriptor, sendDescriptor } from '#sys/socket.ts'
import type { StreamDescriptors } from './monitor.ts'

export interface OpenStreams {
  process: ProcessStreams
  nullFd: Fd
  /** What the monitor gets, by descriptor number. */
  monitor: Map<number, number>
}

export function openStreams(record: ContainerRecord, resources: DisposableStack): OpenStreams {
  const { tty, interactive } = record.request
  const nullFd = resources.use(openFile('/dev/null', O_RDWR))
  if (tty) {
    const [ours, theirs] = openSocketPair(SOCK_STREAM)
    resources.use(ours)
    resources.use(theirs)
    return { process: { kind: 'terminal', socket: ours.number }, nullFd, monitor: new Map([[7, theirs.number]]) }
  }
  if (record.logDriver === 'passthrough')
    return { process: { kind: 'descriptors', stdin: 0, stdout: 1, stderr: 2 }, nullFd, monitor: new Map() }
  const [outReader, outWriter] = openPipe()
  const [errReader, errWriter] = openPipe()
  const stdin = interactive ? openPipe() : undefined
  for (const fd of [outReader, outWriter, errReader, errWriter, ...(stdin ?? [])]) resources.use(fd)
  const monitor = new Map([
    [4, outReader.number],
    [5, errReader.number],
  ])
  if (stdin !== undefined) monitor.set(6, stdin[1].number)
  const stdinNumber = stdin?.[0].number ?? nullFd.number
  return {
    process: { kind: 'descriptors', stdin: stdinNumber, stdout: outWriter.number, stderr: errWriter.number },
    nullFd,
    monitor,
  }
}

/** The ends that a monitor would have got, for this process. A terminal's master stays on its way too, for whoever takes over. */
export function takeStreams({ monitor, process }: OpenStreams): StreamDescriptors {
  if (process.kind === 'terminal') {
    const terminal = receiveDescriptor(monitor.get(7) ?? -1)
    if (terminal === undefined) throw new TspodError('INTERNAL', 'the terminal of the container did not arrive')
    sendDescriptor(process.socket, terminal.number)
    return { terminal }
  }
  const [stdout, stderr, stdin] = [4, 5, 6]
    .map(number => monitor.get(number))
    .map(fd => (fd === undefined ? fd : duplicate(fd)))
  return { stdout, stderr, stdin }
}

/** /dev/null takes the place of the launcher's end, so that a monitor that takes over finds it at its end. */
export function outputReleaser(
  launcher: Servant,
  { monitor, nullFd }: OpenStreams,
): (stream: 'stdout' | 'stderr') => void {
  const nullNumber = nullFd.number
  const ends = { stdout: monitor.get(4), stderr: monitor.get(5) }
  return stream => {
    const end = ends[stream]
    if (end !== undefined) launcher.call('dup3', nullNumber, end, 0)
  }
}
