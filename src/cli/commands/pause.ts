// `tspod pause` and `tspod unpause`.
import { defineCommand } from '#cli/command.ts'
import { flag, list } from '#cli/option.ts'
import { printOutcomes, selectContainers } from '#cli/selection.ts'

const cidfile = list('file', "Read a container's id from this file", { completes: 'files' })
const filter = list('key=value', 'Choose containers by a filter', { short: 'f' })
const latest = flag('The container created last', { short: 'l' })

export const pauseCommand = defineCommand({
  usage: '[options] CONTAINER [CONTAINER...]',
  examples: ['pause web', 'pause --all'],
  options: { all: flag('Pause all running containers', { short: 'a' }), cidfile, filter, latest },
  operands: '[container...]',
  completes: ['running'],
  async run(values, operands) {
    const selection = selectContainers(values, operands)
    const { pauseContainers } = await import('#engine/container/pause.ts')
    printOutcomes(await pauseContainers(selection))
  },
})

export const unpauseCommand = defineCommand({
  usage: '[options] CONTAINER [CONTAINER...]',
  examples: ['unpause web', 'unpause --all'],
  options: { all: flag('Continue all paused containers', { short: 'a' }), cidfile, filter, latest },
  operands: '[container...]',
  completes: ['running'],
  async run(values, operands) {
    const selection = selectContainers(values, operands)
    const { unpauseContainers } = await import('#engine/container/pause.ts')
    printOutcomes(await unpauseContainers(selection))
  },
})
