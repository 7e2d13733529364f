// `tspod __complete -- WORD...`: what may stand in place of the last word. Called by the shells' completion scripts; never
// fails, whatever stands on the line.
import { defineCommand } from '#cli/command.ts'
import { type Candidate, completeLine } from '#cli/complete-line.ts'
import type { Completion } from '#cli/option.ts'
import { print } from '#cli/output.ts'

export const completeCommand = defineCommand({
  usage: 'WORD...',
  options: {},
  operands: '[words...]',
  stopsAtOperand: true,
  async run(_, words) {
    const current = words.at(-1) ?? ''
    const { candidates, kind } = await completeLine(words)
    const names = kind === undefined ? [] : await namesOf(kind)
    const lines = [...candidates, ...names]
      .filter(({ word }) => word.startsWith(current))
      .map(({ word, about }) => (about === undefined ? word : `${word}\t${about}`))
    const rest = kind === 'files' || kind === 'folders' || kind === 'commands' ? kind : 'none'
    print([...lines, `:${rest}`].map(line => `${line}\n`).join(''))
  },
})

/** Names of what is in the store; none where it cannot be read. */
async function namesOf(kind: Completion): Promise<Candidate[]> {
  try {
    switch (kind) {
      case 'containers':
      case 'running': {
        const { listContainers } = await import('#engine/container/list.ts')
        const all = kind === 'containers'
        const containers = await listContainers({ all, filters: [], size: false, namespaces: false })
        return containers.flatMap(({ names, image }) => names.map(word => ({ word, about: image })))
      }
      case 'images': {
        const { listImages } = await import('#engine/image/list.ts')
        const images = await listImages({ all: false, filters: [] })
        const words = images.flatMap(({ names }) => names.flatMap(name => [familiar(name), name]))
        return [...new Set(words)].map(word => ({ word }))
      }
      case 'volumes': {
        const { listVolumes } = await import('#engine/volume/list.ts')
        return (await listVolumes([])).map(({ name }) => ({ word: name }))
      }
      case 'networks': {
        const { listUserNetworks } = await import('#engine/network/list.ts')
        return (await listUserNetworks([])).map(({ definition }) => ({ word: definition.name }))
      }
      case 'pods': {
        const { listPods } = await import('#engine/pod/list.ts')
        return (await listPods({ filters: [], latest: false })).map(({ name }) => ({ word: name }))
      }
      case 'files':
      case 'folders':
      case 'commands':
      case 'none':
        return []
    }
  } catch {
    // a shell's prompt is no place for an error
    return []
  }
}

/** `docker.io/library/alpine:latest` as people type it. */
function familiar(name: string): string {
  return name
    .replace(/^docker\.io\/library\//, '')
    .replace(/^(?:docker\.io|localhost)\//, '')
    .replace(/:latest$/, '')
}
