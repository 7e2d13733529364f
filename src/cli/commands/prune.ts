// `tspod container|image|volume|system prune`: removes what nothing uses, after asking.

import { defineCommand } from '#cli/command.ts'
import { confirm } from '#cli/confirm.ts'
import { parseContainerFilters, parseImageFilters, parsePruneFilters, parseVolumeFilters } from '#cli/filters.ts'
import { humanSize } from '#cli/format/sizes.ts'
import { flag, list, refused } from '#cli/option.ts'
import { print, printLine } from '#cli/output.ts'
import { throwFailures } from '#cli/selection.ts'
import type { Pruned } from '#engine/contracts/system.ts'

const force = flag('Do not ask', { short: 'f' })
const filter = list('key=value', 'Only what matches: label=, label!=, until=')

export const containerPruneCommand = defineCommand({
  usage: '[options]',
  options: { filter, force },
  operands: '',
  async run(values) {
    const filters = parseContainerFilters(values.filter ?? [])
    if (values.force !== true && !confirm('WARNING! This will remove all non running containers.')) return
    const { pruneContainers } = await import('#engine/container/prune.ts')
    printPruned(await pruneContainers(filters))
  },
})

export const imagePruneCommand = defineCommand({
  usage: '[options]',
  options: {
    all: flag('Remove every image that no container uses, not only nameless ones', { short: 'a' }),
    buildCache: flag('Remove what builds remember too: results of steps, and cache mounts'),
    external: refused('', 'there are no containers of other tools in the store', { harmless: ['false'] }),
    filter,
    force,
  },
  operands: '',
  async run(values) {
    const all = values.all ?? false
    const filters = parseImageFilters(values.filter ?? [])
    const which = [
      all ? 'all images without at least one container associated to them' : 'all dangling images',
      ...(values.buildCache === true ? ['what builds remember'] : []),
    ].join(', and ')
    const { pruneImages } = await import('#engine/image/prune.ts')
    const found = values.force === true ? [] : await pruneImages({ all, filters, dryRun: true })
    const lines = found.map(({ id, reclaimedBytes }) => `\t${id} (${humanSize(reclaimedBytes)})\n`).join('')
    if (values.force !== true && !confirm(`WARNING! This command removes ${which}.\n${lines}`.trimEnd())) return
    printPruned(await pruneImages({ all, filters }))
    if (values.buildCache === true) await pruneCache()
  },
})

/** The bytes given back. */
async function pruneCache(): Promise<number> {
  const { pruneBuildCache } = await import('#engine/image/build/prune.ts')
  return await pruneBuildCache()
}

export const volumePruneCommand = defineCommand({
  usage: '[options]',
  options: {
    all: flag('Remove named volumes too, not only anonymous ones (default true)', { short: 'a' }),
    dryRun: flag('Show what would be removed'),
    filter,
    force,
  },
  operands: '',
  async run(values) {
    const filters = parseVolumeFilters(values.filter ?? [])
    const options = { filters, all: values.all ?? true }
    const { pruneVolumes } = await import('#engine/volume/prune.ts')
    if (values.force !== true) {
      const found = await pruneVolumes({ ...options, dryRun: true })
      if (found.length === 0 || values.dryRun === true) {
        printLine(found.length === 0 ? 'No dangling volumes found' : found.map(({ id }) => id).join('\n'))
        return
      }
      const names = found.map(({ id }) => id).join('\n')
      const warning =
        'WARNING! This will remove all volumes not used by at least one container. The following volumes will be removed:'
      if (!confirm(`${warning}\n${names}`)) return
    }
    printPruned(await pruneVolumes({ ...options, dryRun: values.dryRun ?? false }))
  },
})

export const systemPruneCommand = defineCommand({
  usage: '[options]',
  options: {
    all: flag('Remove every image that no container uses, not only nameless ones', { short: 'a' }),
    build: flag('Remove what builds remember too: results of steps, and cache mounts'),
    external: refused('', 'there are no containers of other tools in the store', { harmless: ['false'] }),
    filter,
    force,
    volumes: flag('Remove volumes that no container uses'),
  },
  operands: '',
  async run(values) {
    const { all = false, volumes = false } = values
    const filters = parsePruneFilters(values.filter ?? [])
    const warning = [
      'WARNING! This command removes:',
      '\t- all stopped containers',
      ...(volumes ? ['\t- all volumes not used by at least one container'] : []),
      all ? '\t- all images without at least one container associated with them' : '\t- all dangling images',
      ...(values.build === true ? ['\t- what builds remember'] : []),
      '',
    ]
    if (values.force !== true && !confirm(warning.join('\n'))) return
    const { pruneSystem } = await import('#engine/system/prune.ts')
    const pruned = await pruneSystem({
      all,
      volumes,
      containerFilters: filters,
      imageFilters: filters,
      volumeFilters: filters.map(each => (each.key === 'until' ? { key: 'until', atMs: each.beforeMs } : each)),
    })
    const parts = { Pods: pruned.pods, Containers: pruned.containers, Volumes: pruned.volumes, Images: pruned.images }
    for (const [title, list] of Object.entries(parts)) if (list.length > 0) print(`Deleted ${title}\n${idLines(list)}`)
    const cacheBytes = values.build === true ? await pruneCache() : 0
    printLine(`Total reclaimed space: ${humanSize(pruned.reclaimedBytes + cacheBytes, 4)}`)
    throwFailures([...pruned.pods, ...pruned.containers, ...pruned.volumes, ...pruned.images])
  },
})

function printPruned(pruned: readonly Pruned[]): void {
  print(idLines(pruned))
  throwFailures(pruned)
}

function idLines(pruned: readonly Pruned[]): string {
  return pruned.map(({ id, error }) => (error === undefined ? `${id}\n` : '')).join('')
}
