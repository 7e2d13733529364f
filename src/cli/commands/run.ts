// `tspod run`.

import { defineCommand, usageError } from '#cli/command.ts'
import { createOptions } from '#cli/container-options.ts'
import { createRequest } from '#cli/create-request.ts'
import { printExplanation } from '#cli/explanation.ts'
import { commas, flag, refused } from '#cli/option.ts'
import { printLine } from '#cli/output.ts'
import { pullOptionsOf } from '#cli/pull-options.ts'
import { chooseStreams, commandProgress, warnWithoutTerminal } from '#cli/streams.ts'
import type { RunOptions } from '#engine/contracts/container.ts'

export const runCommand = defineCommand({
  usage: '[options] IMAGE [COMMAND [ARG...]]',
  examples: ['run --rm -it alpine sh', 'run -d --name web -v ./site:/srv:ro httpd', 'run --rootfs ./mini_root bash'],
  options: {
    ...createOptions,
    attach: commas('stream', 'Attach to stdin, stdout or stderr', { short: 'a' }),
    detach: flag('Leave it running and print its id', { short: 'd' }),
    rmi: refused('', 'remove the image with `tspod rmi` afterwards', { harmless: ['false'] }),
    sigProxy: flag('Forward signals to the process (default true)'),
  },
  operands: '<image> [command...]',
  stopsAtOperand: true,
  completes: ['images', 'none'],
  async run(values, operands) {
    const request = createRequest(values, operands, process.cwd())
    if (values.explain === true) return await printExplanation(request)
    request.createCommand = ['tspod', ...process.argv.slice(2)]
    request.detach = values.detach ?? false
    if (request.detach && values.attach !== undefined) throw usageError('--attach and --detach cannot be set together')
    const options: RunOptions = { pull: pullOptionsOf(values) }
    if (!request.detach) {
      warnWithoutTerminal(request.interactive, request.tty)
      options.streams = chooseStreams({
        interactive: request.interactive,
        tty: request.tty,
        sigProxy: values.sigProxy ?? true,
        detachKeys: values.detachKeys,
        ...(values.attach === undefined ? {} : { attach: values.attach }),
      })
    }
    using progress = commandProgress(values.quiet ?? false)
    options.pull.onProgress = progress.onProgress
    const { runContainer } = await import('#engine/container/run.ts')
    const outcome = await runContainer(request, options)
    if (request.detach) printLine(outcome.id)
    return !request.detach && outcome.kind === 'exited' ? outcome.exitCode : 0
  },
})
