// What the parts of the network service share.
import type { Deadlines } from '#sys/deadlines.ts'
import type { Fd } from '#sys/fd.ts'
import type { NetlinkSocket } from '#sys/netlink/socket.ts'
import type { Poller } from '#sys/poll.ts'
import type { NameServer } from './dns/server.ts'
import type { Hands } from './hands.ts'
import type { StateMemory } from './memory.ts'
import type { ServiceState } from './state.ts'

export interface ServiceParts {
  poller: Poller
  deadlines: Deadlines
  hands: () => Hands
  netlink: NetlinkSocket
  memory: StateMemory<ServiceState>
  state: ServiceState
  namespace: Fd
  /** the reading end of the uplink's lifeline; whoever starts the uplink hands it on */
  exit: Fd
  /** the runtime folder, where the uplink's program has its API socket */
  folder: string
  names: NameServer
  log: (text: string) => void
}
