// The smallest tar writer that can also write archives nobody should write (POSIX ustar, no checks).

export interface TarEntry {
  name: string
  /** `0` file, `1` hard link, `2` symbolic link, `3` character device, `5` folder */
  type: '0' | '1' | '2' | '3' | '5'
  text?: string
  linkName?: string
  mode?: number
}

/** An uncompressed archive of the entries, exactly as given. */
export function writeTar(entries: TarEntry[]): Uint8Array {
  const blocks: Buffer[] = []
  for (const entry of entries) {
    const body = Buffer.from(entry.text ?? '')
    blocks.push(header(entry, body.length), body, Buffer.alloc((512 - (body.length % 512)) % 512))
  }
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}

function header({ name, type, linkName = '', mode = type === '5' ? 0o755 : 0o644 }: TarEntry, size: number): Buffer {
  const block = Buffer.alloc(512)
  const octal = (value: number, length: number) => `${value.toString(8).padStart(length - 1, '0')}\0`
  block.write(name, 0, 100)
  block.write(octal(mode, 8), 100)
  block.write(octal(0, 8), 108)
  block.write(octal(0, 8), 116)
  block.write(octal(size, 12), 124)
  block.write(octal(1_704_067_200, 12), 136)
  block.write('        ', 148)
  block.write(type, 156)
  block.write(linkName, 157, 100)
  block.write('ustar\x0000', 257)
  block.write(
    `${octal(
      block.reduce((sum, byte) => sum + byte, 0),
      7,
    )} `,
    148,
  )
  return block
}
