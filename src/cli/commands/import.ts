// `tspod import`.
import { defineCommand } from '#cli/command.ts'
import { flag, list, text } from '#cli/option.ts'
import { printLine } from '#cli/output.ts'
import { platformOf } from '#cli/pull-options.ts'
import { commandProgress } from '#cli/streams.ts'

export const importCommand = defineCommand({
  usage: '[options] PATH [REFERENCE]',
  description: 'PATH is a tar archive, a URL of one, or `-` for standard input.',
  examples: ['import root.tar mine:1', "import -c 'CMD /bin/sh' - mine < root.tar"],
  options: {
    arch: text('name', 'Processor the image is for'),
    change: list('instruction', 'CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME or WORKDIR', {
      short: 'c',
    }),
    message: text('text', 'Comment of the image', { short: 'm' }),
    os: text('name', 'Operating system the image is for'),
    quiet: flag('Show no progress', { short: 'q' }),
    variant: text('name', 'Variant of the processor'),
  },
  operands: '<path> [reference]',
  completes: ['files', 'none'],
  async run(values, [path = '', reference]) {
    const progress = commandProgress(values.quiet ?? false)
    const input = /^https?:\/\//.test(path)
      ? ({ kind: 'url', url: path } as const)
      : path === '-'
        ? ({ kind: 'stream' } as const)
        : ({ kind: 'file', path } as const)
    const { importImage } = await import('#engine/image/import.ts')
    const { id } = await importImage(input, {
      reference,
      message: values.message,
      changes: values.change ?? [],
      platform: platformOf({ ...values, platform: undefined }),
      onProgress: progress.onProgress,
    }).finally(() => progress[Symbol.dispose]())
    printLine(`sha256:${id}`)
  },
})
