// `tspod kill`.
import { defineCommand } from '#cli/command.ts'
import { flag, list, text } from '#cli/option.ts'
import { printOutcomes, selectContainers } from '#cli/selection.ts'

export const killCommand = defineCommand({
  usage: '[options] CONTAINER [CONTAINER...]',
  examples: ['kill web', 'kill --signal HUP web'],
  options: {
    all: flag('Signal all running containers', { short: 'a' }),
    cidfile: list('file', "Read a container's id from this file", { completes: 'files' }),
    latest: flag('The container created last', { short: 'l' }),
    signal: text('signal', 'Signal to send, by name or number (default KILL)', { short: 's' }),
  },
  operands: '[container...]',
  completes: ['running'],
  async run(values, operands) {
    const selection = selectContainers(values, operands)
    const { killContainers } = await import('#engine/container/kill.ts')
    printOutcomes(await killContainers(selection, { signal: values.signal ?? 'KILL' }))
  },
})
