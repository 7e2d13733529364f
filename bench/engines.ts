// The engines that are compared, each with a store of its own below the benchmark's home.
import { mkdirSync, mkdtempSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { tspodPath } from '#test/needs.ts'
import type { Environment } from './harness.ts'

export interface Engine {
  name: 'tspod' | 'podman'
  command: string[]
}

export interface Arena {
  home: string
  env: Environment
  tspod: Engine
  podman: Engine
}

/** Makes home and runtime folders for a session. podman gets what the bars name: runc and the overlay driver. */
export function makeArena(environment: Record<string, string>): Arena {
  const parent = join(homedir(), '.cache/tspod-bench')
  mkdirSync(parent, { recursive: true })
  const home = mkdtempSync(join(parent, 's'))
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: home,
    LANG: 'C.UTF-8',
    XDG_RUNTIME_DIR: mkdtempSync(join(process.env.XDG_RUNTIME_DIR ?? '/tmp', 'b')),
    CONTAINERS_REGISTRIES_CONF: environment.TSPOD_TEST_REGISTRIES_CONF ?? '',
  }
  const podman = 'podman --runtime runc --storage-driver overlay --cgroup-manager cgroupfs --events-backend file'.split(
    ' ',
  )
  return { home, env, tspod: { name: 'tspod', command: [tspodPath] }, podman: { name: 'podman', command: podman } }
}

/** Runs an engine untimed. Returns standard output; throws where it fails. */
export async function run({ command }: Engine, env: Environment, ...args: string[]): Promise<string> {
  const child = Bun.spawn([...command, ...args], { env, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
  const [out, error] = await Promise.all([child.stdout.text(), child.stderr.text()])
  if ((await child.exited) !== 0) throw new Error(`${command[0]} ${args.join(' ')}: ${error}`)
  return out.trim()
}
