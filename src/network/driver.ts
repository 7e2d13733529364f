// The seam between a container's network namespace and the world outside.
import type { ProcessIdentity } from '#sys/process.ts'
import type { Endpoint } from './bridge/protocol.ts'
import type { PortMapping } from './ports/mapping.ts'

/** The container's own end, as inspect and /etc/hosts show it. */
export interface NetworkAddress {
  address: string
  prefixLength: number
  gateway: string
  address6?: { address: string; prefixLength: number; gateway: string }
  /** The network's own name server, asked before the host's; or only `ifNone` of those can be reached from inside. */
  nameServer?: string
  nameServerUse?: 'always' | 'ifNone'
  /** Name servers that know everything: neither others nor those of --dns are asked from inside. */
  nameServers?: readonly string[]
  /** Domains that names of other containers are in. */
  searches?: readonly string[]
  /** Where the host can be reached from inside. */
  hostAddress?: string
  /** On each of the user's networks. */
  endpoints?: Endpoint[]
}

/** What a helper program is started with; the descriptors are absent where a person types it. */
export interface HelperTarget {
  /** The container's process 1. */
  pid: number
  ports: readonly PortMapping[]
  descriptors?: {
    /** Written to when the network works. */
    ready: number
    /** End of file ends the program. */
    exit: number
    /** A folder for a socket of its own, which is there before it starts and is removed after it has ended. */
    folder: number
  }
}

/** A program that serves one container's network namespace from outside, for as long as a descriptor of it stays open. */
export interface NetworkHelper {
  /** As messages call it. */
  name: string
  path: string
  /** argv for the container's process 1. */
  argv(target: HelperTarget): string[]
}

/** Where ports of the host lead to the container. */
export interface PortForwarder {
  /** What a port without an address is bound to. */
  readonly everyAddress: readonly string[]
  /** Throws UNSUPPORTED for a port that it cannot publish. Asks nobody. */
  check(port: PortMapping): void
  /** True for a port that the helper cannot publish: the network service forwards it. */
  isForwarded?(port: PortMapping): boolean
  /** Ports of a running container; absent where they are given to the helper when it starts. */
  live?: LivePorts
}

export interface LivePorts {
  /** `folder`: the one that the helper was given. Throws IN_USE for a port that cannot be had; the range is not half published then. */
  add(folder: string, port: PortMapping): void
  /** Throws NOT_FOUND where it is not published. */
  remove(folder: string, port: PortMapping): void
}

/** A container's place on networks of the user, while it starts. Disposed before `finish`, it is given back. */
export interface NetworkConnection extends Disposable {
  /** Begins to connect the container's process 1. */
  attach(process: ProcessIdentity): void
  /** Waits until everything works. Throws what went wrong. */
  finish(): void
}

export interface NetworkDriver {
  readonly name: string
  /** `own`: a new network namespace; `host`: the caller's. */
  readonly namespace: 'own' | 'host'
  readonly address?: NetworkAddress
  readonly helper?: NetworkHelper
  /** Absent: no port can be published. */
  readonly ports?: PortForwarder
  /** Kernel parameters of the network namespace. */
  readonly sysctls?: Readonly<Record<string, string>>
}
