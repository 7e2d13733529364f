// System calls by name and number on each architecture a filter can meet.
import { syscallNames } from './syscall-numbers.ts'

export type FilterArch = keyof typeof syscallNames

/** Calls `visit` for every system call of an architecture, by ascending number; x32's come without their bit 30. */
export function forEachSyscall(arch: FilterArch, visit: (name: string, number: number) => void): void {
  let next = 0
  for (const word of syscallNames[arch].split(' ')) {
    if (word.startsWith('@')) next = Number(word.slice(1))
    else visit(word, next++)
  }
}
