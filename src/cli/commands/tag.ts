// `tspod tag` and `tspod untag`.
import { defineCommand } from '#cli/command.ts'

export const tagCommand = defineCommand({
  usage: 'IMAGE TARGET_NAME [TARGET_NAME...]',
  examples: ['tag alpine registry.example.org/base:1'],
  options: {},
  operands: '<image> <names...>',
  completes: ['images', 'none'],
  async run(_, [source = '', ...names]) {
    const { tagImage } = await import('#engine/image/tag.ts')
    await tagImage(source, names)
  },
})

export const untagCommand = defineCommand({
  usage: 'IMAGE [NAME...]',
  description: 'Takes these names away, or all where none is given; the image stays.',
  options: {},
  operands: '<image> [names...]',
  completes: ['images'],
  async run(_, [source = '', ...names]) {
    const { untagImage } = await import('#engine/image/tag.ts')
    await untagImage(source, names)
  },
})
