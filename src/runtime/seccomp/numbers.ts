// Looks up system call numbers by name on each architecture a filter can meet.
import { syscallNames } from './syscall-numbers.ts'

export type FilterArch = keyof typeof syscallNames

const x32Bit = 0x40000000
const tables = new Map<FilterArch, Map<string, number>>()

/** Every system call of an architecture; x32's with their bit 30, as seccomp_data.nr has them. */
export function syscallNumbers(arch: FilterArch): ReadonlyMap<string, number> {
  const known = tables.get(arch)
  if (known !== undefined) return known
  const base = arch === 'x32' ? x32Bit : 0
  const table = new Map<string, number>()
  let next = 0
  for (const word of syscallNames[arch].split(' ')) {
    if (word.startsWith('@')) next = Number(word.slice(1))
    else table.set(word, base + next++)
  }
  tables.set(arch, table)
  return table
}
