// Questions to whoever sits at the terminal, and passwords that a program sends.
import { readSync } from 'node:fs'
import { isatty } from 'node:tty'
import { errnoOf } from '#errors.ts'
import { usageError } from './command.ts'
import { printError } from './output.ts'

/** Everything on standard input, without the newlines at its end: a password that a program sends. */
export function readPassword(): string {
  const parts: Buffer[] = []
  for (let part = readSome(4096); part.byteLength > 0; part = readSome(4096)) parts.push(part)
  return Buffer.concat(parts)
    .toString()
    .replace(/[\r\n]+$/, '')
}

/** One line as it is typed. */
export function ask(question: string): string {
  requireTerminal(question)
  printError(question)
  return readLine(byte => byte)
}

/** One line that is not shown. */
export function askSecret(question: string): string {
  requireTerminal(question)
  printError(question)
  process.stdin.setRawMode(true)
  try {
    return readLine(byte => {
      if (byte === 0x03) throw usageError('interrupted') // raw mode: Ctrl-C is only a byte
      return byte
    })
  } finally {
    process.stdin.setRawMode(false)
    printError('\n')
  }
}

function requireTerminal(question: string): void {
  if (!isatty(0))
    throw usageError(
      `cannot ask "${question.trim()}": standard input is no terminal, use --username and --password-stdin`,
    )
}

function readLine(filter: (byte: number) => number): string {
  const bytes: number[] = []
  for (;;) {
    const [byte] = readSome(1)
    if (byte === undefined || byte === 0x0a || byte === 0x0d || byte === 0x04) return Buffer.from(bytes).toString()
    if (filter(byte) === 0x7f || byte === 0x08) bytes.pop()
    else bytes.push(byte)
  }
}

/** The next bytes; none at the end. */
function readSome(most: number): Buffer {
  const buffer = Buffer.alloc(most)
  for (;;) {
    try {
      return buffer.subarray(0, readSync(0, buffer, 0, most, null))
    } catch (error) {
      if (errnoOf(error) === 'EOF') return buffer.subarray(0, 0)
      if (errnoOf(error) !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
    }
  }
}
