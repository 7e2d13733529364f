// state.json, what process a container's process 1 is, and the status that follows from looking at that process.
// Status is derived at every question, never stored; no lock is taken (docs/internals.md, On disk).
import { readFileSync, rmSync } from 'node:fs'
import { TspodError } from '#errors.ts'
import { filesystemOf, mayBeShared } from '#host/filesystem.ts'
import { bootId, machineId } from '#host/machine.ts'
import type { NetworkAddress } from '#network/driver.ts'
import type { PortMapping } from '#network/ports/mapping.ts'
import { SIGKILL, SIGTERM } from '#sys/flags.ts'
import { isAlive, ownIdentity, type ProcessIdentity, readProcessStat, signalProcess } from '#sys/process.ts'
import { type ExitRecord, readExitRecord, readJson, replaceFile } from './exit-record.ts'

export type ContainerStatus =
  | 'created'
  | 'running'
  | 'paused'
  | 'stopping'
  | 'exited'
  /** it has ended, and its monitor is about to start it again */
  | 'restarting'
  | 'removing'
  | 'elsewhere'
  | 'unknown'

/** Which machine and boot this process sees; found once per command with `thisMachine`. */
export interface Machine {
  machineId: string
  bootId: string
}

export interface ContainerState extends Machine {
  version: 1
  pid: number
  /** Clock ticks after boot (proc_pid_stat(5)): with pid and boot, it names exactly one process. */
  startTime: number
  monitor: ProcessIdentity
  /** RFC 3339 with nanoseconds. */
  startedAt: string
  networkHelper?: ProcessIdentity
  /** The driver that connects it, the address that it gave, and ports that the network service forwards beside it. Absent where it shares another container's. */
  network?: { driver: string; address?: NetworkAddress; forwarded?: PortMapping[] }
  /** Its control group, where it has one of its own; absolute. */
  cgroupFolder?: string
  /** How often it was started before. */
  restarts?: number
  /** A command that is stopping it; while that command lives the status is `stopping`. */
  stopper?: ProcessIdentity
  /** What holds instead of limits that nobody enforces here. */
  softLimits?: { processors?: number[]; nice?: number; processes?: number; memoryBytes?: number }
  /** Its processes were stopped by signals, but for these, which were stopped already. */
  stoppedBySignal?: { spared: number[] }
  /** A user has killed it: its end is no reason to start it again. */
  endedByUser?: boolean
}

export interface StatusReport {
  status: ContainerStatus
  /** Absent for a container that was never started. */
  state?: ContainerState
  /** Of this very run; absent while it runs, and where its monitor was killed before it could record anything. */
  exit?: ExitRecord
  /** With `stopping`: its process has ended already, and its monitor is about to record that. */
  isEnding?: true
}

/** This machine and boot, as records of processes in this store name it. */
export function thisMachine(graphRoot: string): Machine {
  return { machineId: machineId({ sharedStore: mayBeShared(filesystemOf(graphRoot).kind) }), bootId: bootId() }
}

/** Records the process; the command line does it before the image's program is executed. Not synced: it is worth nothing after a boot. */
export function writeState(folder: string, state: ContainerState): void {
  replaceFile(`${folder}/state.json`, JSON.stringify(state), false)
}

/** The recorded process; `undefined` where none was recorded or the record is damaged. */
export function readState(folder: string): ContainerState | undefined {
  const value: Partial<ContainerState> | undefined = readJson(`${folder}/state.json`)
  if (value === undefined || typeof value.pid !== 'number' || typeof value.startTime !== 'number') return undefined
  if (typeof value.machineId !== 'string' || typeof value.bootId !== 'string') return undefined
  return value as ContainerState
}

/** Forgets a process that was never started, so that the container is `created` again. */
export function clearState(folder: string): void {
  rmSync(`${folder}/state.json`, { force: true })
}

/** What a container is, now. Never throws: a folder that vanishes meanwhile reads as `created`. */
export function readStatus(folder: string, here: Machine): StatusReport {
  const state = readState(folder)
  const exit = readExitRecord(folder)
  if (state === undefined) return exit === undefined ? { status: 'created' } : ended(exit, here)
  if (exit !== undefined && exit.pid === state.pid && exit.startTime === state.startTime)
    return { ...ended(exit, here), state }
  if (state.machineId !== here.machineId) return { status: 'elsewhere', state }
  if (state.bootId !== here.bootId) return { status: 'exited', state }
  if (!isAlive(state)) return isAlive(state.monitor) ? afterEnd(folder, state, here) : { status: 'exited', state }
  if (state.stopper !== undefined && isAlive(state.stopper)) return { status: 'stopping', state }
  if (isPaused(state)) return { status: 'paused', state }
  return { status: 'running', state }
}

/** Whether a process in this container would get nowhere, whoever has stopped it. */
export function standsStill({ cgroupFolder, pid }: Pick<ContainerState, 'cgroupFolder' | 'pid'>): boolean {
  return (cgroupFolder !== undefined && isFrozen(cgroupFolder)) || readProcessStat(pid)?.state === 'T'
}

/** Whether the processes of a container are stopped: its group is frozen, or signals have stopped them, of which the first one tells. */
export function isPaused({ cgroupFolder, stoppedBySignal, pid }: ContainerState): boolean {
  if (cgroupFolder !== undefined && isFrozen(cgroupFolder)) return true
  return stoppedBySignal !== undefined && readProcessStat(pid)?.state === 'T'
}

