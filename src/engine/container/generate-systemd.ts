// generate systemd: what a service of systemd takes from a container's record.
import type { ContainerName } from '#engine/contracts/container.ts'
import { openEngine } from '#engine/open.ts'
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

/** Throws NOT_FOUND. */
export async function serviceFacts(container: ContainerName): Promise<ServiceFacts> {
  const engine = await openEngine()
  const record = seeContainer(engine, findOne(engine, container)).requireRecord()
  const { id, name, stopTimeoutSeconds, request } = record
  return { id, name, stopTimeoutSeconds, createCommand: request.createCommand, program: programWords() }
}
