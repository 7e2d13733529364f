// `tspod create`.
import { defineCommand, usageError } from '#cli/command.ts'
import { createOptions } from '#cli/container-options.ts'
import { createRequest } from '#cli/create-request.ts'
import { printExplanation } from '#cli/explanation.ts'
import { choice, refused } from '#cli/option.ts'
import { printLine } from '#cli/output.ts'
import { pullOptionsOf } from '#cli/pull-options.ts'
import { commandProgress } from '#cli/streams.ts'
import type { ContainerRequest } from '#container/request.ts'

export const createCommand = defineCommand({
  usage: '[options] IMAGE [COMMAND [ARG...]]',
  examples: ['create --name web httpd', 'create -it alpine sh'],
  options: {
    ...createOptions,
    attach: refused('stream', 'give --attach to `tspod start`', { short: 'a' }),
    initCtr: choice(
      ['always', 'once'],
      'In a pod: run it to its end before the others start, whenever that is, or once only',
    ),
  },
  operands: '<image> [command...]',
  stopsAtOperand: true,
  completes: ['images', 'none'],
  async run(values, operands) {
    const request = createRequest(values, operands, process.cwd())
    if (values.explain === true) return await printExplanation(request)
    request.initCtr = initCtrOf(values.initCtr, request)
    request.createCommand = process.argv.slice(2)
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

/** Throws INVALID, in podman's words, for one that could not serve as an init container. */
function initCtrOf(type: 'always' | 'once' | undefined, { pod, restart }: ContainerRequest): typeof type {
  if (type === undefined) return undefined
  if (pod === undefined) throw usageError('must specify pod value with init-ctr')
  if (restart !== undefined) throw usageError('--init-ctr and --restart cannot be set together: an init container ends')
  return type
}
