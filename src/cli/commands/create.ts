// `tspod create`.
import { defineCommand } from '#cli/command.ts'
import { createOptions } from '#cli/container-options.ts'
import { createRequest } from '#cli/create-request.ts'
import { printExplanation } from '#cli/explanation.ts'
import { refused } from '#cli/option.ts'
import { printLine } from '#cli/output.ts'
import { pullOptionsOf } from '#cli/pull-options.ts'
import { commandProgress } from '#cli/streams.ts'

export const createCommand = defineCommand({
  usage: '[options] IMAGE [COMMAND [ARG...]]',
  examples: ['create --name web httpd', 'create -it alpine sh'],
  options: {
    ...createOptions,
    attach: refused('stream', 'give --attach to `tspod start`', { short: 'a' }),
    initCtr: refused('type', 'pods come later'),
  },
  operands: '<image> [command...]',
  stopsAtOperand: true,
  completes: ['images', 'none'],
  async run(values, operands) {
    const request = createRequest(values, operands, process.cwd())
    if (values.explain === true) return await printExplanation(request)
    request.createCommand = ['tspod', ...process.argv.slice(2)]
    const progress = commandProgress(values.quiet ?? false)
    const { createContainer } = await import('#engine/container/create.ts')
    const { id } = await createContainer(request, {
      ...pullOptionsOf(values),
      onProgress: progress.onProgress,
    }).finally(() => progress[Symbol.dispose]())
    printLine(id)
    return 0
  },
})
