// `tspod image mount` and `tspod image unmount`.
import { defineCommand, usageError } from '#cli/command.ts'
import { formatJson } from '#cli/format/json.ts'
import { choice, flag } from '#cli/option.ts'
import { print, printLine } from '#cli/output.ts'

export const imageMountCommand = defineCommand({
  usage: '[options] [IMAGE...]',
  description:
    'For shells of `tspod unshare`: a mount lives as long as they do. Without arguments, lists what is mounted.',
  examples: ["unshare sh -c 'ls $(tspod image mount alpine)'"],
  options: {
    all: flag('Mount all images', { short: 'a' }),
    format: choice(['json'], 'Print JSON'),
  },
  operands: '[image...]',
  completes: ['images'],
  async run(values, names) {
    const { all = false, format } = values
    if (all && names.length > 0)
      throw usageError('when using the --all switch, you may not pass any image names or IDs')
    const { listMountedImages, mountImages } = await import('#engine/image/mount.ts')
    const isList = !all && names.length === 0
    const images = isList ? await listMountedImages() : await mountImages(names, { all })
    if (format === 'json')
      return print(formatJson(images.map(({ id, names, path }) => ({ id, Repositories: names, mountpoint: path }))))
    if (!isList && images.length === 1) return printLine(images[0]?.path ?? '')
    print(images.map(({ id, names, path }) => `${names[0] ?? id}  ${path}\n`).join(''))
  },
})

export const imageUnmountCommand = defineCommand({
  usage: '[options] IMAGE [IMAGE...]',
  options: {
    all: flag('Unmount all images', { short: 'a' }),
    force: flag('Unmount what is still used', { short: 'f' }),
  },
  operands: '[image...]',
  completes: ['images'],
  async run(values, names) {
    const { all = false, force = false } = values
    if (all === names.length > 0)
      throw usageError(
        all
          ? 'when using the --all switch, you may not pass any image names or IDs'
          : 'image name or ID must be specified',
      )
    const { unmountImages } = await import('#engine/image/mount.ts')
    for (const id of await unmountImages(names, { all, force })) printLine(id)
  },
})
