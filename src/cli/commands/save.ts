// `tspod save`.
import { defineCommand, usageError } from '#cli/command.ts'
import { openOutput } from '#cli/file-output.ts'
import { choice, flag, text } from '#cli/option.ts'
import { commandProgress } from '#cli/streams.ts'

export const saveCommand = defineCommand({
  usage: '[options] IMAGE [IMAGE...]',
  examples: ['save -o alpine.tar alpine', 'save --format oci-archive alpine > alpine.oci.tar'],
  options: {
    compress: flag('Compress the layers (only docker-dir)'),
    format: choice(
      ['docker-archive', 'oci-archive', 'oci-dir', 'docker-dir'],
      'Form of the archive (default docker-archive)',
    ),
    multiImageArchive: flag('All arguments are images, not further names of the first', { short: 'm' }),
    output: text('file', 'Write to this file or folder', { short: 'o', completes: 'files' }),
    quiet: flag('Show no progress', { short: 'q' }),
    uncompressed: flag('Write layers uncompressed (only oci-archive and oci-dir)'),
  },
  operands: '<image...>',
  completes: ['images'],
  async run(values, names) {
    const { format = 'docker-archive', compress = false, uncompressed = false, multiImageArchive = false } = values
    const isFolder = format.endsWith('-dir')
    if (compress && format !== 'docker-dir')
      throw usageError("--compress can only be set when --format is 'docker-dir'")
    if (uncompressed && !format.startsWith('oci-'))
      throw usageError("--uncompressed can only be set when --format is 'oci-archive' or 'oci-dir'")
    if (multiImageArchive && format !== 'docker-archive')
      throw usageError("--multi-image-archive can only be set when --format is 'docker-archive'")
    if (isFolder && values.output === undefined) throw usageError(`--output is needed with --format ${format}`)
    using output = isFolder ? undefined : openOutput(values.output, 'save')
    using progress = commandProgress(values.quiet ?? values.output === undefined)
    const { saveImages } = await import('#engine/image/save.ts')
    await saveImages(names, {
      format,
      compress,
      uncompressed,
      multiImage: multiImageArchive,
      output:
        output === undefined ? { kind: 'file', path: values.output ?? '' } : { kind: 'stream', write: output.write },
      onProgress: progress.onProgress,
    })
    output?.finish()
  },
})
