// Control groups by the user's systemd manager: a transient scope for each container, delegated, with the limits as its properties, so
// that systemctl and systemd-cgls show them (systemd.scope(5), org.freedesktop.systemd1(5)). One connection, one packet: what is asked
// is sent at once and the answers are read when they are needed. Host namespaces.
import { accessSync, constants } from 'node:fs'
import { TspodError } from '#errors.ts'
import { parseOwnGroup } from '#host/cgroup.ts'
import { hostUser } from '#host/user.ts'
import { log } from '#log.ts'
import { DbusConnection, DbusError, type Endpoint, isUnreachable, type MethodCall } from './dbus/connection.ts'
import type { DbusValue, Variant } from './dbus/wire.ts'
import { readCgroupFile, readCgroupWords, writeCgroupFile, writeSettings } from './files.ts'
import {
  CGROUP_ROOT,
  type CgroupManager,
  type CgroupParents,
  type CgroupWish,
  type ParentWish,
  type PendingCgroup,
} from './manager.ts'
import { type CgroupSetting, INFINITY } from './settings.ts'

const SERVICE = 'org.freedesktop.systemd1'
const UNIT_EXISTS = 'org.freedesktop.systemd1.UnitExists'
/** How long systemd may take for a job, in milliseconds. */
const DEADLINE_MS = 30_000
/** A container that starts again at once finds its old scope still ending. */
const RETRY_MS = 50
const RETRIES = 40

/** Where containers and what serves them are. */
const SLICE = 'user.slice'

export type Property = readonly [name: string, value: DbusValue]

/** Beyond the time that a container has to stop: its monitor kills it, and records its end. */
const KILL_MARGIN_SECONDS = 10

/** Where the user's manager listens: its own socket, then the bus (systemctl(1) --user looks in this order too). */
export function findEndpoints(env: Readonly<Record<string, string | undefined>>, uid: number): Endpoint[] {
  const folders = [...new Set([env.XDG_RUNTIME_DIR ?? '', `/run/user/${uid}`])].filter(folder => folder !== '')
  const bus = /^unix:path=([^,;]+)/.exec(env.DBUS_SESSION_BUS_ADDRESS ?? '')?.[1]
  return [
    ...folders.map(folder => ({ path: `${folder}/systemd/private`, isBus: false })),
    ...(bus === undefined ? [] : [{ path: bus, isBus: true }]),
    ...folders.map(folder => ({ path: `${folder}/bus`, isBus: true })),
  ]
}

/** The manager of this user, or why there is none. */
export function connectSystemd(): SystemdManager | string {
  const { uid } = hostUser()
  for (const endpoint of findEndpoints(process.env, uid)) {
    try {
      return new SystemdManager(new DbusConnection(endpoint, SERVICE), uid)
    } catch (error) {
      if (!isUnreachable(error)) throw error
    }
  }
  return 'no systemd user manager answers: there is neither its socket nor a bus below $XDG_RUNTIME_DIR'
}

export class SystemdManager implements CgroupManager {
  readonly name = 'systemd'
  readonly controllers: readonly string[]
  readonly remedy: string
  readonly parents: CgroupParents
  readonly #connection: DbusConnection

  constructor(connection: DbusConnection, uid: number) {
    this.#connection = connection
    this.parents = new Slices(connection)
    this.controllers = readCgroupWords(
      `${CGROUP_ROOT}/user.slice/user-${uid}.slice/user@${uid}.service`,
      'cgroup.controllers',
    )
    this.remedy =
      'an administrator delegates it to users: /etc/systemd/system/user@.service.d/delegate.conf with the lines "[Service]" and ' +
      '"Delegate=cpu cpuset io memory pids", then `systemctl daemon-reload`, and the user logs in again'
    connection.subscribe('JobRemoved')
    connection.post(method('Subscribe'))
  }

