// A container that a service manager starts: what is handed on to it, and what the manager is told (sd_notify(3), sd_listen_fds(3)).
import type { ContainerRecord } from '#container/record.ts'
import { type NotifyMode, withServiceManager } from '#container/service-manager.ts'
import { type ServiceSockets, serviceSockets } from '#host/service-manager.ts'
import { log } from '#log.ts'
import { notifyFolder } from '#monitor/run-folder.ts'
import type { RuntimeSpec } from '#oci/runtime-spec.ts'

export interface ServicePlace {
  mode: NotifyMode
  sockets: ServiceSockets
}

/** What the manager gave this process for the container; `undefined` where it gave nothing, which costs nothing. */
export function servicePlace({ request }: ContainerRecord): ServicePlace | undefined {
  const sockets = serviceSockets()
  const mode = sockets.notify === undefined ? 'ignore' : (request.sdnotify ?? 'conmon')
  return mode === 'ignore' && sockets.listen === undefined ? undefined : { mode, sockets }
}

/** The container's specification with it. */
export function withServicePlace(
  spec: RuntimeSpec,
  { mode, sockets }: ServicePlace,
  { id, request }: ContainerRecord,
  runRoot: string,
): RuntimeSpec {
  const folder = mode === 'container' ? { notifyFolder: notifyFolder(runRoot, id) } : {}
  return withServiceManager(spec, { ...folder, listen: sockets.listen }, request.init && request.initPath === undefined)
}

/** Tells the manager which process the service is, and, unless the container does so itself, that it is ready. */
export async function tellStarted({ mode, sockets }: ServicePlace, monitorPid: number | undefined): Promise<void> {
  if (mode === 'ignore' || sockets.notify === undefined) return
  const lines = [
    ...(monitorPid === undefined ? [] : [`MAINPID=${monitorPid}`]),
    ...(mode === 'conmon' ? ['READY=1'] : []),
  ]
  if (lines.length === 0) return
  const { notifyAndWait } = await import('#monitor/notify-manager.ts')
  try {
    notifyAndWait(sockets.notify, lines.join('\n'))
  } catch (error) {
    log.warn(`telling the service manager at "${sockets.notify}" that the container runs: ${String(error)}`)
  }
}
