// Byte sizes as --shm-size and its kin take them: binary multiples, as docker's units.RAMInBytes reads them.
import { TspodError } from '#errors.ts'

const exponents: Record<string, number> = { '': 0, k: 1, m: 2, g: 3, t: 4, p: 5 }

/** `64m`, `1.5g`, `65536k`, `1GiB`, `4096` in bytes (run(1): b, k, m, g). Throws INVALID quoting `option` and `text`. */
export function parseByteSize(option: string, text: string): number {
  const match = /^([0-9]+(?:\.[0-9]+)?) ?([kmgtp]?)(?:i?b)?$/i.exec(text.trim())
  if (match === null)
    throw new TspodError('INVALID', `parsing ${option} "${text}": must be a size such as 65536, 512k, 64m or 1g`)
  const bytes = Math.floor(Number(match[1]) * 1024 ** (exponents[(match[2] ?? '').toLowerCase()] ?? 0))
  if (!Number.isSafeInteger(bytes))
    throw new TspodError('INVALID', `parsing ${option} "${text}": larger than ${Number.MAX_SAFE_INTEGER} bytes`)
  return bytes
}
