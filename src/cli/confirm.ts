// The question before something is removed for good.
import { readSync } from 'node:fs'
import { errnoOf } from '#errors.ts'
import { print } from './output.ts'

/** Prints the warning and asks; only `y` or `yes` is a yes, the end of input is a no. */
export function confirm(warning: string): boolean {
  print(`${warning}\nAre you sure you want to continue? [y/N] `)
  return /^y(?:es)?$/i.test(readLine().trim())
}

function readLine(): string {
  let line = ''
  const byte = Buffer.alloc(1)
  for (;;) {
    try {
      if (readSync(0, byte, 0, 1, null) === 0 || byte[0] === 0x0a) return line
      line += byte.toString('latin1')
    } catch (error) {
      if (errnoOf(error) !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
    }
  }
}
