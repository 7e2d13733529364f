// Which of this process's streams a command connects to a container, and how much of a pull it shows.
import { constants, fstatSync } from 'node:fs'
import type { ClientStreams } from '#engine/contracts/container.ts'
import { log } from '#log.ts'
import { openProgress, type Progress } from './format/progress.ts'
import { invalidValue } from './option.ts'
import { printError } from './output.ts'

export interface StreamChoice {
  interactive: boolean
  tty: boolean
  sigProxy: boolean
  detachKeys: string | undefined
  /** `--attach`: exactly these */
  attach?: readonly string[]
}

/** Standard output and error, and standard input where it is kept open, unless `attach` names others. */
export function chooseStreams({ interactive, tty, sigProxy, detachKeys, attach }: StreamChoice): ClientStreams {
  const named = attach?.map(name => name.toLowerCase())
  const wrong = named?.find(name => !['stdin', 'stdout', 'stderr'].includes(name))
  if (wrong !== undefined) throw invalidValue(wrong, '-a, --attach', 'must be stdin, stdout or stderr')
  const has = (name: string, otherwise: boolean) => named?.includes(name) ?? otherwise
  return {
    stdin: has('stdin', interactive),
    stdout: has('stdout', true),
    stderr: has('stderr', true),
    // what a terminal's keys raise reaches the container through its own terminal
    sigProxy: sigProxy && !tty,
    ...(detachKeys === undefined ? {} : { detachKeys }),
  }
}

/** Says so where a terminal was asked for and standard input is none. */
export function warnWithoutTerminal(interactive: boolean, tty: boolean): void {
  if (!interactive || !tty || isTerminal(0)) return
  log.warn('The input device is not a TTY. The --tty and --interactive flags might not work properly')
}

/** Whether a descriptor is a terminal, by its device number; node:tty would cost every `run -it` 2 ms to load. */
function isTerminal(fd: number): boolean {
  const { mode, rdev } = fstatSync(fd)
  const major = (rdev >> 8) & 0xfff
  const isCharacterDevice = (mode & constants.S_IFMT) === constants.S_IFCHR
  // Linux, Documentation/admin-guide/devices.txt: consoles, serial lines, /dev/tty, pseudo-terminals
  return (
    isCharacterDevice &&
    (major === 4 || major === 5 || (major >= 136 && major <= 143) || major === 204 || major === 229)
  )
}

/** Progress on standard error, opened with the first thing there is to show. Dispose it before printing anything. */
export function commandProgress(quiet: boolean): Progress {
  let progress: Progress | undefined
  return {
    onProgress: event => {
      if (quiet) return
      progress ??= openProgress(standardError())
      progress.onProgress(event)
    },
    [Symbol.dispose]: () => progress?.[Symbol.dispose](),
  }
}

function standardError() {
  const { isTTY, columns, rows } = process.stderr
  return { write: printError, ...(isTTY ? { columns: columns || 80, rows: rows || 24 } : {}) }
}
