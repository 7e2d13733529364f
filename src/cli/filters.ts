// `--filter key=value` of the commands that list and prune, as data. Pure.
import type { ContainerFilter, ContainerStatus, LabelFilter } from '#engine/contracts/container.ts'
import type { ImageFilter } from '#engine/contracts/image.ts'
import type { NetworkFilter } from '#engine/contracts/network.ts'
import type { EventFilter } from '#engine/contracts/system.ts'
import type { VolumeFilter } from '#engine/contracts/volume.ts'
import { TspodError } from '#errors.ts'
import { parseTime } from './format/durations.ts'
import { parseBoolean } from './option.ts'

const statuses: Record<string, ContainerStatus> = {
  created: 'created',
  configured: 'created',
  initialized: 'created',
  running: 'running',
  paused: 'paused',
  stopping: 'stopping',
  exited: 'exited',
  stopped: 'exited',
  restarting: 'restarting',
  removing: 'removing',
  elsewhere: 'elsewhere',
  unknown: 'unknown',
}

const healths = ['starting', 'healthy', 'unhealthy', 'none'] as const

/** For ps, prune, and the verbs that take --filter (podman-ps(1)). */
export function parseContainerFilters(texts: readonly string[]): ContainerFilter[] {
  return texts.map(text => {
    const { key, value } = splitFilter(text)
    const label = labelFilter(key, value)
    if (label !== undefined) return label
    switch (key) {
      case 'id':
      case 'name':
      case 'ancestor':
      case 'before':
      case 'since':
      case 'volume':
      case 'network':
      case 'pod':
        return { key, value }
      case 'status':
        return { key, status: parseStatus(value, text) }
      case 'exited':
        if (!/^-?\d{1,3}$/.test(value)) throw invalid(text, `the exit status is "${value}", must be a number`)
        return { key, code: Number(value) }
      case 'until':
        return { key, beforeMs: parseTime('--filter until', value, Date.now()) }
      case 'health': {
        const health = healths.find(each => each === value)
        if (health === undefined) throw invalid(text, `the health is "${value}", must be one of ${healths.join(', ')}`)
        return { key, health }
      }
      case 'restart-policy':
        return { key, value }
      case 'should-start-on-boot':
        return { key, value: parseBoolean(value, `--filter ${key}`) }
      default:
        throw unknownFilter(
          key,
          'id name label label! ancestor before since exited status health restart-policy should-start-on-boot volume network pod until',
        )
    }
  })
}

/** For images and its prune (podman-images(1)). */
export function parseImageFilters(texts: readonly string[]): ImageFilter[] {
  return texts.map(text => {
    const { key, value } = splitFilter(text)
    const label = labelFilter(key, value)
    if (label !== undefined) return label
    switch (key) {
      case 'dangling':
      case 'intermediate':
      case 'readonly':
      case 'manifest':
      case 'containers':
        return { key, value: parseBoolean(value, `--filter ${key}`) }
      case 'before':
      case 'since':
      case 'reference':
      case 'id':
      case 'digest':
        return { key, value }
      case 'until':
        return { key, beforeMs: parseTime('--filter until', value, Date.now()) }
      default:
        throw unknownFilter(
          key,
          'dangling intermediate readonly manifest containers before since reference id digest label label! until',
        )
    }
  })
}

/** For volume ls and prune (podman-volume-ls(1)). */
export function parseVolumeFilters(texts: readonly string[]): VolumeFilter[] {
  return texts.map(text => {
    const { key, value } = splitFilter(text)
    const label = labelFilter(key, value)
    if (label !== undefined) return label
    switch (key) {
      case 'name':
      case 'driver':
      case 'scope':
      case 'opt':
        return { key, value }
      case 'dangling':
        return { key, value: parseBoolean(value, '--filter dangling') }
      case 'until':
      case 'since':
        return { key, atMs: parseTime(`--filter ${key}`, value, Date.now()) }
      default:
        throw unknownFilter(key, 'name driver scope opt dangling label label! until since')
    }
  })
}

/** For network ls and network prune. */
export function parseNetworkFilters(texts: readonly string[]): NetworkFilter[] {
  return texts.map(text => {
    const { key, value } = splitFilter(text)
    const label = labelFilter(key, value)
    if (label !== undefined) return label
    switch (key) {
      case 'name':
      case 'id':
      case 'driver':
        return { key, value }
      case 'dangling':
        return { key, value: parseBoolean(value, '--filter dangling') }
      case 'until':
        return { key, beforeMs: parseTime(`--filter ${key}`, value, Date.now()) }
      default:
        throw unknownFilter(key, 'name id driver dangling label label! until')
    }
  })
}

/** For system prune, which filters everything alike: only label, label! and until (podman-system-prune(1)). */
export function parsePruneFilters(texts: readonly string[]): (LabelFilter | { key: 'until'; beforeMs: number })[] {
  return texts.map(text => {
    const { key, value } = splitFilter(text)
    const label = labelFilter(key, value)
    if (label !== undefined) return label
    if (key !== 'until') throw unknownFilter(key, 'label label! until')
    return { key, beforeMs: parseTime('--filter until', value, Date.now()) }
  })
}

/** For events (podman-events(1)). */
export function parseEventFilters(texts: readonly string[]): EventFilter[] {
  return texts.map(text => {
    const { key, value } = splitFilter(text)
    switch (key) {
      case 'container':
      case 'image':
      case 'volume':
      case 'pod':
      case 'event':
      case 'type':
      case 'label':
        return { key, value }
      default:
        throw unknownFilter(key, 'container image volume pod event type label')
    }
  })
}

/** A container's status by the words users have for it. */
export function parseStatus(word: string, text: string): ContainerStatus {
  const status = statuses[word]
  if (status !== undefined) return status
  throw invalid(text, `the status is "${word}", must be one of ${Object.keys(statuses).join(', ')}`)
}

function splitFilter(text: string): { key: string; value: string } {
  const equals = text.indexOf('=')
  if (equals < 1) throw invalid(text, 'must be of the form KEY=VALUE')
  return { key: text.slice(0, equals), value: text.slice(equals + 1) }
}

/** `label=name[=value]` and `label!=name[=value]`. */
function labelFilter(key: string, text: string): LabelFilter | undefined {
  if (key !== 'label' && key !== 'label!') return undefined
  const equals = text.indexOf('=')
  const name = equals === -1 ? text : text.slice(0, equals)
  return { key: 'label', name, not: key === 'label!', ...(equals === -1 ? {} : { value: text.slice(equals + 1) }) }
}

function invalid(text: string, why: string): TspodError {
  return new TspodError('INVALID', `parsing --filter "${text}": ${why}`)
}

function unknownFilter(key: string, known: string): TspodError {
  return new TspodError('INVALID', `"${key}" is an invalid filter`, {
    hint: `filters are ${known.replaceAll(' ', ', ')}`,
  })
}
