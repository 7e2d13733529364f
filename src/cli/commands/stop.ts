// `tspod stop`.
import { defineCommand } from '#cli/command.ts'
import { flag, list, parsed } from '#cli/option.ts'
import { printOutcomes, selectContainers } from '#cli/selection.ts'
import { parseSeconds } from '#cli/values.ts'

export const stopCommand = defineCommand({
  usage: '[options] CONTAINER [CONTAINER...]',
  examples: ['stop web', 'stop --time 2 web db', 'stop --all'],
  options: {
    all: flag('Stop all running containers', { short: 'a' }),
    cidfile: list('file', "Read a container's id from this file", { completes: 'files' }),
    filter: list('key=value', 'Choose containers by a filter', { short: 'f' }),
    ignore: flag('A missing container is no error', { short: 'i' }),
    latest: flag('The container created last', { short: 'l' }),
    time: parsed('seconds', 'Seconds until it is killed (default: those it was created with)', parseSeconds, {
      short: 't',
      aliases: ['timeout'],
    }),
  },
  operands: '[container...]',
  completes: ['running'],
  async run(values, operands) {
    const selection = selectContainers(values, operands)
    const { stopContainers } = await import('#engine/container/stop.ts')
    printOutcomes(await stopContainers(selection, { timeoutSeconds: values.time }))
  },
})
