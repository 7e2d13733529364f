// pasta(1), of the project passt: sockets of the host for each connection of the container, no TCP stack between. Servers behind
// published ports see their client's address; IPv6 works wherever the host has it.
//
// It is told its ports when it starts, and it has neither a descriptor for "ready" nor one for "end": its pid file is a pipe here, and
// whoever watches the container kills it.
import { TspodError } from '#errors.ts'
import type { HelperTarget, NetworkDriver } from '#network/driver.ts'
import { type PortMapping, portText } from '#network/ports/mapping.ts'
import { addressWords, type PastaOptions, pastaAddress } from './options.ts'

/** The driver for one container. `path` is the program; `host` this machine's own address, and whether it has IPv6. */
export function pastaNetwork(
  path: string,
  options: PastaOptions,
  host: { address?: string; has6: boolean },
): NetworkDriver {
  const interfaceName = options.interfaceName ?? 'eth0'
  return {
    name: 'pasta',
    namespace: 'own',
    address: pastaAddress(options, host),
    helper: { name: 'pasta', path, argv: target => pastaArguments(options, interfaceName, target) },
    ports: { everyAddress: ['0.0.0.0', '::'], check: checkPort },
    // its addresses work at once: nobody else is on that link (IPv6 would look for duplicates for a second or two)
    ...(host.has6 && { sysctls: { 'net.ipv6.conf.default.accept_dad': '0' } }),
  }
}

function checkPort(port: PortMapping): void {
  if (port.protocol === 'sctp')
    throw new TspodError('UNSUPPORTED', `publishing ${portText(port)}: neither slirp4netns nor pasta forwards sctp`)
}

/** The command line for one container. */
export function pastaArguments(
  options: PastaOptions,
  interfaceName: string,
  { pid, ports, descriptors }: HelperTarget,
): string[] {
  const { given } = options
  const defaults = (name: string, ...words: string[]): string[] => (given.has(name) ? [] : [`--${name}`, ...words])
  return [
    'pasta',
    '--foreground',
    '--quiet',
    '--config-net',
    ...(options.mapGateway ? [] : ['--no-map-gw']),
    ...defaults('ns-ifname', interfaceName),
    ...addressWords(options),
    ...defaults('dns-forward', '10.0.2.3'),
    ...portWords('tcp', ports, given),
    ...portWords('udp', ports, given),
    // pasta's own default opens the host's ports to the container
    ...defaults('tcp-ns', 'none'),
    ...defaults('udp-ns', 'none'),
    ...options.words,
    ...(descriptors === undefined ? [] : ['--pid', `/proc/self/fd/${descriptors.ready}`]),
    String(pid),
  ]
}

function portWords(protocol: 'tcp' | 'udp', ports: readonly PortMapping[], given: ReadonlySet<string>): string[] {
  const option = `--${protocol}-ports`
  const words = ports.filter(port => port.protocol === protocol).flatMap(port => [option, portSpec(port)])
  return words.length > 0 || given.has(`${protocol}-ports`) ? words : [option, 'none']
}

/** `127.0.0.1/8000-8010:80-90` */
function portSpec({ hostIp, hostPort, containerPort, range }: PortMapping): string {
  const span = (from: number) => (range > 1 ? `${from}-${from + range - 1}` : String(from))
  return `${hostIp === '' ? '' : `${hostIp}/`}${span(hostPort)}:${span(containerPort)}`
}
