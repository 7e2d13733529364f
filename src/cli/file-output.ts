// Archives on their way out: to a file, or to standard output that is no terminal.
import { closeSync, fstatSync, openSync, unlinkSync, writeFileSync, writeSync } from 'node:fs'
import { isatty } from 'node:tty'
import type { WriteChunk } from '#engine/contracts/image.ts'
import { during } from '#errors.ts'
import { usageError } from './command.ts'
import { print } from './output.ts'

/** Disposed before `finish`, it removes the unfinished file. */
export interface FileOutput extends Disposable {
  write: WriteChunk
  finish: () => void
}

/** Opens where an archive goes; `verb` is for the refusal to write one to a terminal. */
export function openOutput(path: string | undefined, verb: string): FileOutput {
  if (path === undefined || path === '-') {
    if (isatty(1)) throw usageError(`refusing to ${verb} to terminal. Use -o flag or redirect`)
    const write: WriteChunk = chunk => {
      print(chunk)
      return Promise.resolve()
    }
    return { write, finish: () => {}, [Symbol.dispose]: () => {} }
  }
  const fd = attempt(path, () => openSync(path, 'w', 0o644))
  let open = true
  const write: WriteChunk = chunk => {
    for (let rest = chunk; rest.length > 0; ) rest = rest.subarray(attempt(path, () => writeSync(fd, rest)))
    return Promise.resolve()
  }
  const finish = () => {
    open = false
    attempt(path, () => closeSync(fd))
  }
  const discard = () => {
    if (!open) return
    const isFile = fstatSync(fd).isFile()
    closeSync(fd)
    if (isFile) unlinkSync(path)
  }
  return { write, finish, [Symbol.dispose]: discard }
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    throw during(`writing "${path}"`, error)
  }
}

/** A small result in a file of the user's. */
export function writeSmallFile(path: string, text: string): void {
  attempt(path, () => writeFileSync(path, text))
}
