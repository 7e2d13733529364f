// `tspod container|image|volume exists`: the answer is the exit status, 0 or 1.
import { defineCommand } from '#cli/command.ts'
import { refused } from '#cli/option.ts'

export const containerExistsCommand = defineCommand({
  usage: '[options] CONTAINER',
  options: {
    external: refused('', 'there are no containers of other tools in the store', { harmless: ['false'] }),
  },
  operands: '<container>',
  completes: ['containers'],
  async run(_, [name = '']) {
    const { containerExists } = await import('#engine/container/exists.ts')
    return (await containerExists(name)) ? 0 : 1
  },
})

export const imageExistsCommand = defineCommand({
  usage: 'IMAGE',
  options: {},
  operands: '<image>',
  completes: ['images'],
  async run(_, [name = '']) {
    const { imageExists } = await import('#engine/image/exists.ts')
    return (await imageExists(name)) ? 0 : 1
  },
})

export const volumeExistsCommand = defineCommand({
  usage: 'VOLUME',
  options: {},
  operands: '<volume>',
  completes: ['volumes'],
  async run(_, [name = '']) {
    const { volumeExists } = await import('#engine/volume/exists.ts')
    return (await volumeExists(name)) ? 0 : 1
  },
})
