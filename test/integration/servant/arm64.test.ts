// The arm64 machine code on another processor, by user-mode emulation: this process is the master, with operations written by hand.
import { afterAll, beforeAll, expect } from 'bun:test'
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { syscall } from '#sys/call.ts'
import { Fd as Descriptor, type Fd, openPipe, openSocketPair } from '#sys/fd.ts'
import { SOCK_SEQPACKET } from '#sys/flags.ts'
import { machineCode } from '#sys/servant/code.ts'
import { needs } from '#test/needs.ts'

const BASE = 0x20_0000_0000n
const BYTES = 1 << 20
const code = machineCode.arm64

/** System calls of arm64 (asm-generic/unistd.h). */
const nr = {
  getpid: 172,
  getppid: 173,
  kill: 129,
  clone: 220,
  openat: 56,
  write: 64,
  lseek: 62,
  memfd_create: 279,
  close: 57,
}

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'arm64-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** The arena as a file that the emulated process maps. */
class RemoteArena {
  readonly fd: Fd = new Descriptor(syscall('memfd_create', 'arena', 1))

  constructor() {
    syscall('ftruncate', this.fd.number, BYTES)
  }

  set(offset: number, ...words: (number | bigint)[]): void {
    const bytes = Buffer.from(BigInt64Array.from(words.map(BigInt)).buffer)
    writeSync(this.fd.number, bytes, 0, bytes.byteLength, offset)
  }

  get(offset: number): number {
    const word = new BigInt64Array(1)
    readSync(this.fd.number, word, 0, 8, offset)
    return Number(word[0])
  }

  string(offset: number, text: string): bigint {
    writeSync(this.fd.number, `${text}\0`, offset)
    return address(offset)
  }

  /** Operations from `offset` on, and the end mark. */
  batch(offset: number, operations: Operation[]): void {
    operations.forEach(({ call, args = [], link = 0n, child = 0n, tolerate = 0, link2 = 0n }, index) => {
      const six = [0, 1, 2, 3, 4, 5].map(position => args[position] ?? 0)
      this.set(offset + 96 * index, call, ...six, link, child, 0x7777, tolerate, link2)
    })
    this.set(offset + 96 * operations.length, -1)
  }

  result(offset: number, index: number): number {
    return this.get(offset + 96 * index + 72)
  }
}

interface Operation {
  call: number
  args?: (number | bigint)[]
  link?: bigint
  child?: bigint
  tolerate?: number
  link2?: bigint
}

const address = (offset: number) => BASE + BigInt(offset)
const argument = (batch: number, index: number, position: number) => address(batch + 96 * index + 8 + 8 * position)

/** Runs an emulated program with descriptors 3 and up; resolves with its exit code. */
function emulate(program: string, ...descriptors: Fd[]): Promise<number | null> {
  const child = spawn('qemu-aarch64', [program], {
    stdio: ['ignore', 'inherit', 'inherit', ...descriptors.map(fd => fd.number)],
  })
  return new Promise((resolve, reject) => child.on('error', reject).on('exit', resolve))
}

/** One answer of the servant: the index at which it stopped, -1 for the word a stub begins with. */
async function answer(socket: Fd, batch: number): Promise<number> {
  const word = new BigUint64Array(1)
  const poll = new Int32Array([socket.number, 1])
  for (let tries = 0; syscall('ppoll', poll, 1, new BigInt64Array(2), 0, 8) === 0; tries++) {
    if (tries > 2000) throw new Error('no answer')
    await Bun.sleep(5)
  }
  if (syscall('read', socket.number, word, 8) !== 8) throw new Error('end of file')
  return word[0] === 0xffff_ffff_ffff_ffffn ? -1 : Number((word[0] ?? 0n) - address(batch)) / 96
}

function send(socket: Fd, batch: number): void {
  syscall('sendto', socket.number, new BigUint64Array([address(batch)]), 8, 0x4000, 0, 0)
}

/** Everything a batch can do, whoever runs it: results passed on twice, tolerated errors, and where it stops. */
async function exerciseBatches(arena: RemoteArena, socket: Fd): Promise<void> {
  const at = 0x8000
  const name = arena.string(0x7000, 'seen')
  const missing = arena.string(0x7100, '/nowhere')
  arena.batch(at, [
    { call: nr.memfd_create, args: [name, 0], link: argument(at, 1, 0), link2: argument(at, 2, 0) },
    { call: nr.write, args: [0, name, 4] },
    { call: nr.lseek, args: [0, 0, 1] },
    { call: nr.openat, args: [-100, missing, 0], tolerate: -2 },
    { call: nr.openat, args: [-100, missing, 0], tolerate: 1 },
    { call: nr.getpid },
    { call: nr.openat, args: [-100, missing, 0], tolerate: -13 },
    { call: nr.getpid },
  ])
  send(socket, at)
  expect(await answer(socket, at)).toBe(6)
  expect([1, 2, 3, 4, 6, 7].map(index => arena.result(at, index))).toEqual([4, 4, -2, -2, -2, 0x7777])
  expect(arena.result(at, 0)).toBeGreaterThan(2)
  expect(arena.result(at, 5)).toBeGreaterThan(1)
}

