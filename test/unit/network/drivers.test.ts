import { describe, expect, test } from 'bun:test'
import { pastaArguments, pastaNetwork } from '#network/pasta/driver.ts'
import { parsePastaOptions } from '#network/pasta/options.ts'
import type { PortMapping } from '#network/ports/mapping.ts'
import { slirp4netnsArguments, slirp4netnsNetwork } from '#network/slirp4netns/driver.ts'
import { parseSlirp4netnsOptions } from '#network/slirp4netns/options.ts'
import { checkOutboundAddresses } from '#network/slirp4netns/outbound.ts'

const port = (more: Partial<PortMapping> = {}): PortMapping => ({
  hostIp: '',
  hostPort: 8080,
  containerPort: 80,
  range: 1,
  protocol: 'tcp',
  ...more,
})

describe('slirp4netns', () => {
  const target = { pid: 42, descriptors: { ready: 3, exit: 4, folder: 5 } }
  const words = (...options: string[]) => slirp4netnsArguments(parseSlirp4netnsOptions(options), target)

  test('its sandbox and system call filter are on, and its API socket lies in the folder it is given', () => {
    expect(words()).toEqual(
      expect.arrayContaining([
        '--enable-sandbox',
        '--enable-seccomp',
        '--disable-host-loopback',
        '--api-socket=/proc/self/fd/5/slirp4netns',
        '--ready-fd=3',
        '--exit-fd=4',
      ]),
    )
    expect(words().slice(-2)).toEqual(['42', 'tap0'])
  })

  test('takes podman’s options', () => {
    const given = words('mtu=1500', 'cidr=10.7.0.0/24', 'allow_host_loopback=true', 'port_handler=slirp4netns')
    expect(given).toEqual(expect.arrayContaining(['--mtu=1500', '--cidr=10.7.0.0/24']))
    expect(given).not.toContain('--disable-host-loopback')
    expect(() => words('port_handler=rootlesskit')).toThrow('rootlesskit is not implemented yet')
    expect(() => words('port_handler=x')).toThrow('network option "port_handler=x": found "x", must be slirp4netns')
    expect(() => words('mtu=9')).toThrow('the MTU is "9", must be 576-65521')
  })

  test('this machine is reached by its own address, or through the gateway where its loopback is open', () => {
    const address = (...options: string[]) =>
      slirp4netnsNetwork('/s', parseSlirp4netnsOptions(options), '192.0.2.2').address
    expect(address()).toMatchObject({ address: '10.0.2.100', gateway: '10.0.2.2', hostAddress: '192.0.2.2' })
    expect(address('allow_host_loopback=true')).toMatchObject({ hostAddress: '10.0.2.2' })
    expect(address('cidr=10.7.0.0/24')).toMatchObject({ address: '10.7.0.100', gateway: '10.7.0.2' })
  })

  test('its addresses of IPv6 work at once', () => {
    const sysctls = (...options: string[]) =>
      slirp4netnsNetwork('/s', parseSlirp4netnsOptions(options), undefined).sysctls
    expect(sysctls('enable_ipv6=true')).toEqual({ 'net.ipv6.conf.default.accept_dad': '0' })
    expect(sysctls()).toBeUndefined()
  })

  test('refuses an outbound address that is none, and quotes it', () => {
    const check =
      (...options: string[]) =>
      () =>
        checkOutboundAddresses(parseSlirp4netnsOptions(options))
    for (const option of ['outbound_addr=192.0.2.2', 'outbound_addr=lo', 'outbound_addr6=fd00::2', 'mtu=1500'])
      expect(check(option)).not.toThrow()
    expect(check('outbound_addr=no-such0')).toThrow(
      'network option "outbound_addr=no-such0": found "no-such0", must be',
    )
    expect(check('outbound_addr=::1')).toThrow('must be an IPv4 address or an interface of this machine')
    expect(check('outbound_addr6=192.0.2.2')).toThrow('must be an IPv6 address')
  })

  test('refuses ports that it cannot publish', () => {
    const check =
      (mapping: PortMapping, ...options: string[]) =>
      () =>
        slirp4netnsNetwork('/s', parseSlirp4netnsOptions(options), undefined).ports?.check(mapping)
    expect(check(port())).not.toThrow()
    expect(check(port({ hostIp: '::1' }))).not.toThrow() // the network service forwards those
    expect(check(port({ protocol: 'sctp' }))).toThrow('neither slirp4netns nor pasta forwards sctp')
    const loopback = port({ hostIp: '127.0.0.1', protocol: 'udp' })
    expect(check(loopback)).toThrow("does not answer udp on this machine's loopback")
    expect(check(loopback, 'allow_host_loopback=true')).not.toThrow()
  })
})

