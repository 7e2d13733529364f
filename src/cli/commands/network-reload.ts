// `tspod network reload`.
import { defineCommand } from '#cli/command.ts'
import { flag } from '#cli/option.ts'
import { printOutcomes, selectContainers } from '#cli/selection.ts'

export const networkReloadCommand = defineCommand({
  usage: '[options] CONTAINER [CONTAINER...]',
  description: `Makes anew what running containers have on user-defined networks where it was lost: interfaces, addresses, names, published
ports. What works stays as it is, connections included. There are no firewall rules that could be lost; this is for the case that the
network service and its watchers were killed at once.`,
  examples: ['network reload --all', 'network reload web'],
  options: {
    all: flag('Those of all running containers', { short: 'a' }),
    latest: flag('The container created last', { short: 'l' }),
  },
  operands: '[container...]',
  completes: ['running'],
  async run(values, operands) {
    const selection = selectContainers(values, operands)
    const { reloadNetworks } = await import('#engine/network/reload.ts')
    printOutcomes(await reloadNetworks(selection))
  },
})