  open(wish: CgroupWish): PendingCgroup {
    const slice = wish.parent ?? SLICE
    if (!/^[A-Za-z0-9:_.\\-]+\.slice$/.test(slice))
      throw new TspodError(
        'INVALID',
        `--cgroup-parent "${slice}": systemd puts containers into slices, such as batch.slice`,
      )
    return new PendingScope(this.#connection, wish, slice)
  }

  /** Puts a process of the caller's into a scope of its own, beside those of containers. Returns when it is there. */
  enclose(pid: number, unit: string, properties: readonly Property[]): void {
    const deadline = performance.now() + DEADLINE_MS
    this.#connection.call(
      startScope(unit, [['Slice', text(SLICE)], ['PIDs', { signature: 'au', value: [pid] }], ...properties]),
      DEADLINE_MS,
    )
    awaitJob(this.#connection, unit, deadline)
  }

  /** Closes the connection; nothing can be asked any more. */
  [Symbol.dispose](): void {
    this.#connection.close()
  }

  join(folder: string, pid: number): void {
    if (canEnter(folder, pid)) return
    const { unit, inside } = unitOf(folder)
    const answer = this.#connection
    try {
      answer.call(method('AttachProcessesToUnit', 'ssau', [unit, inside, [pid]]), DEADLINE_MS)
    } catch (error) {
      throw explained(`entering the control group of the container (${unit})`, error)
    }
  }

  update(folder: string, settings: readonly CgroupSetting[]): void {
    const { unit } = unitOf(folder)
    const properties = propertiesOf(settings)
    try {
      if (properties.length > 0)
        this.#connection.call(method('SetUnitProperties', 'sba(sv)', [unit, true, variants(properties)]), DEADLINE_MS)
    } catch (error) {
      throw explained(`changing the limits of ${unit}`, error)
    }
    writeSettings(
      folder,
      settings.filter(({ properties: has }) => has === undefined),
    )
  }
}

/** Slices; the name of one says what it lies in (systemd.slice(5)). */
class Slices implements CgroupParents {
  readonly #connection: DbusConnection

  constructor(connection: DbusConnection) {
    this.#connection = connection
  }

  open({ id, name, parent, settings }: ParentWish): string {
    const slice = sliceOf(id, parent)
    const byHand = settings.find(({ properties, optional }) => properties === undefined && optional !== true)
    if (byHand !== undefined)
      throw new TspodError('UNSUPPORTED', `limiting pod "${name}": systemd has no property for ${byHand.file}`)
    const properties = propertiesOf(settings)
    try {
      this.#startSlice(slice, [['Description', text(`tspod pod ${name}`)], ...properties])
    } catch (error) {
      if (!(error instanceof DbusError && error.errorName === UNIT_EXISTS))
        throw explained(`making the control group of pod "${name}"`, error)
      this.#connection.call(method('SetUnitProperties', 'sba(sv)', [slice, true, variants(properties)]), DEADLINE_MS)
    }
    return slice
  }

  close({ id, parent }: Pick<ParentWish, 'id' | 'parent'>): void {
    const slice = sliceOf(id, parent)
    try {
      this.#connection.call(method('StopUnit', 'ss', [slice, 'fail']), DEADLINE_MS)
    } catch (error) {
      log.debug(`ending ${slice}: ${String(error)}`) // it never was
    }
  }

  #startSlice(slice: string, properties: readonly Property[]): void {
    const deadline = performance.now() + DEADLINE_MS
    this.#connection.call(startScope(slice, properties), DEADLINE_MS)
    awaitJob(this.#connection, slice, deadline)
  }
}

/** `user-tspod_pod_<id>.slice` lies in user.slice. */
function sliceOf(id: string, parent: string = SLICE): string {
  const above = parent === '-.slice' ? '' : parent.replace(/\.slice$/, '-')
  return `${above}tspod_pod_${id}.slice`
}

/** A scope on its way. */
class PendingScope implements PendingCgroup {
  readonly #connection: DbusConnection
  readonly #wish: CgroupWish
  readonly #slice: string
  readonly #unit: string
  #container = 0
  #call: MethodCall | undefined
  #serial = 0
  #monitorSerial: number | undefined

  constructor(connection: DbusConnection, wish: CgroupWish, slice: string) {
    this.#connection = connection
    this.#wish = wish
    this.#slice = slice
    this.#unit = `tspod-${wish.id}.scope`
  }

