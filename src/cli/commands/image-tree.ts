// `tspod image tree`.
import { defineCommand } from '#cli/command.ts'
import { humanSize } from '#cli/format/sizes.ts'
import { flag } from '#cli/option.ts'
import { print } from '#cli/output.ts'
import type { TreeLayer } from '#engine/contracts/image.ts'

export const imageTreeCommand = defineCommand({
  usage: '[options] IMAGE',
  examples: ['image tree alpine', 'image tree --whatrequires alpine'],
  options: { whatrequires: flag('Show the images that were made on top of it') },
  operands: '<image>',
  completes: ['images'],
  async run(values, [name = '']) {
    const { imageTree } = await import('#engine/image/tree.ts')
    const tree = await imageTree(name, { whatRequires: values.whatrequires ?? false })
    const lines = [
      `Image ID: ${tree.id.slice(0, 12)}`,
      `Tags:     [${tree.names.join(' ')}]`,
      `Size:     ${humanSize(tree.sizeBytes)}`,
      tree.layers.length === 0 ? 'No Image Layers' : 'Image Layers',
      ...drawn(tree.layers, ''),
    ]
    print(`${lines.join('\n')}\n`)
  },
})

function drawn(layers: readonly TreeLayer[], indent: string): string[] {
  return layers.flatMap((layer, index) => {
    const isLast = index === layers.length - 1
    const top = layer.topOf.length === 0 ? '' : ` Top Layer of: [${layer.topOf.join(' ')}]`
    const size = humanSize(layer.sizeBytes).padStart(7)
    const line = `${indent}${isLast ? '└──' : '├──'} ID: ${layer.id.slice(0, 12)} Size: ${size}${top}`
    return [line, ...drawn(layer.children, `${indent}${isLast ? '    ' : '│   '}`)]
  })
}
