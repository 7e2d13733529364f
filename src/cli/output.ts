// Standard output of the command line: written at once and completely, whatever is at the other end.
import { writeSync } from 'node:fs'
import { during, errnoOf } from '#errors.ts'

/** Whoever read our output went away; the command ends like one that SIGPIPE killed. */
export class OutputClosed extends Error {
  readonly exitCode = 141
}

/** Writes text or bytes to standard output. Throws OutputClosed when the reader is gone. */
export function print(output: string | Uint8Array): void {
  writeAll(1, output)
}

/** Prints a line. */
export function printLine(line: string): void {
  print(`${line}\n`)
}

/** Writes to standard error; nothing is left to say where that is closed. */
export function printError(output: string | Uint8Array): void {
  try {
    writeAll(2, output)
  } catch (error) {
    if (!(error instanceof OutputClosed)) throw error
  }
}

function writeAll(fd: number, output: string | Uint8Array): void {
  let bytes = typeof output === 'string' ? Buffer.from(output) : output
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(fd, bytes))
    } catch (error) {
      const errno = errnoOf(error)
      // a terminal or pipe that someone else made non-blocking: give its reader a moment
      if (errno === 'EAGAIN') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
      else if (errno === 'EPIPE' || errno === 'EIO')
        throw new OutputClosed('standard output is closed', { cause: error })
      else if (errno !== 'EINTR') throw during(fd === 1 ? 'writing standard output' : 'writing standard error', error)
    }
  }
}
