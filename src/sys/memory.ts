// Addresses of memory that JavaScript owns, for structures that point to other structures. Valid while the buffer is referenced.
import { koffi } from './koffi.ts'

/** The address of a buffer's first byte. The engine does not move array buffers; the caller keeps a reference. */
export function memoryAddress(buffer: NodeJS.ArrayBufferView): bigint {
  return koffi.address(buffer)
}