  begin({ container, monitor }: { container: number; monitor: readonly number[] }): void {
    const { id, name, settings, separateMonitor, stop, outlivedBy } = this.#wish
    const after: Property[] = outlivedBy.length === 0 ? [] : [['After', { signature: 'as', value: outlivedBy }]]
    this.#container = container
    this.#call = startScope(this.#unit, [
      ['Description', text(`tspod container ${name}`)],
      ['Slice', text(this.#slice)],
      ['Delegate', { signature: 'b', value: true }],
      ['PIDs', { signature: 'au', value: [container] }],
      ['KillSignal', { signature: 'i', value: stop.signal }],
      ['TimeoutStopUSec', killedAfter(stop.timeoutSeconds, 1)],
      ...after,
      ...propertiesOf(settings),
    ])
    this.#serial = this.#connection.post(this.#call)
    if (separateMonitor)
      this.#monitorSerial = this.#connection.post(
        startScope(`tspod-monitor-${id}.scope`, [
          ['Description', text(`tspod monitor of ${name}`)],
          ['Slice', text(this.#wish.monitorParent ?? this.#slice)],
          ['PIDs', { signature: 'au', value: [...monitor] }],
          ['TimeoutStopUSec', killedAfter(stop.timeoutSeconds, 2)],
          ...after,
        ]),
      )
    this.#connection.flush()
  }

  finish(): string {
    try {
      this.#awaitJob()
    } catch (error) {
      throw explained('making the control group of the container', error)
    }
    this.#checkMonitor()
    const group = parseOwnGroup(readCgroupFile(`/proc/${this.#container}`, 'cgroup') ?? '')
    if (group?.includes(this.#unit) !== true)
      throw new TspodError('INTERNAL', `systemd has made ${this.#unit}, but the container's process is in "${group}"`)
    const folder = `${CGROUP_ROOT}${group}`
    writeSettings(
      folder,
      this.#wish.settings.filter(({ properties }) => properties === undefined),
    )
    return folder
  }

  [Symbol.dispose](): void {
    // a scope goes with its last process
  }

  #awaitJob(): void {
    const deadline = performance.now() + DEADLINE_MS
    for (let tries = 0; ; tries++) {
      try {
        this.#connection.reply(this.#serial, deadline)
        break
      } catch (error) {
        if (!(error instanceof DbusError && error.errorName === UNIT_EXISTS) || tries === RETRIES) throw error
        this.#retry(tries)
      }
    }
    awaitJob(this.#connection, this.#unit, deadline)
  }

  #retry(tries: number): void {
    if (tries > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS)
    if (this.#call === undefined) return
    this.#connection.post(method('ResetFailedUnit', 's', [this.#unit]))
    this.#serial = this.#connection.post(this.#call)
    this.#connection.flush()
  }

  /** The container works without: its monitor stays where the command line was. */
  #checkMonitor(): void {
    if (this.#monitorSerial === undefined) return
    try {
      this.#connection.reply(this.#monitorSerial, performance.now() + DEADLINE_MS)
    } catch (error) {
      log.debug(`a scope for the monitor: ${String(error)}`)
    }
  }
}

function awaitJob(connection: DbusConnection, unit: string, deadline: number): void {
  const { body } = connection.signal(({ member, body: [, , of] }) => member === 'JobRemoved' && of === unit, deadline)
  const result = body[3] as string
  if (result !== 'done') throw new TspodError('INTERNAL', `systemd's job for ${unit} ended with "${result}"`)
}

/** When systemd, asked to end a group, kills it: only where its monitor, which ends it too, has not. In microseconds. */
function killedAfter(stopSeconds: number, margins: number): Variant {
  const seconds = stopSeconds + margins * KILL_MARGIN_SECONDS
  return { signature: 't', value: stopSeconds < 0 ? INFINITY : BigInt(Math.ceil(seconds * 1_000_000)) }
}

function text(value: string): Variant {
  return { signature: 's', value }
}

function method(member: string, signature?: string, body?: readonly DbusValue[]): MethodCall {
  return {
    path: '/org/freedesktop/systemd1',
    interface: 'org.freedesktop.systemd1.Manager',
    member,
    ...(signature !== undefined && { signature }),
    ...(body !== undefined && { body }),
  }
}

/** A scope, or a slice: a unit without a file. */
function startScope(unit: string, properties: readonly Property[]): MethodCall {
  const all: Property[] = [['CollectMode', text('inactive-or-failed')], ...properties]
  return method('StartTransientUnit', 'ssa(sv)a(sa(sv))', [unit, 'replace', variants(all), []])
}

function variants(properties: readonly Property[]): DbusValue {
  return properties.map(([name, value]) => [name, value])
}

function propertiesOf(settings: readonly CgroupSetting[]): Property[] {
  return settings.flatMap(({ properties }) => properties ?? [])
}

/** A process that is in the user manager's tree may move there by itself; one of a login session may not. */
function canEnter(folder: string, pid: number): boolean {
  try {
    accessSync(`${folder}/cgroup.procs`, constants.W_OK)
    writeCgroupFile(folder, 'cgroup.procs', String(pid))
    return true
  } catch {
    return false // then systemd is asked, and says why where it cannot be
  }
}

/** The unit that a group belongs to, below the user's manager, and the way from there to the group. */
function unitOf(folder: string): { unit: string; inside: string } {
  const below = folder.replace(/^.*?\/user@\d+\.service(?=\/)/, '')
  const [, unit = '', inside = ''] = /\/([^/]+\.(?:scope|service))(\/.*)?$/.exec(below) ?? []
  return { unit, inside }
}

/** systemd's own words, and what was being done. */
function explained(doing: string, error: unknown): TspodError {
  const message = error instanceof Error ? error.message : String(error)
  return new TspodError('INTERNAL', `${doing}: ${error instanceof DbusError ? 'systemd: ' : ''}${message}`, {
    cause: error,
    hint: '`systemctl --user status` shows the manager, `journalctl --user` what it says; --cgroups=disabled does without',
  })
}
