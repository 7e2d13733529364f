// Runs classic BPF as the kernel does for seccomp: what a filter says to one system call.

export interface Call {
  arch: number
  number: number
  args: bigint[]
}

/** The value the filter returns; throws where the kernel would refuse the program or run past its end. */
export function interpret(filter: Uint8Array, { arch, number, args }: Call): number {
  const data = new DataView(new ArrayBuffer(64))
  data.setUint32(0, number >>> 0, true)
  data.setUint32(4, arch, true)
  args.forEach((value, index) => data.setBigUint64(16 + 8 * index, BigInt.asUintN(64, value), true))
  const program = new DataView(filter.buffer, filter.byteOffset, filter.byteLength)
  let accumulator = 0
  for (let at = 0; at < filter.length / 8; at++) {
    const code = program.getUint16(at * 8, true)
    const value = program.getUint32(at * 8 + 4, true)
    const jump = (holds: boolean) => {
      at += program.getUint8(at * 8 + (holds ? 2 : 3))
    }
    if (code === 0x20) accumulator = data.getUint32(value, true)
    else if (code === 0x54) accumulator = (accumulator & value) >>> 0
    else if (code === 0x05) at += value
    else if (code === 0x15) jump(accumulator === value)
    else if (code === 0x25) jump(accumulator > value)
    else if (code === 0x35) jump(accumulator >= value)
    else if (code === 0x06) return value
    else throw new Error(`instruction ${at} has the unknown code ${code}`)
  }
  throw new Error('the program ends without a decision')
}
