// What every container on user-defined networks has in common, as far as it is known before it starts. Pure.
import { TspodError } from '#errors.ts'
import type { NetworkDriver, PortForwarder } from '#network/driver.ts'
import { portText } from '#network/ports/mapping.ts'

/** Ports of the uplink's program that lead to a container (driver.ts has them changed). */
export const bridgePortRules: PortForwarder = {
  everyAddress: ['0.0.0.0'],
  check(port) {
    if (!port.hostIp.includes(':') && port.protocol !== 'sctp') return
    throw new TspodError(
      'UNSUPPORTED',
      `publishing ${portText(port)}: on a user-defined network only TCP and UDP ports of IPv4 addresses can be published`,
      { hint: '--network pasta publishes ports of IPv6 addresses' },
    )
  },
}

/** Addresses come when it starts. */
export const bridgeNetwork: NetworkDriver = { name: 'bridge', namespace: 'own', ports: bridgePortRules }
