// Signals as bytes on a pipe. The handler is machine code (relay_signal in servant-*.S): JavaScript never runs in a signal handler,
// and a loop over Poller sees signals in order with everything else.
import { syscall } from './call.ts'
import { type Fd, openPipe } from './fd.ts'
import { O_NONBLOCK } from './flags.ts'
import { code, codeAddress, libcFunction, setRelayDescriptor } from './koffi.ts'

const SA_RESTART = 0x1000_0000n

/** libc's sigaction: it supplies the restorer that the kernel wants on x86-64. struct sigaction of glibc: handler, mask (128 bytes), flags. */
const SIGACTION = 'int sigaction(int, const void*, void*)'
const ACTION_BYTES = 152

/** Signals that arrive as bytes on `fd` until this is disposed; then the former handlers are back. */
export class SignalRelay implements Disposable {
  readonly #reader: Fd
  readonly #writer: Fd
  readonly #before = new Map<number, Buffer>()
  readonly #sigaction = libcFunction(SIGACTION)

  constructor(signals: readonly number[]) {
    ;[this.#reader, this.#writer] = openPipe(O_NONBLOCK)
    setRelayDescriptor(this.#writer.number)
    for (const signal of signals) {
      const action = Buffer.alloc(ACTION_BYTES)
      action.writeBigUInt64LE(codeAddress(code.relaySignal), 0)
      action.writeInt32LE(Number(SA_RESTART), 136)
      const old = Buffer.alloc(ACTION_BYTES)
      this.#sigaction(signal, action, old)
      this.#before.set(signal, old)
    }
  }

  /** Readable when a signal has come. */
  get fd(): number {
    return this.#reader.number
  }

  /** The signals that have come since the last look, in order. */
  take(): number[] {
    const bytes = new Uint8Array(64)
    let count: number
    try {
      count = syscall('read', this.fd, bytes, bytes.byteLength)
    } catch {
      return [] // nothing there
    }
    return [...bytes.subarray(0, count)]
  }

  [Symbol.dispose](): void {
    for (const [signal, old] of this.#before) this.#sigaction(signal, old, null)
    setRelayDescriptor(-1)
    this.#reader.close()
    this.#writer.close()
  }
}
