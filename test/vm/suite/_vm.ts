// How the tests in the virtual machine call tspod and look at what came of it. They run as a user, in a login session.
import { expect } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'

export const image = process.env.TSPOD_TEST_ALPINE ?? '/files/alpine.tar'
export const tspodPath = process.env.TSPOD_TEST_EXECUTABLE ?? '/files/tspod'

export interface Result {
  status: number
  stdout: string
  stderr: string
}

/** Any command. */
export function command(...cmd: string[]): Result {
  const { exitCode, stdout, stderr } = Bun.spawnSync({ cmd, stdin: 'ignore' })
  return { status: exitCode, stdout: stdout.toString(), stderr: stderr.toString() }
}

/** tspod with arguments. */
export const tspod = (...args: string[]): Result => command(tspodPath, ...args)

/** The output of a tspod that must succeed. */
export function ok(...args: string[]): string {
  const { status, stdout, stderr } = tspod(...args)
  expect({ args, status, stderr: status === 0 ? '' : stderr }).toEqual({ args, status: 0, stderr: '' })
  return stdout.trimEnd()
}

/** The folder of a container's control group. */
export function groupOf(name: string): string {
  return `/sys/fs/cgroup${ok('inspect', '--format', '{{.State.CgroupPath}}', name)}`
}

/** A file of a control group. */
export const read = (folder: string, file: string): string => readFileSync(`${folder}/${file}`, 'utf8').trim()

/** Waits for a condition. */
export async function until(what: string, condition: () => boolean, timeoutMs = 20_000): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`)
    await Bun.sleep(100)
  }
}

/** systemd removes a scope when its last process has ended. */
export const untilGone = async (folder: string): Promise<void> =>
  await until(`the end of ${folder}`, () => !existsSync(folder))
