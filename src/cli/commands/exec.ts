// `tspod exec`.
import { defineCommand, usageError } from '#cli/command.ts'
import { flag, integer, list, refused, text } from '#cli/option.ts'
import { printLine } from '#cli/output.ts'
import { oneContainer } from '#cli/selection.ts'
import { chooseStreams, warnWithoutTerminal } from '#cli/streams.ts'

export const execCommand = defineCommand({
  usage: '[options] CONTAINER COMMAND [ARG...]',
  examples: ['exec -it web sh', 'exec --user 1000 -w /tmp web id'],
  options: {
    detach: flag('Leave it running', { short: 'd' }),
    detachKeys: text('keys', 'Keys that leave the process running'),
    cidfile: refused('file', 'name the container'),
    env: list('name[=value]', "Set a variable; without a value, the caller's", { short: 'e' }),
    envFile: list('file', 'Read variables from a file', { completes: 'files' }),
    interactive: flag('Keep standard input open', { short: 'i' }),
    latest: flag('The container created last', { short: 'l' }),
    noSession: flag('Keep no record of the process, as is the case anyway'),
    preserveFd: refused('list', '--preserve-fds passes descriptors from 3 on'),
    preserveFds: integer('Pass this many descriptors from 3 on'),
    privileged: flag('Give the process all that the container may have'),
    tty: flag('Give the process a terminal', { short: 't' }),
    user: text('user[:group]', 'Run as this user', { short: 'u' }),
    workdir: text('folder', 'Run in this folder', { short: 'w' }),
  },
  operands: '[container] [command...]',
  stopsAtOperand: true,
  completes: ['running', 'none'],
  async run(values, operands) {
    const { name, rest: command } = oneContainer(values.latest, operands)
    if (command.length === 0) throw usageError('no command specified, must be CONTAINER COMMAND')
    const { interactive = false, tty = false, detach = false } = values
    if (!detach) warnWithoutTerminal(interactive, tty)
    const { execContainer } = await import('#engine/container/exec.ts')
    const outcome = await execContainer(
      name,
      {
        command,
        env: values.env ?? [],
        envFiles: values.envFile ?? [],
        user: values.user,
        workdir: values.workdir,
        interactive,
        tty,
        detach,
        privileged: values.privileged ?? false,
        preserveFds: values.preserveFds ?? 0,
      },
      chooseStreams({ interactive, tty, sigProxy: true, detachKeys: values.detachKeys }),
    )
    if (outcome.kind === 'started') printLine(outcome.sessionId)
    return outcome.kind === 'exited' ? outcome.exitCode : 0
  },
})
