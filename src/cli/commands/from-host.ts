// `tspod image from-host`.
import { defineCommand } from '#cli/command.ts'
import { printLine } from '#cli/output.ts'

export const fromHostCommand = defineCommand({
  usage: '[NAME [PROGRAM...]]',
  description: `Makes an image from programs of this machine and the shared libraries they need, for places without a
registry. Without programs: a shell and the usual small tools. The name is mini where none is given.`,
  examples: ['image from-host', 'image from-host tools bash git /usr/bin/make'],
  options: {},
  operands: '[name] [programs...]',
  async run(_, [name, ...programs]) {
    const { imageFromHost } = await import('#engine/image/from-host.ts')
    const image = await imageFromHost({ name, programs })
    printLine(image.id)
  },
})
