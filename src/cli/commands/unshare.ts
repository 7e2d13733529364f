// `tspod unshare`.
import { defineCommand } from '#cli/command.ts'
import { refused } from '#cli/option.ts'

export const unshareCommand = defineCommand({
  usage: '[options] [COMMAND [ARG...]]',
  description: 'Without a command: the shell in $SHELL, or /bin/sh. The exit status is that of the command.',
  examples: [
    'unshare cat /proc/self/uid_map',
    'unshare nsenter -t PID -n ip a',
    'unshare rm -rf ./folder-of-a-container',
  ],
  options: {
    rootlessNetns: refused(
      '',
      'networks are kept in a namespace that tspod enters by itself; unshare has the user namespace alone',
      { harmless: ['false'] },
    ),
  },
  operands: '[command...]',
  stopsAtOperand: true,
  completes: ['commands', 'files'],
  async run(_, command) {
    const { unshareCommand: unshare } = await import('#engine/system/unshare.ts')
    return unshare(command.length > 0 ? command : [process.env['SHELL'] || '/bin/sh'])
  },
})
