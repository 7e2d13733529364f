// The seam between a container's network namespace and the world outside.

/** The container's own end, as inspect and /etc/hosts show it. */
export interface NetworkAddress {
  address: string
  prefixLength: number
  gateway: string
  /** The network's own name server. */
  nameServer?: string
  /** Where the host can be reached from inside. */
  hostAddress?: string
}

/** A program that serves one container's network namespace from outside, for as long as a descriptor of it stays open. */
export interface NetworkHelper {
  path: string
  /** argv for the container's process 1; `readyFd` is written to when the network works, end of file on `exitFd` ends the program. */
  argv(target: { pid: number; readyFd: number; exitFd: number }): string[]
}

export interface NetworkDriver {
  readonly name: string
  /** `own`: a new network namespace; `host`: the caller's. */
  readonly namespace: 'own' | 'host'
  readonly address?: NetworkAddress
  readonly helper?: NetworkHelper
}
