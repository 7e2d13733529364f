// What the service manager that started this process handed over (sd_notify(3), sd_listen_fds(3)). Host namespaces.

export interface ServiceSockets {
  /** Where readiness is told: a path, or `@name` of an abstract socket. */
  notify: string | undefined
  /** Listening sockets, from descriptor 3 on. */
  listen: ListenSockets | undefined
}

export interface ListenSockets {
  count: number
  /** one for each, `a:b`; absent where the manager gave none */
  names: string | undefined
}

/** More than any unit has; a mistyped variable must not make us look at a billion descriptors. */
const MOST = 1024

/** Reads the environment; sockets are ours only where LISTEN_PID says so. */
export function serviceSockets(
  env: Readonly<Record<string, string | undefined>> = process.env,
  pid = process.pid,
): ServiceSockets {
  const notify = env['NOTIFY_SOCKET']
  const count = Number(env['LISTEN_FDS'])
  const isOurs = env['LISTEN_PID'] === String(pid) && Number.isInteger(count) && count > 0 && count <= MOST
  return {
    notify: notify !== undefined && /^[/@]./.test(notify) ? notify : undefined,
    listen: isOurs ? { count, names: env['LISTEN_FDNAMES'] } : undefined,
  }
}
