// `tspod export`.
import { defineCommand } from '#cli/command.ts'
import { openOutput } from '#cli/file-output.ts'
import { text } from '#cli/option.ts'

export const exportCommand = defineCommand({
  usage: '[options] CONTAINER',
  examples: ['export web > web.tar', 'export -o web.tar web'],
  options: { output: text('file', 'Write to this file', { short: 'o', completes: 'files' }) },
  operands: '<container>',
  completes: ['containers'],
  async run(values, [name = '']) {
    using output = openOutput(values.output, 'export')
    const { exportContainer } = await import('#engine/container/export.ts')
    await exportContainer(name, output.write)
    output.finish()
  },
})
