// Compression for pushes: the result is what every decompressor reads, and the same whatever pieces the bytes come in.
import { expect, test } from 'bun:test'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { compress } from '#image/compress.ts'

const bytes = Buffer.alloc(3_500_000)
for (let at = 0; at < bytes.length; at++) bytes[at] = (at * at) >> 7

async function* pieces(size: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(chunks))
}

test('compress() makes members of one size, so pieces do not show in the result', async () => {
  const [one, other] = await Promise.all(
    [100_000, 1_500_000].map(async size => await collect(compress(pieces(size), { format: 'gzip', level: 4 }))),
  )
  expect(one?.equals(other ?? Buffer.alloc(0))).toBe(true)
  expect(gunzipSync(one ?? '').equals(bytes)).toBe(true)
  const gzip = Bun.spawnSync(['gzip', '-dc'], { stdin: one })
  expect(gzip.stdout.equals(bytes)).toBe(true)
})

test('compress() of nothing is a stream that decompresses to nothing', async () => {
  async function* nothing(): AsyncIterable<Uint8Array> {}
  expect(gunzipSync(await collect(compress(nothing(), { format: 'gzip', level: 4 }))).length).toBe(0)
})

test('compress() makes zstd', async () => {
  const packed = await collect(compress(pieces(200_000), { format: 'zstd', level: 3 }))
  expect(zstdDecompressSync(packed).equals(bytes)).toBe(true)
})

test('what fails while it is read fails the compression', async () => {
  async function* broken(): AsyncIterable<Uint8Array> {
    yield bytes.subarray(0, 10)
    throw new Error('the disk is gone')
  }
  for (const format of ['gzip', 'zstd'] as const)
    expect(collect(compress(broken(), { format, level: 3 }))).rejects.toThrow('the disk is gone')
})
