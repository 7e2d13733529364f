// How large a page of memory is: 4096 bytes on x86-64, up to 65536 on arm64.
import { libcFunction } from './koffi.ts'

let known: number | undefined

/** getpagesize(2). */
export function pageBytes(): number {
  known ??= Number(libcFunction('int getpagesize()')())
  return known
}
