// Root file systems that a step of a build sees, for as long as it looks at them. In the worker.
import { readFileSync, readlinkSync } from 'node:fs'
import { TspodError } from '#errors.ts'
import { deviceHint, fuseDevice } from '#host/device-file.ts'
import type { RootPlan } from '#storage/driver.ts'
import { syscall } from '#sys/call.ts'
import { MNT_DETACH } from '#sys/flags.ts'

const SERVER_DEADLINE_MS = 10_000

/** Mounts them, runs `body`, and takes them away again; what was written is in the layer then. */
export async function withMounted<T>(plans: readonly RootPlan[], body: () => T | Promise<T>): Promise<T> {
  const mounted: Mounted[] = []
  try {
    for (const plan of plans) mounted.push(await mount(plan))
    return await body()
  } finally {
    for (const each of mounted.toReversed()) await unmount(each)
  }
}

interface Mounted {
  root: string
  server?: Bun.Subprocess
}

async function mount({ calls, program, root }: RootPlan): Promise<Mounted> {
  for (const { name, args } of calls) syscall(name, ...(args as (string | number)[]))
  return program === undefined ? { root } : { root, server: await serve(program) }
}

/** Its words are for somebody who looks for an error of its own: it complains of mount options that it does not know. */
async function serve({ path, argv, readyWhenMounted }: NonNullable<RootPlan['program']>): Promise<Bun.Subprocess> {
  const before = mountsOn(readyWhenMounted)
  const server = Bun.spawn([path, ...argv.slice(1)], {
    cwd: readlinkSync('/proc/self/cwd'), // the calls have changed it behind the back of process.cwd()
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'ignore',
  })
  const end = performance.now() + SERVER_DEADLINE_MS
  while (mountsOn(readyWhenMounted) === before) {
    if (performance.now() > end || server.exitCode !== null) {
      server.kill('SIGKILL')
      throw new TspodError('INTERNAL', `"${path}" did not mount "${readyWhenMounted}"`, {
        hint: deviceHint(fuseDevice) ?? '`tspod doctor` checks /dev/fuse and fuse-overlayfs',
      })
    }
    await Bun.sleep(1)
  }
  return server
}

function mountsOn(path: string): number {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter(line => line.split(' ')[4] === path).length
}

/** The server ends when nothing uses its mount any more. */
async function unmount({ root, server }: Mounted): Promise<void> {
  syscall('umount2', root, MNT_DETACH)
  await server?.exited
}
