// slirp4netns(1): a userspace TCP/IP stack on a tap device in the container's network namespace; no privilege on the host at all.
import type { HelperTarget, NetworkDriver } from '#network/driver.ts'
import { type Slirp4netnsOptions, slirp4netnsAddress } from './options.ts'
import { apiSocketName, slirp4netnsPorts } from './ports.ts'

/** The driver for one container. `path` is the program, `hostAddress` this machine's own address. */
export function slirp4netnsNetwork(
  path: string,
  options: Slirp4netnsOptions,
  hostAddress: string | undefined,
): NetworkDriver {
  const address = slirp4netnsAddress(options)
  return {
    name: 'slirp4netns',
    namespace: 'own',
    // the gateway stands for the host's loopback, where that is allowed
    address: { ...address, ...(!options.allowHostLoopback && { hostAddress }) },
    helper: { name: 'slirp4netns', path, argv: target => slirp4netnsArguments(options, target) },
    ports: slirp4netnsPorts(address.address, options.allowHostLoopback),
    // nobody else is on that link: looking for duplicates of its addresses would leave it without IPv6 for its first seconds
    ...(options.enableIpv6 && { sysctls: { 'net.ipv6.conf.default.accept_dad': '0' } }),
  }
}

/** The command line for one container. Its sandbox and system call filter are on (both since 0.4.0). */
export function slirp4netnsArguments(
  options: Slirp4netnsOptions,
  { pid, descriptors }: Pick<HelperTarget, 'pid' | 'descriptors'>,
): string[] {
  return [
    'slirp4netns',
    '--configure',
    `--mtu=${options.mtu}`,
    `--cidr=${options.cidr}`,
    ...(options.allowHostLoopback ? [] : ['--disable-host-loopback']),
    ...(options.enableIpv6 ? ['--enable-ipv6'] : []),
    ...(options.outboundAddr === undefined ? [] : [`--outbound-addr=${options.outboundAddr}`]),
    ...(options.outboundAddr6 === undefined ? [] : [`--outbound-addr6=${options.outboundAddr6}`]),
    '--enable-sandbox',
    '--enable-seccomp',
    ...(descriptors === undefined
      ? []
      : [
          `--api-socket=/proc/self/fd/${descriptors.folder}/${apiSocketName}`,
          `--ready-fd=${descriptors.ready}`,
          `--exit-fd=${descriptors.exit}`,
        ]),
    String(pid),
    'tap0',
  ]
}
