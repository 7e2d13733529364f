// Where connections of a container begin: an address of this machine, or an interface whose address is taken (slirp4netns(1)).
import { readFileSync } from 'node:fs'
import { TspodError } from '#errors.ts'
import { parseIp } from '#network/ip.ts'
import type { Slirp4netnsOptions } from './options.ts'

/** Throws INVALID, quoting the option, for what is neither: slirp4netns would end without naming it. */
export function checkOutboundAddresses({ outboundAddr, outboundAddr6 }: Slirp4netnsOptions): void {
  check('outbound_addr', outboundAddr, 4)
  check('outbound_addr6', outboundAddr6, 16)
}

function check(option: string, value: string | undefined, length: number): void {
  if (value === undefined || parseIp(value)?.byteLength === length || interfaces().includes(value)) return
  const family = length === 4 ? 'IPv4' : 'IPv6'
  throw new TspodError(
    'INVALID',
    `network option "${option}=${value}": found "${value}", must be an ${family} address or an interface of this machine`,
    { hint: `it has ${interfaces().join(', ')}` },
  )
}

/** proc_net(5) */
function interfaces(): string[] {
  const lines = readFileSync('/proc/net/dev', 'utf8').split('\n').slice(2)
  return lines.flatMap(line => (line.includes(':') ? [line.slice(0, line.indexOf(':')).trim()] : []))
}
