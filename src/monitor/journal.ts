// What a monitor writes into the journal of events. Runs in the monitor.
import { appendEvent } from '#storage/journal.ts'
import type { MonitorEvents } from './monitor.ts'
import type { ChildMessage } from './protocol.ts'

export interface EventFacts {
  exitCode?: number
  attributes?: Record<string, string>
}

/** Notes that something has happened to the container, unless its owner wants no journal. */
export function journalEvent(child: ChildMessage, status: string, { exitCode, attributes }: EventFacts = {}): void {
  if (child.journal === undefined) return
  appendEvent(child.graphRoot, {
    type: 'container',
    status,
    id: child.id,
    name: child.name,
    image: child.journal.image,
    ...(exitCode !== undefined && { exitCode }),
    attributes: { ...child.journal.attributes, ...attributes },
  })
}

/** Notes what a monitor sees while it watches. */
export function journalEvents(child: ChildMessage): MonitorEvents {
  return {
    onOom: () => journalEvent(child, 'oom'),
    onStarted: () => journalEvent(child, 'start'),
    onHelperLost: (helper, { code }) => journalEvent(child, 'helper-died', { attributes: { helper }, exitCode: code }),
  }
}
