// Archives compressed by xz or bzip2, for ADD: the machine's own programs decompress them.
import { TspodError } from '#errors.ts'
import { findProgram } from '#host/helper-programs.ts'

export type ForeignCompression = 'bzip2' | 'xz'

/** By the first bytes; `undefined` for everything else. */
export function sniffForeign(head: Buffer): ForeignCompression | undefined {
  if (head.subarray(0, 3).toString('latin1') === 'BZh') return 'bzip2'
  return head.subarray(0, 6).equals(Buffer.from('fd377a585a00', 'hex')) ? 'xz' : undefined
}

/** The plain bytes of a file. Throws NOT_FOUND where the program is missing, INVALID for damaged data. */
export async function* decompressForeign(path: string, compression: ForeignCompression): AsyncIterable<Uint8Array> {
  const program = findProgram(compression)
  if (program === undefined)
    throw new TspodError('NOT_FOUND', `decompressing an archive: ${compression} is not installed`, {
      hint: `install ${compression === 'xz' ? 'xz-utils' : 'bzip2'}, or compress the archive with gzip or zstd`,
    })
  const { spawn } = process.getBuiltinModule('node:child_process')
  const { openSync, closeSync } = process.getBuiltinModule('node:fs')
  const input = openSync(path, 'r')
  const child = spawn(program, ['-dc'], { stdio: [input, 'pipe', 'pipe'], env: { LC_ALL: 'C' } })
  closeSync(input)
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString('latin1').slice(0, 2000)))
  const ended = new Promise<number | null>(resolve => {
    child.once('close', resolve)
    child.once('error', () => resolve(null))
  })
  try {
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) yield chunk
    const status = await ended
    if (status !== 0)
      throw new TspodError('INVALID', `decompressing ${compression} data: ${said.trim() || 'it failed'}`)
  } finally {
    child.kill('SIGKILL')
  }
}
