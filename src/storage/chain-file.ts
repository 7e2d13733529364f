// Reads a small file of an image or container without mounting it: the uppermost folder of the chain that has it decides.
// Runs in the host's namespaces; symbolic links are resolved beneath each folder and never lead out of it.
import { TspodError } from '#errors.ts'
import { trySyscall } from '#sys/call.ts'
import { Fd, openFile, readFd } from '#sys/fd.ts'
import {
  O_CLOEXEC,
  O_DIRECTORY,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
} from '#sys/flags.ts'

const ENXIO = -6
/** The file was there in a layer below. */
const deleted = Symbol('deleted')

/** The file's text; empty where no folder has it. `folders` are the layers' `diff` folders, uppermost first. */
export function readChainFile(folders: readonly string[], path: string, maxBytes = 4 << 20): string {
  for (const folder of folders) {
    const found = readBeneath(folder, path, maxBytes)
    if (found === deleted) return ''
    if (found !== undefined) return found
  }
  return ''
}

function readBeneath(folder: string, path: string, maxBytes: number): string | typeof deleted | undefined {
  using root = openFolder(folder)
  if (root === undefined) return undefined
  const how = new BigUint64Array([
    BigInt(O_RDONLY | O_CLOEXEC | O_NONBLOCK),
    0n,
    BigInt(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS),
  ])
  const number = trySyscall('openat2', root.number, path, how, 24)
  if (number === ENXIO) return deleted // a whiteout: the character device 0:0
  if (number < 0) return undefined
  using file = new Fd(number)
  return readText(file, path, maxBytes)
}

function openFolder(folder: string): Fd | undefined {
  try {
    return openFile(folder, O_PATH | O_DIRECTORY)
  } catch (error) {
    if (error instanceof TspodError && error.code === 'NOT_FOUND') return undefined
    throw error
  }
}

function readText(file: Fd, path: string, maxBytes: number): string {
  const chunks: Buffer[] = []
  let total = 0
  for (;;) {
    const chunk = Buffer.alloc(16384)
    const count = readFd(file.number, chunk)
    if (count <= 0) return Buffer.concat(chunks).toString('utf8')
    total += count
    if (total > maxBytes) throw new TspodError('INVALID', `the image's "${path}" is larger than ${maxBytes} bytes`)
    chunks.push(chunk.subarray(0, count))
  }
}
