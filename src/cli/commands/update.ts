// `tspod update`.
import { defineCommand, usageError } from '#cli/command.ts'
import { restartOption } from '#cli/life-options.ts'
import { flag } from '#cli/option.ts'
import { printLine } from '#cli/output.ts'
import { resourceOptions, resourcesOf } from '#cli/resource-options.ts'
import { oneContainer } from '#cli/selection.ts'
import { parseResources } from '#container/options/resources.ts'
import { parseRestartPolicy } from '#container/restart-policy.ts'

export const updateCommand = defineCommand({
  usage: '[options] CONTAINER',
  description: 'What is not named stays as it is.',
  examples: ['update --memory 1g web', 'update --cpus 0.5 --pids-limit 100 web', 'update --restart unless-stopped web'],
  options: {
    ...resourceOptions,
    restart: restartOption,
    latest: flag('The container created last', { short: 'l' }),
  },
  operands: '[container]',
  completes: ['containers'],
  async run(values, operands) {
    const { name, rest } = oneContainer(values.latest, operands)
    if (rest.length > 0) throw usageError('update takes one container')
    const resources = parseResources(resourcesOf(values))
    const changes = {
      ...(resources && { resources }),
      ...(values.restart !== undefined && { restart: parseRestartPolicy(values.restart) ?? ('no' as const) }),
    }
    if (Object.keys(changes).length === 0) throw usageError('nothing to change: see `tspod update --help`')
    const { updateContainer } = await import('#engine/container/update.ts')
    printLine(await updateContainer(name, changes))
  },
})