/** Whether all processes of a control group are stopped (cgroup-v2.rst, cgroup.freeze). */
function isFrozen(folder: string): boolean {
  try {
    return readFileSync(`${folder}/cgroup.freeze`, 'latin1').startsWith('1')
  } catch {
    return false // it goes with its last process
  }
}

/** The monitor writes its record after the process has ended: what was not there a moment ago may be there now. */
function afterEnd(folder: string, state: ContainerState, here: Machine): StatusReport {
  const exit = readExitRecord(folder)
  if (exit !== undefined && exit.pid === state.pid && exit.startTime === state.startTime)
    return { ...ended(exit, here), state }
  return { status: 'stopping', state, isEnding: true }
}

function ended(exit: ExitRecord, here: Machine): StatusReport {
  if (exit.restart !== undefined && exit.restart.bootId === here.bootId && isAlive(exit.restart.process))
    return { status: 'restarting', exit }
  if (exit.restart !== undefined && exit.restart.machineId !== here.machineId) return { status: 'elsewhere', exit }
  return { status: exit.neverStarted === true ? 'created' : 'exited', exit }
}

/** True while exactly the recorded process lives on this machine. */
export function isRunning({ status, isEnding }: StatusReport): boolean {
  return isEnding !== true && (status === 'running' || status === 'paused' || status === 'stopping')
}

/** It has ended, and its monitor was killed before it could record how. */
export function isLost({ status, state, exit }: StatusReport): boolean {
  return status === 'exited' && state !== undefined && exit === undefined
}

/** Its last end was what a user wanted; also where only the beginning of that is on record. */
export function wasEndedByUser({ status, state, exit }: StatusReport): boolean {
  if (exit !== undefined) return exit.endedByUser === true
  return status === 'exited' && state !== undefined && wantsEnd(state)
}

/** A user is ending it, or has. */
export function wantsEnd({ stopper, endedByUser }: ContainerState): boolean {
  return stopper !== undefined || endedByUser === true
}

export type Verb = 'start' | 'stop' | 'kill' | 'exec' | 'attach' | 'top' | 'pause' | 'unpause' | 'remove'

/** What can be done to a container without force, by its status. */
export const allowed: Record<ContainerStatus, readonly Verb[]> = {
  created: ['start', 'stop', 'remove'],
  running: ['stop', 'kill', 'exec', 'attach', 'top', 'pause'],
  stopping: ['stop', 'kill', 'exec', 'attach', 'top'],
  paused: ['stop', 'kill', 'top', 'unpause'],
  exited: ['start', 'stop', 'remove'],
  restarting: ['start', 'stop'],
  removing: ['remove'],
  elsewhere: [],
  unknown: ['remove'],
}

export function isAllowed(verb: Verb, status: ContainerStatus): boolean {
  return allowed[status].includes(verb)
}

/** Throws, in podman's words, unless the verb may be used on a container in this state. */
export function requireAllowed(verb: Verb, id: string, { status, state }: StatusReport): void {
  if (isAllowed(verb, status)) return
  if (status === 'elsewhere')
    throw new TspodError(
      'CONFLICT',
      `container ${id} runs on machine "${state?.machineId}", cannot ${verb} it from here`,
      {
        hint: 'use tspod there; a record of another machine is never changed from here',
      },
    )
  throw new TspodError(verb === 'remove' ? 'IN_USE' : 'CONFLICT', refusal(verb, id, status))
}

function refusal(verb: Verb, id: string, status: ContainerStatus): string {
  switch (verb) {
    case 'kill':
      return `can only kill running containers. ${id} is in state ${status}: container state improper`
    case 'exec':
      return `can only create exec sessions on running containers: container ${id} is in state ${status}: container state improper`
    case 'attach':
      return `you can only attach to running containers: container ${id} is in state ${status}: container state improper`
    case 'remove':
      return `cannot remove container ${id} as it is ${status} - running or paused containers cannot be removed without force: container state improper`
    case 'start':
      return `unable to start container ${id}: it is in state ${status}: container state improper`
    case 'stop':
    case 'top':
    case 'pause':
    case 'unpause':
      return `unable to ${verb} container ${id}: it is in state ${status}: container state improper`
  }
}

/** Sends a signal to exactly the recorded process 1. False when it has ended. */
export function signalContainer(state: ContainerState, signal: number): boolean {
  return signalProcess(state, signal)
}

/** Kills the monitor of a container that has ended, whose end it cannot record. False when it has ended itself. */
export function endMonitor({ monitor }: ContainerState): boolean {
  return signalProcess(monitor, SIGKILL)
}

/** Ends a monitor that only waits to start its container again. False when it has ended itself. */
export function endRestarter(monitor: ProcessIdentity, by: 'SIGTERM' | 'SIGKILL'): boolean {
  return signalProcess(monitor, by === 'SIGTERM' ? SIGTERM : SIGKILL)
}

/** True while the program that connects a running container is there. */
export function isHelperAlive({ networkHelper }: ContainerState): boolean {
  return networkHelper !== undefined && isAlive(networkHelper)
}

/** Kills the network helper of a container that has ended while nobody watched it: its monitor was killed. */
export function endOrphanedHelper({ networkHelper, monitor }: ContainerState): ProcessIdentity | undefined {
  if (networkHelper === undefined || isAlive(monitor)) return undefined
  return signalProcess(networkHelper, SIGKILL) ? networkHelper : undefined
}

/** This very process, for `stopper`. */
export function thisProcess(): ProcessIdentity {
  return ownIdentity()
}
