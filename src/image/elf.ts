// What an ELF program says of the loader it needs (elf(5)). Pure.

const PT_INTERP = 3

/** `dynamic` with the loader's path, `static`, or `undefined` for what is no 64- or 32-bit little-endian ELF file. */
export function readElf(file: Buffer): { kind: 'dynamic'; loader: string } | { kind: 'static' } | undefined {
  if (file.byteLength < 64 || file.readUInt32BE(0) !== 0x7f454c46 || file[5] !== 1) return undefined
  const is64 = file[4] === 2
  const headers = is64 ? Number(file.readBigUInt64LE(32)) : file.readUInt32LE(28)
  const size = file.readUInt16LE(is64 ? 54 : 42)
  const count = file.readUInt16LE(is64 ? 56 : 44)
  for (let at = headers; at < headers + size * count; at += size) {
    if (at + size > file.byteLength) return undefined
    if (file.readUInt32LE(at) !== PT_INTERP) continue
    const offset = is64 ? Number(file.readBigUInt64LE(at + 8)) : file.readUInt32LE(at + 4)
    const length = is64 ? Number(file.readBigUInt64LE(at + 32)) : file.readUInt32LE(at + 16)
    if (offset + length > file.byteLength || length < 2) return undefined
    return { kind: 'dynamic', loader: file.toString('utf8', offset, offset + length - 1) }
  }
  return { kind: 'static' }
}

/** The absolute paths in what a dynamic loader prints with --list: `libc.so.6 => /lib/libc.so.6 (0x…)`. Pure. */
export function parseLoaderList(text: string): { paths: string[]; missing: string[] } {
  const paths = [...text.matchAll(/^\s*(?:\S+ => )?(\/\S+) \(0x[0-9a-f]+\)$/gm)].map(([, path = '']) => path)
  const missing = [...text.matchAll(/^\s*(\S+) => not found$/gm)].map(([, name = '']) => name)
  return { paths, missing }
}
