// `tspod attach`.
import { defineCommand } from '#cli/command.ts'
import { flag, text } from '#cli/option.ts'
import { oneContainer } from '#cli/selection.ts'
import { chooseStreams } from '#cli/streams.ts'

export const attachCommand = defineCommand({
  usage: '[options] CONTAINER',
  examples: ['attach web', 'attach --no-stdin web'],
  options: {
    detachKeys: text('keys', 'Keys that leave the container running'),
    latest: flag('The container created last', { short: 'l' }),
    noStdin: flag('Do not connect standard input'),
    sigProxy: flag('Forward signals to the process (default true)'),
  },
  operands: '[container]',
  completes: ['running'],
  async run(values, operands) {
    const { name } = oneContainer(values.latest, operands)
    const { attachContainer } = await import('#engine/container/attach.ts')
    const outcome = await attachContainer(
      name,
      chooseStreams({
        interactive: values.noStdin !== true,
        tty: false,
        sigProxy: values.sigProxy ?? true,
        detachKeys: values.detachKeys,
      }),
    )
    return outcome.kind === 'exited' ? outcome.exitCode : 0
  },
})
