// generate systemd: what a service of systemd takes from a container's record.

import { podOfName } from '#container/name-index.ts'
import type { ContainerName } from '#engine/contracts/container.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { programWords } from '#host/executable.ts'
import { findOne } from './select.ts'
import { seeContainer } from './survey.ts'

/** What the command line makes a unit of. */
export interface ServiceFacts {
  id: string
  name: string
  stopTimeoutSeconds: number
  /** the words after the program that made it; absent for one that another program made */
  createCommand: string[] | undefined
  /** the words that start tspod */
  program: string[]
}

function requireNoPod({ graphRoot }: Engine, name: string): void {
  if (podOfName(graphRoot, name) === undefined) return
  throw new TspodError('UNSUPPORTED', `generating services of the pod "${name}" is not implemented yet`, {
    hint: 'a .pod file of Quadlet makes them (docs/systemd.md)',
  })
}

/** Throws NOT_FOUND. */
export async function serviceFacts(container: ContainerName): Promise<ServiceFacts> {
  const engine = await openEngine()
  if (typeof container === 'string') requireNoPod(engine, container)
  const record = seeContainer(engine, findOne(engine, container)).requireRecord()
  const { id, name, stopTimeoutSeconds, request } = record
  return { id, name, stopTimeoutSeconds, createCommand: request.createCommand, program: programWords() }
}
