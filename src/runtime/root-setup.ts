// How a container's root file system, and what is mounted on it from the store, come to be mounted before anything of the container
// exists. Host namespaces; the stager performs it in the user's namespace.
import { readFileSync } from 'node:fs'
import { TspodError } from '#errors.ts'
import { sleepSync } from '#host/bun.ts'
import { deviceHint, fuseDevice } from '#host/device-file.ts'
import { CLONE_PARENT } from '#sys/flags.ts'
import { readProcessStat } from '#sys/process.ts'
import type { Call } from '#sys/servant/batch.ts'
import { backgroundCalls } from '#sys/servant/program.ts'
import type { Seat, Servant } from '#sys/servant/servant.ts'

/** A program that serves a file system (FUSE). */
export interface MountProgram {
  path: string
  argv: readonly string[]
  /** It serves as soon as something is mounted on this path. */
  readyWhenMounted: string
}

/** Calls, and then a program in the folder that they left. */
export interface RootStage {
  calls: readonly Call[]
  program?: MountProgram
  /** What a shell would say for the calls, where it says it otherwise than one by one. */
  shell?: string
}

/** Stages in order; after the last one the root file system is at `path`. */
export interface RootSetup {
  stages: readonly RootStage[]
  path: string
}

/** How many seats `performStages` wants. */
export function serverCount({ stages }: RootSetup): number {
  return stages.filter(({ program }) => program !== undefined).length
}

/**
 * Performs all stages; each program gets one of `seats`, of which nobody else may hold the other end. The pids of the programs, which
 * are children of the stager's parent.
 */
export function performStages(stager: Servant, { stages }: RootSetup, seats: readonly Seat[]): number[] {
  const free = [...seats]
  return stages.flatMap(({ calls, program }) => {
    if (calls.length > 0) stager.do(calls)
    const seat = program === undefined ? undefined : free.shift()
    return program === undefined || seat === undefined ? [] : [serve(stager, seat, program)]
  })
}

const SERVER_DEADLINE_MS = 10_000

/** Starts a server in the stager's namespaces and folder, and waits until its mount is there. */
function serve(stager: Servant, seat: Seat, program: MountProgram): number {
  const before = mountOn(stager, program.readyWhenMounted)
  const server = stager.clone(seat, CLONE_PARENT)
  server.exec(backgroundCalls(program.path, program.argv))
  server.close()
  const end = performance.now() + SERVER_DEADLINE_MS
  while (mountOn(stager, program.readyWhenMounted) === before) {
    const state = readProcessStat(server.pid)?.state
    if (performance.now() > end || state === undefined || state === 'Z')
      throw new TspodError('INTERNAL', `"${program.path}" did not mount "${program.readyWhenMounted}"`, {
        hint: deviceHint(fuseDevice) ?? '`tspod doctor` checks /dev/fuse and fuse-overlayfs',
      })
    sleepSync(1)
  }
  return server.pid
}

/** What is mounted on a path, as the stager sees it: its line in /proc/PID/mountinfo (proc_pid_mountinfo(5)). */
function mountOn(stager: Servant, path: string): string | undefined {
  return readFileSync(`/proc/${stager.pid}/mountinfo`, 'utf8')
    .split('\n')
    .findLast(line => line.split(' ')[4] === path)
}
