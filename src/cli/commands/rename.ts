// `tspod rename`.
import { defineCommand } from '#cli/command.ts'

export const renameCommand = defineCommand({
  usage: 'CONTAINER NAME',
  options: {},
  operands: '<container> <name>',
  completes: ['containers', 'none'],
  async run(_, [container = '', name = '']) {
    const { renameContainer } = await import('#engine/container/rename.ts')
    await renameContainer(container, name)
  },
})
