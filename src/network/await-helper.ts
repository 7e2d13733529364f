// A network helper that comes up beside a container: the pipes it says so by, and the wait for its word.
import { chmodSync, mkdirSync } from 'node:fs'
import { deviceHint, tunDevice } from '#host/device-file.ts'
import { type Fd, openFile, openPipe } from '#sys/fd.ts'
import { O_DIRECTORY, O_PATH } from '#sys/flags.ts'
import { readProcessStat } from '#sys/process.ts'
import { waitForInput, waitReadable } from '#sys/wait-readable.ts'
import { HelperFailure } from './helper-failure.ts'
import { openHelperWords, readHelperWords } from './helper-words.ts'

/** How long a network helper may take until the network works, in milliseconds. */
const HELPER_DEADLINE_MS = 10_000
/** How often it is looked at meanwhile. */
const HELPER_LOOK_MS = 50

export interface HelperPipes {
  /** Written to by the helper when the network works. */
  ready: Fd
  readyReader: Fd
  /** End of file ends the helper. */
  exit: Fd
  /** Held open by whoever watches the container, for as long as that lives. */
  alive: Fd
  /** For a socket of the helper's. */
  folder: Fd
  /** Its standard error. */
  words: Fd
}

/** `sockets` is made where it is not there: the helper is somebody else in the container's user namespace. */
export function openHelperPipes(sockets: string, resources: DisposableStack): HelperPipes {
  mkdirSync(sockets, { recursive: true, mode: 0o700 })
  chmodSync(sockets, 0o777)
  const folder = openFile(sockets, O_PATH | O_DIRECTORY)
  const [readyReader, ready] = openPipe()
  const [exit, alive] = openPipe()
  const words = openHelperWords()
  for (const fd of [folder, readyReader, ready, exit, alive, words]) resources.use(fd)
  return { folder, ready, readyReader, exit, alive, words }
}

/** Throws a HelperFailure. Others hold the writing end of its pipe too: that it has ended is seen by a look at it, now and then. */
export function awaitHelper(name: string, pid: number, pipes: HelperPipes): void {
  pipes.ready.close()
  const end = performance.now() + HELPER_DEADLINE_MS
  const hasEnded = (): boolean => ['Z', 'X', undefined].includes(readProcessStat(pid)?.state)
  let isOver = false
  while (!waitForInput(pipes.readyReader, HELPER_LOOK_MS)) {
    isOver = hasEnded()
    if (isOver || performance.now() > end) break
  }
  if (!isOver && performance.now() <= end && waitReadable(pipes.readyReader, 0) === 'data') return
  const why = isOver || hasEnded() ? 'ended at once' : `did not answer within ${HELPER_DEADLINE_MS / 1000} s`
  const words = readHelperWords(pipes.words)
  const said = words === undefined ? '' : `: it said "${words}"`
  throw new HelperFailure('INTERNAL', `connecting the container to the network: ${name} ${why}${said}`, {
    hint: `${deviceHint(tunDevice) ?? `\`tspod doctor\` checks ${name} and ${tunDevice.path}`}; --network none and host do without it`,
  })
}
