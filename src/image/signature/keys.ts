// Keys that sign images: cosign's private keys, sealed with a passphrase (scrypt, XSalsa20-Poly1305), and plain PKCS #8 ones.
import { createPrivateKey, type KeyObject, scryptSync } from 'node:crypto'
import { TspodError } from '#errors.ts'

const sealedForm =
  /-----BEGIN (ENCRYPTED (?:SIGSTORE|COSIGN) PRIVATE KEY)-----\s*([A-Za-z0-9+/=\s]+?)\s*-----END \1-----/

interface SealedKey {
  kdf: { name: string; params: { N: number; r: number; p: number }; salt: string }
  cipher: { name: string; nonce: string }
  ciphertext: string
}

/** The largest scrypt cost that is paid for a file somebody sent: 128 N r bytes. */
const mostScryptBytes = 1 << 28

/** A private key from a file's text. Throws INVALID, DENIED for a wrong passphrase. */
export async function openPrivateKey(
  text: string,
  passphrase: string | undefined,
  shownAs: string,
): Promise<KeyObject> {
  const sealed = sealedForm.exec(text)?.[2]
  try {
    if (sealed === undefined) return createPrivateKey({ key: text, passphrase })
  } catch (error) {
    throw new TspodError('INVALID', `"${shownAs}" is no private key that can be used`, {
      cause: error,
      hint: "cosign's keys and PKCS #8 in PEM are read; an encrypted one needs --sign-passphrase-file",
    })
  }
  const der = await unseal(JSON.parse(Buffer.from(sealed, 'base64').toString()) as SealedKey, passphrase, shownAs)
  return createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' })
}

async function unseal(sealed: SealedKey, passphrase: string | undefined, shownAs: string): Promise<Uint8Array> {
  const { kdf, cipher, ciphertext } = sealed
  if (kdf.name !== 'scrypt' || cipher.name !== 'nacl/secretbox')
    throw new TspodError('UNSUPPORTED', `"${shownAs}" is sealed with ${kdf.name} and ${cipher.name}`)
  if (passphrase === undefined)
    throw new TspodError('DENIED', `"${shownAs}" is sealed with a passphrase`, {
      hint: 'put it into a file for --sign-passphrase-file',
    })
  const { N, r, p } = kdf.params
  if (128 * N * r > mostScryptBytes)
    throw new TspodError('INVALID', `"${shownAs}" wants ${128 * N * r} bytes of memory`)
  const key = scryptSync(passphrase, Buffer.from(kdf.salt, 'base64'), 32, { N, r, p, maxmem: mostScryptBytes * 2 })
  const { xsalsa20poly1305 } = await import('@noble/ciphers/salsa.js')
  try {
    return xsalsa20poly1305(key, Buffer.from(cipher.nonce, 'base64')).decrypt(Buffer.from(ciphertext, 'base64'))
  } catch (error) {
    throw new TspodError('DENIED', `"${shownAs}" does not open with this passphrase`, { cause: error })
  }
}
