// Finds out what the kernel allows inside the user's namespace by doing it. Host namespaces; a servant does it.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SIGKILL } from '#sys/flags.ts'
import { killProcess, waitProcess } from '#sys/process.ts'
import { type Call, call } from '#sys/servant/batch.ts'
import { Servant } from '#sys/servant/servant.ts'
import { enterCalls, type UserNamespace } from '#userns/user-namespace.ts'
import type { DriverPlace } from './driver.ts'
import { openStaging } from './staging.ts'

/** Mounts an overlay and puts a folder in a lower file's place. Why that fails, in a line; `undefined` when it works. */
export async function probeOverlay({
  graphRoot,
  openNamespace,
}: Pick<DriverPlace, 'graphRoot' | 'openNamespace'>): Promise<string | undefined> {
  const namespace = await openNamespace()
  await using staging = openStaging(graphRoot, 'probe', openNamespace)
  for (const name of ['lower', 'upper', 'work', 'merged']) mkdirSync(join(staging.path, name))
  writeFileSync(join(staging.path, 'lower', 'file'), '')
  const options = 'lowerdir=lower,upperdir=upper,workdir=work,userxattr,index=off,metacopy=off'
  const fault = faultOf(namespace, [
    call('chdir', staging.path),
    call('mount', 'overlay', 'merged', 'overlay', 0, options),
    call('unlinkat', -100, 'merged/file', 0),
    call('mkdirat', -100, 'merged/file', 0o755),
  ])
  return fault === undefined
    ? undefined
    : `overlay cannot be used in a user namespace on this kernel and disk: ${fault}`
}

/** Why fuse-overlayfs could not serve, in a line; `undefined` when it can. */
export async function probeFuse({ openNamespace }: Pick<DriverPlace, 'openNamespace'>): Promise<string | undefined> {
  const fault = faultOf(await openNamespace(), [call('openat', -100, '/dev/fuse', 2, 0)])
  return fault === undefined ? undefined : `fuse-overlayfs cannot serve: ${fault}`
}

/** Performs calls inside the namespace; the first failure in words. */
function faultOf(namespace: UserNamespace, calls: readonly Call[]): string | undefined {
  const servant = Servant.start([], enterCalls(namespace))
  try {
    servant.do(calls)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    servant.close()
    killProcess(servant.pid, SIGKILL)
    waitProcess(servant.pid)
  }
}
