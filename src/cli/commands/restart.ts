// `tspod restart`.
import { defineCommand } from '#cli/command.ts'
import { flag, list, parsed } from '#cli/option.ts'
import { printOutcomes, selectContainers } from '#cli/selection.ts'
import { parseSeconds } from '#cli/values.ts'

export const restartCommand = defineCommand({
  usage: '[options] CONTAINER [CONTAINER...]',
  examples: ['restart web', 'restart --running'],
  options: {
    all: flag('Restart all containers, whatever their state', { short: 'a' }),
    cidfile: list('file', "Read a container's id from this file", { completes: 'files' }),
    filter: list('key=value', 'Choose containers by a filter', { short: 'f' }),
    latest: flag('The container created last', { short: 'l' }),
    running: flag('Restart only running containers'),
    time: parsed('seconds', 'Seconds until it is killed (default: those it was created with)', parseSeconds, {
      short: 't',
      aliases: ['timeout'],
    }),
  },
  operands: '[container...]',
  completes: ['containers'],
  async run(values, operands) {
    const runningOnly = values.running ?? false
    const selection = selectContainers(
      runningOnly && operands.length === 0 ? { ...values, all: true } : values,
      operands,
    )
    const { restartContainers } = await import('#engine/container/restart.ts')
    printOutcomes(await restartContainers(selection, { timeoutSeconds: values.time, runningOnly }))
  },
})
