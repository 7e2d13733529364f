// `tspod rmi`. Its exit status says what kept images from being removed (podman-rmi(1), Exit Status).
import { defineCommand, usageError } from '#cli/command.ts'
import { flag } from '#cli/option.ts'
import { print } from '#cli/output.ts'
import { withRemovalStatus } from '#cli/removal-status.ts'
import { throwFailures } from '#cli/selection.ts'

export const rmiCommand = defineCommand({
  usage: '[options] IMAGE [IMAGE...]',
  examples: ['rmi alpine', 'rmi --all --force'],
  options: {
    all: flag('Remove all images', { short: 'a' }),
    force: flag('Remove its containers first; a missing image is no error', { short: 'f' }),
    ignore: flag('A missing image is no error', { short: 'i' }),
    noPrune: flag('Keep its parents that have no name'),
  },
  operands: '[image...]',
  completes: ['images'],
  async run(values, names) {
    const { all = false, force = false } = values
    if (all === names.length > 0)
      throw usageError(
        all
          ? 'when using the --all switch, you may not pass any images names or IDs'
          : 'image name or ID must be specified',
      )
    const { removeImages } = await import('#engine/image/remove.ts')
    const results = await removeImages(names, {
      all,
      force,
      ignoreMissing: force || values.ignore === true,
      noPrune: values.noPrune ?? false,
    })
    for (const result of results) {
      print(result.untagged.map(name => `Untagged: ${name}\n`).join(''))
      print(result.deleted.map(id => `Deleted: ${id}\n`).join(''))
    }
    throwFailures(withRemovalStatus(results))
  },
})
