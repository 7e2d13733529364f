// podman in a sandbox's home, beside the tspod under test: what it reads of ours, and what we read of its.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { useSandbox } from './sandbox.ts'

const podman = ['podman', '--runtime', 'runc', '--cgroup-manager', 'cgroupfs', '--events-backend', 'file']

/** Disposing it removes all that it has. */
export function podmanBeside(box: ReturnType<typeof useSandbox>) {
  const spawn = (...args: string[]) =>
    Bun.spawnSync([...podman, '--storage-driver', 'overlay', ...args], { env: box.env, cwd: box.home })
  return {
    /** What it says. Throws what it says of a failure. */
    run: (...args: string[]): string => {
      const { success, stdout, stderr } = spawn(...args)
      if (!success) throw new Error(`podman ${args.join(' ')}: ${stderr.toString()}`)
      return stdout.toString().trimEnd()
    },
    [Symbol.dispose](): void {
      spawn('system', 'reset', '-f')
      endPause(box)
    },
  }
}

/** podman keeps a process that holds its namespace. */
export function endPause({ runtime }: Pick<ReturnType<typeof useSandbox>, 'runtime'>): void {
  const file = join(runtime, 'libpod/tmp/pause.pid')
  if (existsSync(file)) process.kill(Number(readFileSync(file, 'utf8')), 'SIGKILL')
}
