// What only Bun offers, or offers without loading what takes longer than most commands (node:crypto: 6 ms).

/** This process will work for a while: code is compiled as early as ever (the executable starts reluctant, scripts/build.ts). */
export function expectLongLife(): void {
  Bun.unsafe.setJITPolicy(1)
}

/**
 * The environment of a process that serves a container for its whole life: a few calls a batch are as fast without the engine's
 * compilers, which saves 1 MB, and small pages keep its memory as small as its data (docs/decisions/huge-pages.md).
 */
export const frugalEnvironment = ['BUN_JSC_useJIT=0', 'MIMALLOC_ALLOW_THP=0'] as const

/** Does nothing for a while, this thread alone. */
export function sleepSync(milliseconds: number): void {
  Bun.sleepSync(milliseconds)
}

/** The SHA-256 digest of a text (as UTF-8) or bytes, in hexadecimal. */
export function sha256Hex(data: Uint8Array | string): string {
  return new Bun.CryptoHasher('sha256').update(data).digest('hex')
}

/** Random bytes for names that nobody can guess, in hexadecimal. */
export function randomHex(byteLength: number): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(byteLength))).toString('hex')
}

/** One gzip member (RFC 1952) that holds these bytes, by libdeflate: half the time of zlib for the same size. Level 1 to 12. */
export function gzipMember(bytes: Uint8Array<ArrayBuffer>, level: number): Uint8Array {
  return Bun.gzipSync(bytes, { library: 'libdeflate', level: level as 6 })
}

/** Gives memory that nothing needs any more back to the system; to be called when there is nothing else to do. */
export function releaseMemory(): void {
  Bun.gc(true)
  Bun.shrink()
}
