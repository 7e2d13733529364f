// Networks that need no helper: none at all, and the host's.
import type { NetworkDriver } from './driver.ts'

/** A network namespace with a loopback interface alone. */
export const noNetwork: NetworkDriver = { name: 'none', namespace: 'own' }

/** The caller's own network. */
export const hostNetwork: NetworkDriver = { name: 'host', namespace: 'host' }
