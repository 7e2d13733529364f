// The engines that are compared, each with a store of its own below the benchmark's home.
import { existsSync, mkdirSync, mkdtempSync } from 'node:fs'
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
  /** address of the plain registry */
  registry: string
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
  const registry = environment.TSPOD_TEST_REGISTRY ?? ''
  return {
    home,
    env,
    registry,
    tspod: { name: 'tspod', command: [tspodPath] },
    podman: { name: 'podman', command: podman },
  }
}

/** Runs an engine untimed. Returns standard output; throws where it fails. */
export async function run({ command }: Engine, env: Environment, ...args: string[]): Promise<string> {
  const child = Bun.spawn([...command, ...args], { env, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
  const [out, error] = await Promise.all([child.stdout.text(), child.stderr.text()])
  if ((await child.exited) !== 0) throw new Error(`${command[0]} ${args.join(' ')}: ${error}`)
  return out.trim()
}

/** Ends and removes everything both engines have made. */
export async function clearArena({ home, env, tspod, podman }: Arena): Promise<void> {
  for (const engine of [tspod, podman])
    await run(engine, env, 'system', 'reset', '-f').catch(error => console.error(String(error)))
  for (const file of ['libpod/tmp/pause.pid', 'tspod/userns']) {
    const pid = /\d+/.exec(await readOrEmpty(join(env.XDG_RUNTIME_DIR ?? '', file)))?.[0]
    if (pid !== undefined && existsSync(`/proc/${pid}`)) process.kill(Number(pid), 'SIGKILL')
  }
  const inside = ['unshare', '--map-root-user', '--map-auto', '--setuid=0', '--setgid=0']
  await Bun.spawn([...inside, 'rm', '-rf', home, env.XDG_RUNTIME_DIR ?? home], { stderr: 'inherit' }).exited
}

async function readOrEmpty(path: string): Promise<string> {
  return existsSync(path) ? await Bun.file(path).text() : ''
}
