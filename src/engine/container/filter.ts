// Filters of containers, as ps, stop, rm, prune and their kin take them (podman-ps(1), --filter).

import { findContainer } from '#container/name-index.ts'
import { readRecord } from '#container/record.ts'
import { startsAtBoot } from '#container/restart-policy.ts'
import { wasEndedByUser } from '#container/state.ts'
import type { ContainerFilter, LabelFilter } from '#engine/contracts/container.ts'
import type { Engine } from '#engine/open.ts'
import { hasCode, TspodError } from '#errors.ts'
import { healthOf } from './health.ts'
import { networkMode } from './network-mode.ts'
import { namesOfNetworks } from './network-names.ts'
import type { SeenContainer } from './survey.ts'

type Test = (container: SeenContainer) => boolean

/** The containers that match: of filters with the same key any, of different keys and labels all. */
export async function filterContainers(
  engine: Engine,
  containers: readonly SeenContainer[],
  filters: readonly ContainerFilter[],
): Promise<SeenContainer[]> {
  const groups = new Map<string, Test[]>()
  for (const [index, filter] of filters.entries()) {
    const group = filter.key === 'label' ? `label ${index}` : filter.key
    groups.set(group, [...(groups.get(group) ?? []), await testOf(engine, filter)])
  }
  return containers.filter(container => [...groups.values()].every(tests => tests.some(test => test(container))))
}

/** True where the label is there, with that value if one is asked for; the opposite for `label!=`. */
export function hasLabel(labels: Readonly<Record<string, string>>, { name, value, not }: LabelFilter): boolean {
  const found = Object.hasOwn(labels, name) && (value === undefined || labels[name] === value)
  return found !== not
}

async function testOf(engine: Engine, filter: ContainerFilter): Promise<Test> {
  switch (filter.key) {
    case 'label':
      return ({ record }) => record !== undefined && hasLabel(record.labels, filter)
    case 'id': {
      const pattern = patternOf(filter.key, filter.value)
      return ({ id }) => (/^[0-9a-f]+$/.test(filter.value) ? id.startsWith(filter.value) : pattern.test(id))
    }
    case 'name': {
      const pattern = patternOf(filter.key, filter.value)
      return ({ record }) => record !== undefined && pattern.test(record.name)
    }
    case 'status':
      return ({ status }) => status === filter.status
    case 'health':
      return container => healthOf(container) === (filter.health === 'none' ? undefined : filter.health)
    case 'restart-policy':
      return ({ record }) => record !== undefined && (record.request.restart?.name ?? 'no') === filter.value
    case 'should-start-on-boot':
      return ({ record, report }) =>
        record !== undefined && startsAtBoot(record.request.restart, wasEndedByUser(report)) === filter.value
    case 'exited':
      return ({ report }) => report.status === 'exited' && report.exit?.exitCode === filter.code
    case 'until':
      return ({ record }) => record !== undefined && record.createdMs < filter.beforeMs
    case 'before':
    case 'since': {
      const { createdMs } = readRecord(engine.graphRoot, findContainer(engine.graphRoot, filter.value))
      const isBefore = filter.key === 'before'
      return ({ record }) =>
        record !== undefined && (isBefore ? record.createdMs < createdMs : record.createdMs > createdMs)
    }
    case 'volume':
      return ({ record }) =>
        record?.mounts.some(({ name, source, destination }) => [name, source, destination].includes(filter.value)) ??
        false
    case 'network':
      return await networkTest(engine, filter.value)
    case 'pod':
      return ({ record }) =>
        record?.pod !== undefined && (record.pod.name === filter.value || record.pod.id.startsWith(filter.value))
    case 'ancestor':
      return await ancestorTest(engine, filter.value)
  }
}

/** A regular expression that may match anywhere, as podman takes it; `source` where it is made of something else. */
export function patternOf(key: string, text: string, source = text): RegExp {
  try {
    return new RegExp(source)
  } catch (error) {
    throw new TspodError('INVALID', `--filter ${key}=${text}: "${text}" is no pattern`, { cause: error })
  }
}

/** By a mode in one word, or by the name or id of a user-defined network. */
async function networkTest(engine: Engine, text: string): Promise<Test> {
  const other = /^container:(.+)$/.exec(text)?.[1]
  const mode = other === undefined ? text : `container:${findContainer(engine.graphRoot, other)}`
  const network = other === undefined ? await nameOfNetwork(engine, text) : undefined
  return ({ record }) =>
    record !== undefined &&
    ((network !== undefined && namesOfNetworks(engine, record).includes(network)) ||
      networkMode(engine, record) === mode)
}

async function nameOfNetwork({ graphRoot, config }: Engine, text: string): Promise<string | undefined> {
  const { findNetwork } = await import('#network/networks.ts')
  try {
    const { defaultNetwork: name, defaultSubnet: subnet } = config.network
    return findNetwork(graphRoot, { name, subnet }, text).name
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND', 'CONFLICT')) return undefined
    throw error
  }
}

/** Containers of an image, by name or id, and of images that were made on top of it. */
async function ancestorTest({ images: store }: Engine, text: string): Promise<Test> {
  const found = await store.find(text)
  if (found === undefined) return ({ record }) => record?.image?.name === text || record?.image?.id === text
  const { id } = found.image
  const top = store.open(found.image).chain.at(-1)
  const offspring = store.list().filter(image => top !== undefined && store.open(image).chain.includes(top))
  const ids = new Set([id, ...offspring.map(image => image.id)])
  return ({ record }) => record?.image !== undefined && ids.has(record.image.id)
}
