// Raw system calls. They go through three instructions of our own rather than through libc, so a result is the kernel's own:
// there is no errno that something else could overwrite.
import { SystemCallError } from '#errors.ts'
import { errnoName, errnoText } from './errno.ts'
import { code, codeFunction, type NativeFunction } from './koffi.ts'
import { type SyscallName, syscallNumber } from './numbers.ts'

/** A number, a NUL-terminated string, memory passed by address, or null. */
export type SyscallArgument = number | bigint | string | NodeJS.ArrayBufferView | null

const bound = new Map<string, NativeFunction>()
let counter = 0

function bind(shape: string): NativeFunction {
  const types = shape.split('').map(letter => (letter === 's' ? 'const char*' : letter === 'p' ? 'void*' : 'int64_t'))
  while (types.length < 6) types.push('int64_t')
  const found = codeFunction(code.rawCall, `int64_t raw${counter++}(int64_t, ${types.join(', ')})`)
  bound.set(shape, found)
  return found
}

function shapeOf(args: readonly SyscallArgument[]): string {
  let shape = ''
  for (const arg of args) shape += typeof arg === 'string' ? 's' : typeof arg === 'object' && arg !== null ? 'p' : 'l'
  return shape
}

const EINTR = -4

/** Makes a system call and returns the kernel's result: a negative errno number on failure. EINTR is retried. */
export function trySyscall(name: SyscallName, ...args: SyscallArgument[]): number {
  const shape = shapeOf(args)
  const call = bound.get(shape) ?? bind(shape)
  const number = syscallNumber(name)
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = args
  for (;;) {
    const result = Number(call(number, a ?? 0, b ?? 0, c ?? 0, d ?? 0, e ?? 0, f ?? 0))
    if (result !== EINTR || name === 'close') return result
  }
}

/** Makes a system call; throws a SystemCallError that names the first string argument. EINTR is retried. */
export function syscall(name: SyscallName, ...args: SyscallArgument[]): number {
  const result = trySyscall(name, ...args)
  if (result < 0 && result > -4096) throw systemCallError(name, result, operandOf(args))
  return result
}

function operandOf(args: readonly SyscallArgument[]): string | undefined {
  return args.find(arg => typeof arg === 'string')
}

/** The error for a negative result of `trySyscall`. */
export function systemCallError(name: string, result: number, operand?: string): SystemCallError {
  const errno = errnoName(-result)
  return new SystemCallError(name, errno, errnoText(errno), operand)
}
