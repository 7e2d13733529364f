// Digests as OCI image-spec (descriptor.md) writes them, and the chain ids made of them. Pure.
import { TspodError } from '#errors.ts'

declare const digestBrand: unique symbol
declare const chainBrand: unique symbol

/** `sha256:` and 64 hexadecimal digits: the hash of some bytes (a blob, a manifest, an uncompressed layer). */
export type Digest = `sha256:${string}` & { readonly [digestBrand]: true }

/** The name of a stack of layers, `sha256:` and 64 digits (image-spec config.md, Layer ChainID); no blob has it. */
export type ChainId = `sha256:${string}` & { readonly [chainBrand]: true }

/** SHA-256 of a text as 64 hexadecimal digits; given as an argument since this folder imports nothing. */
export type Sha256Hex = (text: string) => string

const form = /^sha256:[a-f0-9]{64}$/

/** True for `sha256:` and 64 lower-case hexadecimal digits. */
export function isDigest(value: unknown): value is Digest {
  return typeof value === 'string' && form.test(value)
}

/** Checks a digest; `what` names it in the error (`layers[2].digest`). Throws INVALID, UNSUPPORTED for another algorithm. */
export function parseDigest(value: unknown, what = 'digest'): Digest {
  if (isDigest(value)) return value
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing')
  const shown = text.length > 100 ? `${text.slice(0, 97)}...` : text
  if (/^sha(384|512):[a-f0-9]{96,128}$/.test(text))
    throw new TspodError('UNSUPPORTED', `${what} is "${shown}": only sha256 digests are supported`)
  throw new TspodError('INVALID', `${what} is "${shown}", must be "sha256:" and 64 hexadecimal digits`)
}

/** The digest with this hexadecimal value. */
export function digestOf(hex: string): Digest {
  return parseDigest(`sha256:${hex}`)
}

/** The 64 hexadecimal digits: a blob's file name, an image's id. */
export function hexOf(digest: Digest | ChainId): string {
  return digest.slice('sha256:'.length)
}

/** Chain ids of a stack of layers, lowest first: each covers its layer and all below (image-spec config.md, Layer ChainID). */
export function chainIdsOf(diffIds: readonly Digest[], sha256Hex: Sha256Hex): ChainId[] {
  const chain: ChainId[] = []
  for (const diffId of diffIds) {
    const below = chain.at(-1)
    chain.push((below === undefined ? diffId : `sha256:${sha256Hex(`${below} ${diffId}`)}`) as ChainId)
  }
  return chain
}