/** Has the servant clone another one, which serves a mailbox of its own. */
async function exerciseClone(arena: RemoteArena, socket: Fd, childSocket: Fd, childFd: number): Promise<void> {
  const at = 0xa000
  const first = 0xb000
  const mailbox = 0x40
  arena.batch(first, [{ call: nr.getppid }])
  arena.set(mailbox, childFd, address(first))
  arena.batch(at, [{ call: nr.clone, args: [17], child: address(mailbox) }, { call: nr.getpid }])
  send(socket, at)
  expect(await answer(socket, at)).toBe(2)
  expect(await answer(childSocket, first)).toBe(1)
  expect(arena.result(first, 0)).toBe(arena.result(at, 1)) // the child's parent is the servant
  arena.set(mailbox, 999) // the mailbox is another's now: a servant keeps its descriptor
  await exerciseBatches(arena, childSocket)
}

needs('qemu-arm64', 'binutils-arm64')(
  'arm64: run_op clones, the child serves; raw_call and relay_signal do their work',
  async () => {
    writeFileSync(join(folder, 'servant.bin'), Buffer.from(code.servant, 'hex'))
    const symbols = {
      BASE,
      BYTES,
      OFFSET: 0x1000,
      RUN_OP: code.runOp,
      RAW_CALL: code.rawCall,
      RELAY_SIGNAL: code.relaySignal,
    }
    const definitions = Object.entries(symbols).flatMap(([name, value]) => ['--defsym', `${name}=${value}`])
    const run = (...cmd: string[]) => {
      const { exitCode, stderr } = Bun.spawnSync({ cmd, cwd: folder, stdin: 'ignore' })
      if (exitCode !== 0) throw new Error(`${cmd[0]}: ${stderr.toString()}`)
    }
    run('aarch64-linux-gnu-as', ...definitions, '-o', 'driver.o', join(import.meta.dir, 'driver-arm64.S'))
    run('aarch64-linux-gnu-ld', '-z', 'noexecstack', '-o', 'driver', 'driver.o')

    const arena = new RemoteArena()
    const [ours, theirs] = openSocketPair(SOCK_SEQPACKET)
    const [childOurs, childTheirs] = openSocketPair(SOCK_SEQPACKET)
    const [reader, writer] = openPipe()
    const first = 0x2000
    arena.batch(first, [{ call: nr.getpid }, { call: nr.getppid }])
    arena.set(0x20, 5, address(first)) // the mailbox of the servant: descriptor 5
    arena.set(0x1000, nr.clone, 17, 0, 0, 0, 0, 0, 0, address(0x20))
    const ended = emulate(join(folder, 'driver'), arena.fd, writer, theirs, childTheirs)
    theirs.close()
    childTheirs.close()
    expect(await answer(ours, first)).toBe(2)
    await exerciseBatches(arena, ours)
    await exerciseClone(arena, ours, childOurs, 6)
    childOurs.close()
    ours.close() // the servant ends, and the driver with it
    expect(await ended).toBe(0)
    expect(arena.get(0x1060)).toBe(arena.result(first, 0)) // run_op's result is the child's pid
    expect(arena.get(0x1068)).toBeGreaterThan(4096) // raw_call's is an address
    expect(arena.get(0x1070) & 0xffff).toBe(127 << 8) // how the servant ended
    const signal = Buffer.alloc(8)
    expect([readSync(reader.number, signal), signal[0]]).toEqual([1, 28])
    for (const fd of [reader, writer, arena.fd]) fd.close()
  },
  30_000,
)

needs('qemu-arm64')(
  'arm64: the stub is a program that maps the arena and serves its mailbox',
  async () => {
    const arena = new RemoteArena()
    const [ours, theirs] = openSocketPair(SOCK_SEQPACKET)
    const [childOurs, childTheirs] = openSocketPair(SOCK_SEQPACKET)
    const image = Buffer.from(code.stub, 'hex')
    ;[BASE, BigInt(BYTES), 3n, address(0x20)].forEach((word, index) =>
      image.writeBigUInt64LE(word, code.stubParameters + 8 * index),
    )
    const stub = join(folder, 'stub')
    writeFileSync(stub, image)
    chmodSync(stub, 0o700)
    arena.set(0x20, 4)
    const ended = emulate(stub, arena.fd, theirs, childTheirs)
    theirs.close()
    childTheirs.close()
    expect(await answer(ours, 0)).toBe(-1)
    const at = 0xc000
    arena.batch(at, [{ call: nr.close, args: [3] }])
    send(ours, at)
    expect(await answer(ours, at)).toBe(0) // the stub has closed the arena's descriptor itself
    expect(arena.result(at, 0)).toBe(-9)
    await exerciseBatches(arena, ours)
    await exerciseClone(arena, ours, childOurs, 5)
    childOurs.close()
    ours.close()
    expect(await ended).toBe(127)
    arena.fd.close()
  },
  30_000,
)
