// events: what the journal says has happened, and what happens.

import type { EngineEvent, EventFilter, EventQuery } from '#engine/contracts/system.ts'
import { openEngine } from '#engine/open.ts'
import { JournalFollower, readEventsForward } from '#storage/journal.ts'

/** How often the journal is looked at for new events. */
const PAUSE_MS = 50

/** The verb: past events in order, then, with `follow`, new ones until `signal` or `until`. */
export async function readEvents(
  query: EventQuery,
  onEvent: (event: EngineEvent) => void | Promise<void>,
): Promise<void> {
  const { graphRoot } = await openEngine()
  const { sinceMs = Number.NEGATIVE_INFINITY, untilMs = Number.POSITIVE_INFINITY } = query
  const isWanted = matcher(query.filters)
  const isInTime = (event: EngineEvent) => timeMs(event) >= sinceMs && timeMs(event) <= untilMs
  const tell = async (event: EngineEvent) => {
    if (isInTime(event) && isWanted(event)) await onEvent(event)
  }
  using follower = query.follow ? new JournalFollower(graphRoot) : undefined
  const seen = new Set<string>()
  if (query.fromStart || query.sinceMs !== undefined)
    for (const event of readEventsForward(graphRoot)) {
      seen.add(keyOf(event))
      await tell(event)
    }
  if (follower === undefined) return
  while (query.signal?.aborted !== true && Date.now() <= untilMs) {
    for (const event of follower.take()) {
      // what came between opening the follower and reading the past has been told
      if (seen.size > 0 && seen.delete(keyOf(event))) continue
      await tell(event)
    }
    await pause(Math.min(PAUSE_MS, untilMs - Date.now() + 1), query.signal)
  }
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>(resolve => {
    const timer = setTimeout(resolve, Math.max(0, ms))
    signal?.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
  })
}

const timeMs = ({ timeNano }: EngineEvent): number => Number(timeNano.slice(0, -6) || '0')
const keyOf = ({ timeNano, status, id, name }: EngineEvent): string => `${timeNano} ${status} ${id} ${name}`

/** Same key: any may match; different keys: all must (podman-events(1), --filter). */
function matcher(filters: readonly EventFilter[]): (event: EngineEvent) => boolean {
  const groups = Map.groupBy(filters, ({ key }) => key)
  return event => [...groups.values()].every(group => group.some(filter => matches(event, filter)))
}

function matches(event: EngineEvent, { key, value }: EventFilter): boolean {
  switch (key) {
    case 'container':
    case 'image':
    case 'volume':
    case 'pod':
      return event.type === key && (event.name === value || (value !== '' && event.id.startsWith(value)))
    case 'event':
      return event.status === value || event.status === otherWords[value]
    case 'type':
      return event.type === value
    case 'label': {
      const [name = '', ...rest] = value.split('=')
      const found = event.attributes[name]
      return found !== undefined && (rest.length === 0 || found === rest.join('='))
    }
  }
}

/** docker's words for podman's. */
const otherWords: Record<string, string> = { die: 'died', destroy: 'remove', delete: 'remove' }
