// `tspod diff`.

import { defineCommand, usageError } from '#cli/command.ts'
import { formatJson } from '#cli/format/json.ts'
import { choice, flag } from '#cli/option.ts'
import { print } from '#cli/output.ts'
import { oneContainer } from '#cli/selection.ts'
import type { Change } from '#engine/contracts/container.ts'

const letters: Record<Change['kind'], string> = { added: 'A', changed: 'C', deleted: 'D' }

export const diffCommand = defineCommand({
  usage: '[options] {CONTAINER|IMAGE} [{CONTAINER|IMAGE}]',
  description: 'A is added, C changed, D deleted, against the image or the second argument.',
  options: {
    format: choice(['json'], 'Print JSON'),
    latest: flag('The container created last', { short: 'l' }),
  },
  operands: '[container] [other]',
  completes: ['containers', 'containers'],
  async run(values, operands) {
    const { name, rest } = oneContainer(values.latest, operands)
    if (rest.length > 1) throw usageError(`accepts at most 2 arg(s), received ${operands.length}`)
    const { diffObjects } = await import('#engine/container/diff.ts')
    printChanges(await diffObjects(name, rest[0]), values.format)
  },
})

export const imageDiffCommand = defineCommand({
  usage: '[options] IMAGE [IMAGE]',
  description: 'A is added, C changed, D deleted, against all layers but the uppermost, or against the second image.',
  options: { format: choice(['json'], 'Print JSON') },
  operands: '<image> [other]',
  completes: ['images', 'images'],
  async run(values, [name = '', other]) {
    const { diffImages } = await import('#engine/container/diff.ts')
    printChanges(await diffImages(name, other), values.format)
  },
})

function printChanges(changes: readonly Change[], format: 'json' | undefined): void {
  if (format === undefined) return print(changes.map(change => `${letters[change.kind]} ${change.path}\n`).join(''))
  const byKind = Object.groupBy(changes, change => change.kind)
  const lists = Object.entries(byKind).map(([kind, list]) => [kind, list.map(change => change.path)])
  print(formatJson(Object.fromEntries(lists)))
}
