// `--filter key=value` of `pod ps`, as data. Pure.
import type { PodFilter } from '#engine/contracts/pod.ts'
import { TspodError } from '#errors.ts'
import { parseContainerFilters } from './filters.ts'
import { parseTime } from './format/durations.ts'

const statuses = ['created', 'running', 'degraded', 'paused', 'stopped', 'exited', 'error'] as const

/** podman-pod-ps(1), --filter. */
export function parsePodFilters(texts: readonly string[]): PodFilter[] {
  return texts.map(text => {
    const equals = text.indexOf('=')
    if (equals === -1)
      throw new TspodError('INVALID', `filter input must be in the form of filter=value: ${text} is invalid`)
    const key = text.slice(0, equals)
    const value = text.slice(equals + 1)
    switch (key) {
      case 'id':
      case 'name':
      case 'network':
      case 'ctr-ids':
      case 'ctr-names':
        return { key, value }
      case 'status': {
        const status = statuses.find(each => each === value.toLowerCase())
        if (status === undefined) throw invalid(text, `the status is "${value}", must be one of ${statuses.join(', ')}`)
        return { key, status }
      }
      case 'ctr-number':
        if (!/^\d{1,9}$/.test(value)) throw invalid(text, `the number is "${value}", must be a number`)
        return { key, count: Number(value) }
      case 'until':
        return { key, beforeMs: parseTime('--filter until', value, Date.now()) }
      case 'ctr-status': {
        const [filter] = parseContainerFilters([`status=${value}`])
        return { key, status: (filter as { status: Extract<PodFilter, { key: 'ctr-status' }>['status'] }).status }
      }
      case 'label':
      case 'label!':
        return parseContainerFilters([text])[0] as PodFilter
      default:
        throw invalid(
          text,
          `${key} is an invalid filter; there are id, name, label, label!, status, network, until, ctr-ids, ctr-names, ctr-number and ctr-status`,
        )
    }
  })
}

function invalid(text: string, why: string): TspodError {
  return new TspodError('INVALID', `--filter ${text}: ${why}`)
}
