// The foreign function interface: koffi's native module, loaded directly (its JavaScript loader costs 12 ms), and the page of machine code.
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { TspodError } from '#errors.ts'
import { nativeModule as embedded } from './koffi-native.ts'
import { type MachineCode, machineCode } from './servant/code.ts'

/** A C function that koffi calls. */
export type NativeFunction = (...args: unknown[]) => number | bigint

interface Koffi {
  load(path: string | null): { func(signature: string): NativeFunction }
  proto(signature: string): unknown
  decode(pointer: unknown, type: unknown): NativeFunction
  address(pointer: unknown): bigint
  view(pointer: unknown, length: number): ArrayBuffer
  errno(): number
}

/**
 * The native module as a file that can be loaded again and again: what is embedded in the executable would be written out at
 * every start (7 ms), so it is copied once to a private folder of the user's cache.
 */
function nativeModulePath(): string {
  if (!embedded.startsWith('/$bunfs/')) return embedded
  const home =
    process.env.XDG_CACHE_HOME ?? (process.env.HOME === undefined ? undefined : join(process.env.HOME, '.cache'))
  if (home === undefined || !home.startsWith('/')) return embedded
  const folder = join(home, 'tspod')
  const cached = join(folder, basename(embedded))
  try {
    if (isOurs(cached)) return cached
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const temporary = `${cached}.${process.pid}`
    writeFileSync(temporary, readFileSync(embedded), { mode: 0o500 })
    renameSync(temporary, cached)
    return isOurs(cached) ? cached : embedded
  } catch {
    return embedded // a home that cannot be written: slower, and right
  }
}

/** A cached copy is trusted only where nobody else could have written it; its name holds a digest of its content. */
function isOurs(path: string): boolean {
  const facts = statSync(path, { throwIfNoEntry: false })
  return facts !== undefined && facts.isFile() && facts.uid === process.geteuid?.() && (facts.mode & 0o022) === 0
}

function machineCodeHere(): MachineCode {
  const { arch } = process
  if (arch === 'x64' || arch === 'arm64') return machineCode[arch]
  throw new TspodError('UNSUPPORTED', `tspod runs on x86-64 and arm64, this processor is ${arch}`)
}

export const code = machineCodeHere()

/** Bytes of the page that holds the machine code. */
const CODE_BYTES = 4096

interface Native {
  koffi: Koffi
  libc: ReturnType<Koffi['load']>
  /** Address of the page of machine code (src/sys/servant/*.S); a page of data follows. */
  codeAddress: bigint
}

let native: Native | undefined

/** Loaded at the first system call: commands that only read files do without (2 ms). */
function ffi(): Native {
  native ??= open()
  return native
}

function open(): Native {
  const module = { exports: {} }
  process.dlopen(module, nativeModulePath())
  const koffi = module.exports as Koffi
  const libc = koffi.load(null)
  return { koffi, libc, codeAddress: mapCode(koffi, libc) }
}

/** Maps the machine code into a private page, read and execute only, and a page of data after it. Returns its address. */
function mapCode(koffi: Koffi, libc: Native['libc']): bigint {
  const page = libc.func('void* mmap(uintptr_t, size_t, int, int, int, int64_t)')(0, 2 * CODE_BYTES, 3, 0x22, -1, 0)
  const address = koffi.address(page)
  if (address === 0xffff_ffff_ffff_ffffn)
    throw new TspodError('INTERNAL', `mapping a page for machine code failed (errno ${koffi.errno()})`)
  new Uint8Array(koffi.view(page, CODE_BYTES)).set(Buffer.from(code.servant, 'hex'))
  if (libc.func('int mprotect(uintptr_t, size_t, int)')(address, CODE_BYTES, 5) !== 0)
    throw new TspodError('DENIED', `making a page executable failed (errno ${koffi.errno()})`, {
      hint: 'a security module forbids new executable memory (SELinux execmem); it must allow it for tspod',
    })
  return address
}

/** Address of what lies at an offset in the page of machine code. */
export function codeAddress(offset: number): bigint {
  return ffi().codeAddress + BigInt(offset)
}

/** Binds a C signature to a function inside the page of machine code. */
export function codeFunction(offset: number, signature: string): NativeFunction {
  const { koffi } = ffi()
  return koffi.decode(codeAddress(offset), koffi.proto(signature))
}

/** Binds a C signature to a function of libc. */
export function libcFunction(signature: string): NativeFunction {
  return ffi().libc.func(signature)
}

/** A view on memory at an address; the caller knows that it is mapped. */
export function memoryAt(address: bigint, length: number): ArrayBuffer {
  return ffi().koffi.view(address, length)
}

/** The address of a buffer's first byte. The engine does not move array buffers; the caller keeps a reference. */
export function memoryAddress(buffer: NodeJS.ArrayBufferView): bigint {
  return ffi().koffi.address(buffer)
}

/** The word after the code: the descriptor that relay_signal writes to. */
export function setRelayDescriptor(fd: number): void {
  new DataView(memoryAt(codeAddress(CODE_BYTES), 8)).setInt32(0, fd, true)
}
