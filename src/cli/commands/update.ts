// `tspod update`.
import { defineCommand, usageError } from '#cli/command.ts'
import { flag } from '#cli/option.ts'
import { printLine } from '#cli/output.ts'
import { resourceOptions, resourcesOf } from '#cli/resource-options.ts'
import { oneContainer } from '#cli/selection.ts'
import { parseResources } from '#container/options/resources.ts'

export const updateCommand = defineCommand({
  usage: '[options] CONTAINER',
  description: 'Limits that are not named stay as they are.',
  examples: ['update --memory 1g web', 'update --cpus 0.5 --pids-limit 100 web'],
  options: { ...resourceOptions, latest: flag('The container created last', { short: 'l' }) },
  operands: '[container]',
  completes: ['containers'],
  async run(values, operands) {
    const { name, rest } = oneContainer(values.latest, operands)
    if (rest.length > 0) throw usageError('update takes one container')
    const changes = parseResources(resourcesOf(values))
    if (changes === undefined) throw usageError('no limit to change: see `tspod update --help`')
    const { updateContainer } = await import('#engine/container/update.ts')
    printLine(await updateContainer(name, changes))
  },
})
