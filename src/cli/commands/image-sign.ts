// `tspod image sign`.
import { defineCommand, usageError } from '#cli/command.ts'
import { flag, refused, text } from '#cli/option.ts'
import { printLine } from '#cli/output.ts'
import { registryOptions, registryOptionsOf } from '#cli/registry-options.ts'

export const imageSignCommand = defineCommand({
  usage: '[options] IMAGE [IMAGE...]',
  description: 'IMAGE is a name at a registry: the signature is kept there, beside the image, as cosign does.',
  examples: ['image sign --sign-by-sigstore-private-key cosign.key --sign-passphrase-file pass quay.io/me/tool:1'],
  options: {
    ...registryOptions,
    all: flag("Sign a list's images too", { short: 'a' }),
    directory: refused('folder', 'signatures are kept at the registry', { short: 'd' }),
    signBy: refused('key', 'GPG signatures come later; --sign-by-sigstore-private-key signs'),
    signBySigstorePrivateKey: text('file', 'Private key: cosign’s, or PKCS #8 in PEM', { completes: 'files' }),
    signIdentity: text('name', 'Sign it as an image of this name (default: its own)'),
    signPassphraseFile: text('file', "The key's passphrase", { completes: 'files' }),
  },
  operands: '<image...>',
  completes: ['images'],
  async run(values, names) {
    const keyFile = values.signBySigstorePrivateKey
    if (keyFile === undefined) throw usageError('please provide a key: --sign-by-sigstore-private-key FILE')
    const { signImages } = await import('#engine/image/sign.ts')
    const { signIdentity, signPassphraseFile: passphraseFile } = values
    const request = { ...registryOptionsOf(values), keyFile, passphraseFile, signIdentity, all: values.all ?? false }
    for (const digest of await signImages(names, request)) printLine(digest)
  },
})
