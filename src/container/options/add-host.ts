// --add-host: `name[;name…]:address` (run(1)).
import { TspodError } from '#errors.ts'
import { isIpAddress } from '#network/ports/parse.ts'

export interface HostEntry {
  names: string[]
  /** an IPv4 or IPv6 address, or `host-gateway` */
  address: string
}

/** `db:10.0.0.1`, `a;b:[::1]`, `host:host-gateway`. Throws INVALID quoting the text. */
export function parseAddHost(text: string): HostEntry {
  const colon = text.search(/[:=]/)
  const names = (colon < 0 ? '' : text.slice(0, colon)).split(';')
  const address = colon < 0 ? '' : text.slice(colon + 1).replace(/^\[(.*)\]$/, '$1')
  if (names.some(name => !/^[^\s;:#]+$/.test(name)))
    throw new TspodError('INVALID', `parsing --add-host "${text}": must be of the form NAME:ADDRESS`)
  if (address !== 'host-gateway' && !isIpAddress(address))
    throw new TspodError(
      'INVALID',
      `parsing --add-host "${text}": invalid IP address "${address}", must be IPv4, IPv6 or host-gateway`,
    )
  return { names, address }
}
