// All containers as they are now, without any lock: what ps, filters and prunes look at. A record is read only where it is asked for.

import {
  type ContainerId,
  type ContainerRecord,
  containerDir,
  listContainerIds,
  readRecord,
} from '#container/record.ts'
import { listMarkedRunning } from '#container/running-index.ts'
import { isRunning, type Machine, readStatus, type StatusReport, thisMachine } from '#container/state.ts'
import type { ContainerStatus } from '#engine/contracts/container.ts'
import type { Engine } from '#engine/open.ts'
import { hasCode } from '#errors.ts'

/** One container on disk. Its folder may vanish at any time; then it has no record. */
export class SeenContainer {
  readonly id: ContainerId
  readonly folder: string
  readonly report: StatusReport
  readonly #graphRoot: string
  #record: ContainerRecord | 'damaged' | 'gone' | undefined

  constructor(graphRoot: string, id: ContainerId, here: Machine) {
    this.#graphRoot = graphRoot
    this.id = id
    this.folder = containerDir(graphRoot, id)
    this.report = readStatus(this.folder, here)
  }

  /** `undefined` where there is none: a container that is being made or removed, or one that is damaged. */
  get record(): ContainerRecord | undefined {
    const record = this.#read()
    return typeof record === 'string' ? undefined : record
  }

  /** The record. Throws NOT_FOUND where there is none any more, INVALID where it is damaged. */
  requireRecord(): ContainerRecord {
    return this.record ?? readRecord(this.#graphRoot, this.id)
  }

  /** Its record is there and cannot be read. */
  get isDamaged(): boolean {
    return this.#read() === 'damaged'
  }

  get status(): ContainerStatus {
    return this.isDamaged && !this.isRunning ? 'unknown' : this.report.status
  }

  get isRunning(): boolean {
    return isRunning(this.report)
  }

  #read(): ContainerRecord | 'damaged' | 'gone' {
    if (this.#record !== undefined) return this.#record
    try {
      this.#record = readRecord(this.#graphRoot, this.id)
    } catch (error) {
      if (hasCode(error, 'NOT_FOUND')) this.#record = 'gone'
      else if (hasCode(error, 'INVALID')) this.#record = 'damaged'
      else throw error
    }
    return this.#record
  }
}

/** This machine, as records of processes in this store name it. */
export function machineOf({ graphRoot }: Engine): Machine {
  return thisMachine(graphRoot)
}

/** Every container, in no order; those that are only just being made or removed are left out. */
export function surveyContainers(engine: Engine): SeenContainer[] {
  return surveyFolders(engine).filter(({ record, isDamaged }) => record !== undefined || isDamaged)
}

/** Those that run or are about to start again, and those that did until nobody was left to record their end, in no order: the others cost nothing. */
export function surveyMarked(engine: Engine): SeenContainer[] {
  const here = machineOf(engine)
  return listMarkedRunning(engine.graphRoot).map(id => new SeenContainer(engine.graphRoot, id, here))
}

/** Those that run, in no order. */
export function surveyRunning(engine: Engine): SeenContainer[] {
  return onlyRunning(surveyMarked(engine))
}

export function onlyRunning(containers: readonly SeenContainer[]): SeenContainer[] {
  return containers.filter(seen => seen.isRunning && isWhole(seen))
}

/** With those that are about to start again. */
export function onlyActive(containers: readonly SeenContainer[]): SeenContainer[] {
  return containers.filter(seen => (seen.isRunning || seen.status === 'restarting') && isWhole(seen))
}

function isWhole({ record, isDamaged }: SeenContainer): boolean {
  return record !== undefined || isDamaged
}

/** One container. */
export function seeContainer(engine: Engine, id: ContainerId): SeenContainer {
  return new SeenContainer(engine.graphRoot, id, machineOf(engine))
}

/** Every folder there is, in no order: with containers that are only just being made, or were never finished. */
export function surveyFolders(engine: Engine): SeenContainer[] {
  const here = machineOf(engine)
  return listContainerIds(engine.graphRoot).map(id => new SeenContainer(engine.graphRoot, id, here))
}
