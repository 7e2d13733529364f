// Terminals: raw mode, window size (termios(3), ioctl_tty(2)). The ioctl numbers are the same on x86-64 and arm64.
import { syscall, trySyscall } from './call.ts'

const TCGETS = 0x5401
const TCSETS = 0x5402
const TCSETSW = 0x5403
const TIOCGWINSZ = 0x5413
const TIOCSWINSZ = 0x5414
/** struct termios of the kernel: four flag words, line discipline, 19 control characters. */
const TERMIOS_BYTES = 64

export interface WindowSize {
  rows: number
  columns: number
}

/** True when the descriptor is a terminal. */
export function isTerminal(fd: number): boolean {
  return trySyscall('ioctl', fd, TCGETS, Buffer.alloc(TERMIOS_BYTES)) === 0
}

/** The window's size; `undefined` when the descriptor is no terminal. */
export function readWindowSize(fd: number): WindowSize | undefined {
  const size = Buffer.alloc(8)
  if (trySyscall('ioctl', fd, TIOCGWINSZ, size) < 0) return undefined
  return { rows: size.readUInt16LE(0), columns: size.readUInt16LE(2) }
}

/** Sets the window's size; the foreground processes get SIGWINCH. */
export function setWindowSize(fd: number, { rows, columns }: WindowSize): void {
  const size = Buffer.alloc(8)
  size.writeUInt16LE(rows, 0)
  size.writeUInt16LE(columns, 2)
  syscall('ioctl', fd, TIOCSWINSZ, size)
}

/** A terminal in raw mode (cfmakeraw(3)) until this is disposed. */
export class RawMode implements Disposable {
  readonly #fd: number
  readonly #before = Buffer.alloc(TERMIOS_BYTES)

  constructor(fd: number) {
    this.#fd = fd
    syscall('ioctl', fd, TCGETS, this.#before)
    const raw = Buffer.from(this.#before)
    raw.writeUInt32LE(raw.readUInt32LE(0) & ~0x5eb, 0) // IGNBRK BRKINT PARMRK ISTRIP INLCR IGNCR ICRNL IXON
    raw.writeUInt32LE(raw.readUInt32LE(4) & ~0x1, 4) // OPOST
    raw.writeUInt32LE((raw.readUInt32LE(8) & ~0x130) | 0x30, 8) // CSIZE PARENB, then CS8
    raw.writeUInt32LE(raw.readUInt32LE(12) & ~0x804b, 12) // ECHO ECHONL ICANON ISIG IEXTEN
    raw[17 + 6] = 1 // VMIN
    raw[17 + 5] = 0 // VTIME
    syscall('ioctl', fd, TCSETSW, raw)
  }

  [Symbol.dispose](): void {
    trySyscall('ioctl', this.#fd, TCSETS, this.#before)
  }
}
