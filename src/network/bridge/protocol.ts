// What commands ask of the network service and what it answers: one JSON text a line over its socket.
import type { ErrorCode } from '#errors.ts'
import type { NetworkDefinition } from '#network/definition.ts'
import type { PortMapping } from '#network/ports/mapping.ts'

/** A container's wish to be on a network. */
export interface EndpointRequest {
  network: NetworkDefinition
  aliases: string[]
  ip?: string
  ip6?: string
  mac?: string
  interfaceName?: string
}

/** Where a container is on a network. */
export interface Endpoint {
  /** the network's name and id */
  network: string
  networkId: string
  /** in the container */
  interface: string
  mac: string
  addresses: { ip: string; prefixLength: number; gateway?: string }[]
  aliases: string[]
}

export interface EndpointContainer {
  id: string
  name: string
  /** --dns: asked in place of the host's name servers */
  dns: string[]
  /** path of its hosts file, which follows the machine's own address */
  hosts?: string
  /** Its addresses where it is on no network of the service's: ports are forwarded to them. */
  guest?: string[]
}

/** Files of a running container that learn of changes: of its networks' name servers, and of its own addresses. */
export interface ContainerFiles {
  resolvConf: string
  hosts: string
  /** Names of this machine, which the hosts file gets where they are new: it can be reached now. */
  host?: HostNames
}

export interface HostNames {
  address: string
  names: string[]
}

export type ServiceRequest =
  /** addresses for a container that is about to start; they are given back when the connection ends without an `attach` */
  | { op: 'reserve'; container: EndpointContainer; endpoints: EndpointRequest[] }
  /** connects the container of the `reserve` before, whose process 1 this is; answered when everything works */
  | { op: 'attach'; pid: number; startTime: number; uplinkPath?: string }
  /** a running container with a helper of its own, whose ports the service is to forward */
  | { op: 'adopt'; container: EndpointContainer; pid: number; startTime: number }
  /** a running container that no service knows any more: its places, with their addresses, and its ports, anew */
  | {
      op: 'restore'
      container: EndpointContainer
      pid: number
      startTime: number
      endpoints: EndpointRequest[]
      ports: PortMapping[]
      uplinkPath?: string
    }
  /** a running container, on one network more */
  | {
      op: 'connect'
      container: EndpointContainer
      pid: number
      startTime: number
      endpoint: EndpointRequest
      uplinkPath?: string
      files: ContainerFiles
    }
  | { op: 'disconnect'; id: string; networkId: string; files: ContainerFiles }
  /** a port of the host leads to a container, whose id begins so */
  | { op: 'publish' | 'unpublish'; id: string; port: PortMapping }
  | { op: 'rename'; id: string; name: string }
  /** a network's definition has changed */
  | { op: 'update'; network: NetworkDefinition }
  | { op: 'status' }

export interface Reservation {
  endpoints: Endpoint[]
  /** the name servers for resolv.conf: the networks' own */
  nameServers: string[]
}

export interface ServiceStatus {
  pid: number
  watchers: number[]
  hands: number
  uplink?: number
  containers: { id: string; name: string; pid: number; endpoints: Endpoint[] }[]
}

/** What the answer to a request holds. */
export interface Answers {
  reserve: Reservation
  attach: true
  adopt: true
  restore: true
  connect: Endpoint
  disconnect: true
  publish: true
  unpublish: true
  rename: true
  update: true
  status: ServiceStatus
}

/** The request of an operation. */
export type RequestOf<O extends ServiceRequest['op']> = ServiceRequest & { op: O }

export type ServiceAnswer<T = unknown> = { ok: T } | { error: { code: ErrorCode; message: string; hint?: string } }

/** The socket's name below the runtime folder, and the lock that whoever starts or ends the service holds. */
export const SERVICE_SOCKET = 'network'
export const SERVICE_LOCK = 'network.lock'
/** What a service that failed says. */
export const SERVICE_LOG = 'network.log'
