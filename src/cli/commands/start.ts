// `tspod start`.
import { defineCommand, usageError } from '#cli/command.ts'
import { flag, list, text } from '#cli/option.ts'
import { printOutcomes, selectContainers } from '#cli/selection.ts'
import { chooseStreams } from '#cli/streams.ts'

export const startCommand = defineCommand({
  usage: '[options] CONTAINER [CONTAINER...]',
  examples: ['start web', 'start -ai shell'],
  options: {
    all: flag('Start all containers'),
    attach: flag('Attach to its output', { short: 'a' }),
    detachKeys: text('keys', 'Keys that leave the container running'),
    filter: list('key=value', 'Choose containers by a filter', { short: 'f' }),
    interactive: flag('Connect standard input too', { short: 'i' }),
    latest: flag('The container created last', { short: 'l' }),
    sigProxy: flag('Forward signals to the process (default true when attached)'),
  },
  operands: '[container...]',
  completes: ['containers'],
  async run(values, operands) {
    const selection = selectContainers(values, operands)
    const attach = values.attach === true || values.interactive === true
    const { startAttached, startContainers } = await import('#engine/container/start.ts')
    if (!attach) return printOutcomes(await startContainers(selection))
    const [name, ...others] = selection.names
    if (name === undefined || others.length > 0)
      throw usageError('you cannot start and attach multiple containers at once')
    const outcome = await startAttached(
      name,
      chooseStreams({
        interactive: values.interactive ?? false,
        tty: false,
        sigProxy: values.sigProxy ?? true,
        detachKeys: values.detachKeys,
      }),
    )
    return outcome.kind === 'exited' ? outcome.exitCode : 0
  },
})
