// One test file's own world: home, store, runtime folder, and commands that run in it. Files with sandboxes run side by side.
// TSPOD_E2E_ENGINE=podman runs the same commands with podman, which proves the tests.
import { afterAll, afterEach, beforeAll, expect } from 'bun:test'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { constants, homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { readProcessStat } from '#sys/process.ts'
import { type Need, needs, tspodPath } from '#test/needs.ts'
import { findLeaks } from './leaks.ts'
import { openTerminal, type TestTerminal } from './terminal.ts'

const { signals } = constants

export const isPodman = process.env.TSPOD_E2E_ENGINE === 'podman'

/** A test of a user's commands: what every one of them needs, and more where asked for. */
export const e2e = (...more: Need[]) =>
  needs('user', 'userns', 'subids', 'registry', isPodman ? 'podman' : 'tspod', ...more)

/** The same, for what only tspod promises. */
export const tspodOnly = (...more: Need[]): ReturnType<typeof needs> => (isPodman ? () => {} : e2e(...more))

export interface Result {
  /** exit status; 128 + signal where one ended it */
  status: number
  stdout: string
  stderr: string
}

export interface CommandOptions {
  stdin?: string | Uint8Array<ArrayBuffer> | ReadableStream
  env?: Record<string, string>
  cwd?: string
  timeoutMs?: number
}

export interface Sandbox {
  readonly home: string
  /** XDG_RUNTIME_DIR */
  readonly runtime: string
  readonly graphRoot: string
  /** what commands run with */
  readonly env: Record<string, string>
  /** The engine's command line up to its arguments. */
  readonly command: string[]
  /** Runs the engine to its end; a command that does not end within a minute is killed and fails the test. */
  readonly tspod: (...args: string[]) => Promise<Result>
  readonly tspodWith: (options: CommandOptions, ...args: string[]) => Promise<Result>
  /** Runs the engine, expects success, returns standard output without its last newline. */
  readonly ok: (...args: string[]) => Promise<string>
  /** Starts the engine and leaves it running, with pipes. */
  readonly start: (...args: string[]) => Bun.Subprocess<'pipe', 'pipe', 'pipe'>
  /** Starts the engine in a pseudo-terminal. */
  readonly terminal: (...args: string[]) => TestTerminal
  /** A new empty folder below the home. */
  readonly folder: (name: string) => string
}

/** Makes a sandbox before the file's tests, and takes it down after them; whatever is left running then fails the file. */
export function useSandbox(...images: string[]): Sandbox {
  const parent = process.env.TSPOD_TEST_WORK ?? join(homedir(), '.cache/tspod-tests')
  mkdirSync(parent, { recursive: true })
  const home = mkdtempSync(join(parent, 'h'))
  const runtime = mkdtempSync(join(process.env.XDG_RUNTIME_DIR ?? tmpdir(), 't'))
  const env: Record<string, string> = {
    PATH: process.env.PATH ?? '/usr/bin:/bin',
    HOME: home,
    USER: process.env.USER ?? '',
    LANG: 'C.UTF-8',
    TERM: 'xterm',
    XDG_RUNTIME_DIR: runtime,
    CONTAINERS_REGISTRIES_CONF: process.env.TSPOD_TEST_REGISTRIES_CONF ?? '',
  }
  const command = isPodman
    ? [
        'podman',
        '--runtime',
        'runc',
        '--cgroup-manager',
        'cgroupfs',
        '--events-backend',
        'file',
        '--storage-driver',
        'overlay',
      ]
    : [tspodPath]

  const tspodWith = async (options: CommandOptions, ...args: string[]): Promise<Result> => {
    const { stdin, timeoutMs = 60_000 } = options
    const running = Bun.spawn([...command, ...args], {
      env: { ...env, ...options.env },
      cwd: options.cwd ?? home,
      stdin: stdin === undefined ? 'ignore' : typeof stdin === 'string' ? new Blob([stdin]) : stdin,
      stdout: 'pipe',
      stderr: 'pipe',
    })
    let late = false
    const timer = setTimeout(() => {
      late = true
      running.kill('SIGKILL')
    }, timeoutMs)
    const ends = Promise.all([running.stdout.text(), running.stderr.text()])
    await running.exited
    clearTimeout(timer)
    // whoever keeps our pipes open after the command has ended holds the test for two seconds, not for ever
    const outputs = await Promise.race([ends, Bun.sleep(late ? 0 : 10_000).then(() => undefined)])
    if (late) throw new Error(`"${args.join(' ')}" did not end within ${timeoutMs} ms`)
    if (outputs === undefined)
      throw new Error(`"${args.join(' ')}" ended, and something it left behind keeps its output open`)
    const status =
      running.exitCode ?? 128 + (running.signalCode === null ? 0 : signals[running.signalCode as NodeJS.Signals])
    return { status, stdout: outputs[0], stderr: outputs[1] }
  }
  const tspod = (...args: string[]) => tspodWith({}, ...args)
  const ok = async (...args: string[]) => {
    const { status, stdout, stderr } = await tspod(...args)
    expect({ args, status, stderr: status === 0 ? '' : stderr }).toEqual({ args, status: 0, stderr: '' })
    return stdout.replace(/\n$/, '')
  }
  const start = (...args: string[]) =>
    Bun.spawn([...command, ...args], { env, cwd: home, stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' })
  const folder = (name: string) => {
    const path = join(home, name)
    mkdirSync(path, { recursive: true })
    return path
  }
  const graphRoot = join(home, '.local/share', isPodman ? 'containers/storage' : 'tspod')
  const sandbox: Sandbox = {
    home,
    runtime,
    graphRoot,
    env,
    command,
    tspod,
    tspodWith,
    ok,
    start,
    folder,
    terminal: (...args) => openTerminal([...command, ...args], env, home),
  }

  beforeAll(async () => {
    if (process.env.TSPOD_TEST_REGISTRY === undefined) return
    for (const image of images) await tspodWith({ timeoutMs: 120_000 }, 'pull', '-q', image)
  }, 150_000)
  // what one test leaves does not meet the next
  afterEach(async () => {
    if (process.env.TSPOD_TEST_REGISTRY !== undefined) await tspod('rm', '--all', '--force', '--time', '0')
  }, 60_000)
  afterAll(async () => {
    try {
      if (process.env.TSPOD_TEST_REGISTRY !== undefined) expect(await findLeaks(sandbox)).toEqual([])
    } finally {
      removeTree(sandbox)
    }
  }, 120_000)
  return sandbox
}

/** Files of subordinate ids can be removed only from inside a user namespace that maps them. */
function removeTree({ home, runtime, env }: Sandbox): void {
  const quiet = { env, stdio: 'ignore' } as const
  try {
    execFileSync(
      'unshare',
      ['--map-root-user', '--map-auto', '--setuid=0', '--setgid=0', 'rm', '-rf', home, runtime],
      quiet,
    )
  } catch {
    execFileSync('rm', ['-rf', home, runtime], quiet)
  }
  rmSync(home, { recursive: true, force: true })
}

/** Waits until `condition` holds, looking every 20 ms. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 15_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`)
    await Bun.sleep(20)
  }
}

/** A file of the sandbox's home, written at once. */
export function write(folder: string, name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

export const read = (path: string): string => readFileSync(path, 'utf8')

/** Gone, or waiting to be collected. */
export function hasEnded(pid: number): boolean {
  const state = readProcessStat(pid)?.state
  return state === undefined || state === 'Z' || state === 'X'
}
