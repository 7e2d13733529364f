// How a container's process speaks with the service manager: where it tells that it is ready, and which listening sockets it has. Pure.
import { posix } from 'node:path'
import type { RuntimeSpec } from '#oci/runtime-spec.ts'

/** Who tells the manager that the service is ready: the container's own process, or tspod once that runs. */
export type NotifyMode = 'container' | 'conmon' | 'ignore'

/** Where the socket is in the container, as with crun. */
export const notifySocketPath = '/run/notify/notify.sock'

export interface ServicePlan {
  /** the folder with the socket that the container may write to; absent: it tells nothing */
  notifyFolder?: string
  /** sockets from descriptor 3 on */
  listen?: { count: number; names: string | undefined }
}

/** The specification with what the manager handed over. `hasInit`: process 1 is an init of ours, and the program process 2. */
export function withServiceManager(spec: RuntimeSpec, plan: ServicePlan, hasInit: boolean): RuntimeSpec {
  const { notifyFolder, listen } = plan
  if (spec.process === undefined || (notifyFolder ?? listen) === undefined) return spec
  const env = [
    ...(notifyFolder === undefined ? [] : [`NOTIFY_SOCKET=${notifySocketPath}`]),
    ...(listen === undefined ? [] : [`LISTEN_FDS=${listen.count}`, `LISTEN_PID=${hasInit ? 2 : 1}`]),
    ...(listen?.names === undefined ? [] : [`LISTEN_FDNAMES=${listen.names}`]),
  ]
  const names = env.map(entry => entry.slice(0, entry.indexOf('=') + 1))
  const kept = (spec.process.env ?? []).filter(entry => !names.some(name => entry.startsWith(name)))
  const mount = {
    destination: posix.dirname(notifySocketPath),
    type: 'bind',
    source: notifyFolder ?? '',
    options: ['bind', 'rprivate', 'nosuid', 'nodev', 'noexec'],
  }
  return {
    ...spec,
    process: { ...spec.process, env: [...kept, ...env] },
    ...(notifyFolder !== undefined && { mounts: [...(spec.mounts ?? []), mount] }),
  }
}
