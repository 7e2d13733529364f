// `tspod push`.
import { defineCommand } from '#cli/command.ts'
import { writeSmallFile } from '#cli/file-output.ts'
import { choice, flag, integer, refused, text } from '#cli/option.ts'
import { registryOptions, registryOptionsOf } from '#cli/registry-options.ts'
import { commandProgress } from '#cli/streams.ts'

const families = { oci: 'oci', v2s2: 'docker' } as const

export const pushCommand = defineCommand({
  usage: '[options] IMAGE [DESTINATION]',
  description:
    "DESTINATION is a name at a registry, by default the image's own; or dir:FOLDER, oci:FOLDER[:NAME], oci-archive:FILE[:NAME], docker-archive:FILE[:NAME].",
  examples: ['push registry.example.com/me/tool:1', 'push --compression-format zstd tool registry.example.com/me/tool'],
  options: {
    ...registryOptions,
    compress: refused('', 'layers for a folder: tspod save --format docker-dir --compress', { harmless: ['false'] }),
    compressionFormat: choice(['gzip', 'zstd'], 'How layers are compressed (default: as they are, others with gzip)'),
    compressionLevel: integer('gzip 1 to 9 (default 4), zstd 1 to 19 (default 3)', 1),
    digestfile: text('file', "Write the manifest's digest to this file", { completes: 'files' }),
    disableContentTrust: refused('', 'there is no content trust that could be enabled', { harmless: ['true'] }),
    encryptLayer: refused('index', 'encrypted images come later'),
    encryptionKey: refused('key', 'encrypted images come later'),
    forceCompression: flag('Compress layers anew, whatever they are'),
    format: choice(['oci', 'v2s2'], 'Media types of OCI, or of docker (default: those of the image)'),
    quiet: flag('Show no progress', { short: 'q' }),
    removeSignatures: flag('Take no signatures along (signatures of other places never are)'),
    signBy: refused('key', 'GPG signatures come later'),
    signBySigstore: refused('file', 'parameter files come later'),
    signBySigstorePrivateKey: text('file', 'Sign the image with this private key', { completes: 'files' }),
    signPassphraseFile: text('file', "The key's passphrase", { completes: 'files' }),
  },
  operands: '<image> [destination]',
  completes: ['images', 'images'],
  async run(values, [image = '', destination]) {
    const keyFile = values.signBySigstorePrivateKey
    const progress = commandProgress(values.quiet ?? false)
    const { pushImage } = await import('#engine/image/push.ts')
    const { digest } = await pushImage(image, destination, {
      ...registryOptionsOf(values),
      format: values.format && families[values.format],
      compression: values.compressionFormat,
      compressionLevel: values.compressionLevel,
      forceCompression: values.forceCompression,
      ...(keyFile !== undefined && { sign: { keyFile, passphraseFile: values.signPassphraseFile } }),
      onProgress: progress.onProgress,
    }).finally(() => progress[Symbol.dispose]())
    if (values.digestfile !== undefined) writeSmallFile(values.digestfile, digest)
  },
})
