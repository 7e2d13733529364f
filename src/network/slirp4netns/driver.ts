// slirp4netns(1): a userspace TCP/IP stack on a tap device in the container's network namespace; no privilege on the host at all.
import type { NetworkDriver } from '#network/driver.ts'
import { type Slirp4netnsOptions, slirp4netnsAddress } from './options.ts'

/** The driver for one container. `path` is the program. */
export function slirp4netnsNetwork(path: string, options: Slirp4netnsOptions): NetworkDriver {
  return {
    name: 'slirp4netns',
    namespace: 'own',
    address: slirp4netnsAddress(options),
    helper: { path, argv: target => slirp4netnsArguments(options, target) },
  }
}

/** The command line for one container. Its sandbox and system call filter are on (both since 0.4.0). */
export function slirp4netnsArguments(
  options: Slirp4netnsOptions,
  target: { pid: number; readyFd: number; exitFd: number },
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
    `--ready-fd=${target.readyFd}`,
    `--exit-fd=${target.exitFd}`,
    String(target.pid),
    'tap0',
  ]
}
