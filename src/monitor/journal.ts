// What a monitor writes into the journal of events. Runs in the monitor.
import { appendEvents } from '#storage/journal.ts'
import type { MonitorEvents } from './monitor.ts'
import type { ChildMessage } from './protocol.ts'

export interface EventFacts {
  exitCode?: number
  attributes?: Record<string, string>
}

/** Notes that something has happened to the container, unless its owner wants no journal. */
export function journalEvent(child: ChildMessage, status: string, facts: EventFacts = {}): void {
  if (child.journal !== undefined) appendEvents(child.graphRoot, eventOf(child, child.journal, status, facts))
}

function eventOf(
  { id, name }: ChildMessage,
  journal: NonNullable<ChildMessage['journal']>,
  status: string,
  { exitCode, attributes }: EventFacts = {},
) {
  return {
    type: 'container' as const,
    status,
    id,
    name,
    image: journal.image,
    ...(exitCode !== undefined && { exitCode }),
    attributes: { ...journal.attributes, ...attributes },
  }
}

/** `init`: its process was made and waits; `start`: its program runs. Both lie in one moment here. */
function journalStart(child: ChildMessage): void {
  const { journal } = child
  if (journal !== undefined)
    appendEvents(child.graphRoot, eventOf(child, journal, 'init'), eventOf(child, journal, 'start'))
}

/** Notes what a monitor sees while it watches. */
export function journalEvents(child: ChildMessage): MonitorEvents {
  return {
    onOom: () => journalEvent(child, 'oom'),
    onStarted: () => journalStart(child),
    onHelperLost: (helper, { code }) => journalEvent(child, 'helper-died', { attributes: { helper }, exitCode: code }),
  }
}
