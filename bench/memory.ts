// What the processes that serve one idle container hold for themselves: its monitor and its network helper.
import { readdirSync, readFileSync } from 'node:fs'
import { type Engine, run } from './engines.ts'
import type { Environment } from './harness.ts'

/** Private anonymous bytes (proc(5), smaps_rollup) of the monitor and of slirp4netns; read as the namespace's root, who may. */
export async function idleMemory(engine: Engine, env: Environment, id: string): Promise<number> {
  const container = await run(engine, env, 'inspect', '-f', '{{.State.Pid}}', id)
  const monitor = parentOf(container)
  const helpers = processes().filter(pid => isHelperOf(pid, container, monitor))
  let bytes = 0
  for (const pid of [monitor, ...helpers]) bytes += await anonymousOf(engine, env, pid)
  return bytes
}

const processes = () => readdirSync('/proc').filter(entry => /^\d+$/.test(entry))

function isHelperOf(pid: string, container: string, monitor: string): boolean {
  const command = readOrEmpty(`/proc/${pid}/cmdline`)
  if (!command.includes('slirp4netns')) return false
  return parentOf(pid) === monitor || command.split('\0').includes(container)
}

/** Private anonymous bytes of one process. */
export async function anonymousOf(engine: Engine, env: Environment, pid: string): Promise<number> {
  return anonymousBytes(await rollup(engine, env, pid))
}

async function rollup(engine: Engine, env: Environment, pid: string): Promise<string> {
  return (
    readOrEmpty(`/proc/${pid}/smaps_rollup`) || (await run(engine, env, 'unshare', 'cat', `/proc/${pid}/smaps_rollup`))
  )
}

function anonymousBytes(text: string): number {
  const kilobytes = /^Anonymous:\s+(\d+) kB/m.exec(text)?.[1]
  if (kilobytes === undefined) throw new Error('no "Anonymous" in smaps_rollup')
  return Number(kilobytes) * 1024
}

const parentOf = (pid: string) => /^PPid:\s+(\d+)/m.exec(readOrEmpty(`/proc/${pid}/status`))?.[1] ?? '0'

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
