// What every container on user-defined networks has in common, as far as it is known before it starts. Pure.
import { TspodError } from '#errors.ts'
import type { NetworkDriver, PortForwarder } from '#network/driver.ts'
import { portText } from '#network/ports/mapping.ts'

/** Ports that lead to a container (driver.ts has them changed). */
export const bridgePortRules: PortForwarder = {
  everyAddress: ['0.0.0.0', '::'],
  check(port) {
    if (port.protocol !== 'sctp') return
    throw new TspodError('UNSUPPORTED', `publishing ${portText(port)}: on a user-defined network sctp is not forwarded`)
  },
}

/** Addresses come when it starts. */
export const bridgeNetwork: NetworkDriver = { name: 'bridge', namespace: 'own', ports: bridgePortRules }
