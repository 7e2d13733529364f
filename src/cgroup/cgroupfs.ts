// Control groups by the cgroup2 tree itself, where the group that this process is in is the user's own: a subtree that a batch system
// or a container engine has delegated. Containers' groups lie beside the caller (cgroup-v2.rst, Delegation). Host namespaces.
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs'
import { basename, dirname, join, posix } from 'node:path'
import { errnoOf, TspodError } from '#errors.ts'
import { parseOwnGroup, readCgroupFacts } from '#host/cgroup.ts'
import { readCgroupFile, readCgroupWords, writeCgroupFile, writeSettings } from './files.ts'
import type { CgroupManager, CgroupWish, PendingCgroup } from './manager.ts'
import { type CgroupSetting, controllersOf } from './settings.ts'

/** A group with controllers for its children holds no processes itself: those that were there wait in this one. */
const CALLERS = 'tspod.callers'
/** What statistics and limits usually need; enabled where that disturbs nobody. */
const usual = ['cpu', 'io', 'memory', 'pids']

/** The manager for the subtree that this process is in, or why it is none. */
export function openCgroupfs(): CgroupfsManager | string {
  const { mountPoint } = readCgroupFacts()
  const own = parseOwnGroup(readCgroupFile('/proc/self', 'cgroup') ?? '')
  if (mountPoint === undefined || own === undefined) return 'there is no cgroup2 tree'
  const here = join(mountPoint, own)
  const base = basename(here) === CALLERS ? dirname(here) : here
  for (const path of [base, `${base}/cgroup.procs`, `${base}/cgroup.subtree_control`]) {
    try {
      accessSync(path, constants.W_OK)
    } catch (error) {
      return `the group of this process is not yours: "${path}" cannot be written (${errnoOf(error) ?? String(error)})`
    }
  }
  return new CgroupfsManager(mountPoint, base)
}

export class CgroupfsManager implements CgroupManager {
  readonly name = 'cgroupfs'
  readonly controllers: readonly string[]
  readonly remedy: string
  readonly #mountPoint: string
  readonly #base: string

  constructor(mountPoint: string, base: string) {
    this.#mountPoint = mountPoint
    this.#base = base
    this.controllers = readCgroupWords(base, 'cgroup.controllers')
    this.remedy = `whoever gave you "${base}" enables it in the cgroup.subtree_control of the group above`
  }

  open(wish: CgroupWish): PendingCgroup {
    const parent = wish.parent === undefined ? this.#base : join(this.#mountPoint, posix.join('/', wish.parent))
    if (wish.parent !== undefined && !existsSync(parent))
      throw new TspodError('NOT_FOUND', `--cgroup-parent "${wish.parent}": there is no group "${parent}"`)
    return new PendingGroup(parent, wish)
  }

  join(folder: string, pid: number): void {
    writeCgroupFile(folder, 'cgroup.procs', String(pid))
  }

  update(folder: string, settings: readonly CgroupSetting[]): void {
    updateGroup(folder, settings)
  }
}

/** Changes limits of a group that exists. */
export function updateGroup(folder: string, settings: readonly CgroupSetting[]): void {
  enableControllers(dirname(folder), controllersOf(settings))
  writeSettings(folder, settings)
}

class PendingGroup implements PendingCgroup {
  readonly #parent: string
  readonly #folder: string
  readonly #wish: CgroupWish

  constructor(parent: string, wish: CgroupWish) {
    this.#parent = parent
    this.#folder = `${parent}/tspod-${wish.id}`
    this.#wish = wish
  }

  begin({ container }: { container: number; monitor: readonly number[] }): void {
    const { settings, isSplit } = this.#wish
    if (isSplit === true) moveCallers(this.#parent)
    enableControllers(this.#parent, controllersOf(settings))
    try {
      mkdirSync(this.#folder)
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error // left by an earlier run
    }
    writeSettings(this.#folder, settings)
    writeCgroupFile(this.#folder, 'cgroup.procs', String(container))
  }

  finish(): string {
    return this.#folder
  }

  [Symbol.dispose](): void {
    // the monitor removes it
  }
}

/** Enables controllers for the groups in a folder: those that are needed in any case, the usual ones where nothing stands against it. */
function enableControllers(folder: string, needed: readonly string[]): void {
  const has = readCgroupWords(folder, 'cgroup.subtree_control')
  const available = readCgroupWords(folder, 'cgroup.controllers')
  for (const controller of needed) if (!has.includes(controller)) enable(folder, controller)
  for (const controller of usual) {
    if (has.includes(controller) || needed.includes(controller) || !available.includes(controller)) continue
    try {
      writeCgroupFile(folder, 'cgroup.subtree_control', `+${controller}`)
    } catch (error) {
      if (errnoOf(error) !== 'EBUSY') throw error // processes in the group itself: only statistics lack
    }
  }
}

function enable(folder: string, controller: string): void {
  try {
    writeCgroupFile(folder, 'cgroup.subtree_control', `+${controller}`)
  } catch (error) {
    if (errnoOf(error) !== 'EBUSY') throw error
    moveCallers(folder)
    writeCgroupFile(folder, 'cgroup.subtree_control', `+${controller}`)
  }
}

/** Moves the processes of a group into one of their own below it. */
function moveCallers(folder: string): void {
  mkdirSync(`${folder}/${CALLERS}`, { recursive: true })
  for (const pid of readCgroupWords(folder, 'cgroup.procs')) {
    try {
      writeCgroupFile(`${folder}/${CALLERS}`, 'cgroup.procs', pid)
    } catch (error) {
      if (errnoOf(error) !== 'ESRCH') throw error // it has ended
    }
  }
}