describe('pasta', () => {
  const words = (ports: PortMapping[], ...options: string[]) =>
    pastaArguments(parsePastaOptions(options), 'eth0', {
      pid: 42,
      ports,
      descriptors: { ready: 3, exit: 4, folder: 5 },
    })
  const after = (list: string[], option: string) => list.filter((_, index) => list[index - 1] === option)

  test('is told its ports when it starts; nothing else is open in either direction', () => {
    const ports = [
      port(),
      port({ hostIp: '::1', hostPort: 9000, containerPort: 90, range: 3 }),
      port({ hostPort: 53, containerPort: 5353, protocol: 'udp' }),
    ]
    const given = words(ports)
    expect(after(given, '--tcp-ports')).toEqual(['8080:80', '::1/9000-9002:90-92'])
    expect(after(given, '--udp-ports')).toEqual(['53:5353'])
    for (const option of ['--tcp-ns', '--udp-ns']) expect(after(given, option)).toEqual(['none'])
    for (const option of ['--tcp-ports', '--udp-ports']) expect(after(words([]), option)).toEqual(['none'])
    expect(given).toContain('--no-map-gw')
    expect(given.slice(-3)).toEqual(['--pid', '/proc/self/fd/3', '42'])
  })

  test('options of the user come instead of tspod’s, short or long, with their value behind or inside', () => {
    const given = words([], '-a', '10.9.9.9', '--mtu=1400', '--map-gw', '-T', '5432', '-4')
    expect(after(given, '--address')).toEqual(['10.9.9.9'])
    expect(after(given, '--gateway')).toEqual([])
    expect(after(given, '--mtu')).toEqual(['1400'])
    expect(after(given, '--tcp-ns')).toEqual(['5432'])
    expect(given).toContain('--ipv4-only')
    expect(given).not.toContain('--no-map-gw')
  })

  test('refuses what it does not know, what tspod decides, and a value that is missing', () => {
    expect(() => words([], '--frob')).toThrow('network option "--frob": pasta has no option "--frob"')
    expect(() => words([], 'frob')).toThrow('pasta has no option "frob"')
    expect(() => words([], '-f')).toThrow('network option "-f": tspod sets --foreground itself')
    expect(() => words([], '-m')).toThrow('network option "-m": the value after it is missing')
  })

  test('has addresses of its own, and those of the user as far as they are known', () => {
    const host = { address: '192.0.2.2', has6: true }
    const address = (...options: string[]) => pastaNetwork('/p', parsePastaOptions(options), host).address
    expect(address()).toMatchObject({
      address: '10.0.2.100',
      address6: { address: 'fd74:7370:6f64::100' },
      hostAddress: '192.0.2.2',
      nameServerUse: 'ifNone',
    })
    expect(address('--map-gw')).toMatchObject({ hostAddress: '10.0.2.2' })
    expect(address('-4')?.address6).toBeUndefined()
    expect(address('-a', '10.9.9.9')).toMatchObject({ address: '10.9.9.9', hostAddress: '192.0.2.2' })
    expect(address('-i', 'eth1')).toBeUndefined()
  })
})
