// `tspod load`.
import { isatty } from 'node:tty'
import { defineCommand, usageError } from '#cli/command.ts'
import { flag, text } from '#cli/option.ts'
import { printLine } from '#cli/output.ts'
import { commandProgress } from '#cli/streams.ts'

export const loadCommand = defineCommand({
  usage: '[options]',
  examples: ['load -i image.tar', 'ssh host tspod save alpine | tspod load'],
  options: {
    input: text('file', 'Read this archive (default standard input)', { short: 'i', completes: 'files' }),
    quiet: flag('Show no progress', { short: 'q' }),
  },
  operands: '',
  async run(values) {
    const path = values.input
    if (path === undefined && isatty(0))
      throw usageError('cannot read from terminal, use command-line redirection or the --input flag')
    const progress = commandProgress(values.quiet ?? false)
    const { loadImages } = await import('#engine/image/load.ts')
    const input = path === undefined || path === '-' ? ({ kind: 'stream' } as const) : ({ kind: 'file', path } as const)
    const names = await loadImages(input, { onProgress: progress.onProgress }).finally(() => progress[Symbol.dispose]())
    for (const name of names) printLine(`Loaded image: ${name}`)
  },
})
