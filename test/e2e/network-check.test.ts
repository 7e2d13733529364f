// network check: what it says of the networks of this machine.
import { describe, expect } from 'bun:test'
import { tspodOnly, useSandbox, write } from './sandbox.ts'

const box = useSandbox()
const { tspod, tspodWith, ok } = box

interface Check {
  network: string
  connectMs?: number
  dnsMs?: number
  dnsAnswer?: string
  roundTripMs?: number
  inGbits?: number
  outGbits?: number
  mtu?: number
  missing?: string
  problems?: string[]
}

describe('network check', () => {
  tspodOnly(
    'slirp4netns',
    'pasta',
    'tun',
  )('measures every network, and leaves nothing', async () => {
    const { stdout } = await tspod('network', 'check', '--format', 'json', '--seconds', '0.1')
    const checks = JSON.parse(stdout) as Check[]
    expect(checks.map(({ network }) => network)).toEqual(['host', 'slirp4netns', 'pasta', 'bridge'])
    for (const { network, connectMs, roundTripMs, inGbits, outGbits, mtu, problems = [] } of checks) {
      // whether a name server answers is this machine's business
      expect({ network, problems: problems.filter(each => !each.startsWith('no name server')) }).toEqual({
        network,
        problems: [],
      })
      for (const value of [connectMs, roundTripMs, inGbits, outGbits]) expect(value).toBeGreaterThan(0)
      expect(connectMs).toBeLessThan(1000)
      if (network !== 'host') expect(mtu).toBe(65_520)
    }
    // a detour through a program is never faster than none
    const [host, ...others] = checks
    for (const { roundTripMs } of others) expect(roundTripMs).toBeGreaterThan(host?.roundTripMs ?? 0)
  })

  tspodOnly('slirp4netns', 'tun')('asks the name server of the container, and prints a table', async () => {
    const { stdout } = await tspod('network', 'check', '--seconds', '0.1', '--name', 'localhost', 'slirp4netns')
    const [heading, row] = stdout.split('\n')
    expect(heading).toMatch(/^NETWORK +CONNECT +DNS +PORT +IN +OUT +MTU *$/)
    expect(row).toMatch(/^slirp4netns +[\d.]+ ms +\S.* +[\d.]+ ms +[\d.]+ Gbit\/s +[\d.]+ Gbit\/s +65520 *$/)
  })

  tspodOnly()('says what is missing, and what was typed', async () => {
    const CONTAINERS_CONF = write(box.home, 'c.conf', '[engine]\nnetwork_cmd_path = "/nowhere/slirp4netns"\n')
    const { stdout } = await tspodWith({ env: { CONTAINERS_CONF } }, 'network', 'check', 'slirp4netns')
    expect(stdout).toMatch(/^slirp4netns +- +- +- +- +- +- *$/m)
    expect(stdout).toContain('/nowhere/slirp4netns')
    expect((await tspod('network', 'check', 'wlan')).stderr).toContain('network "wlan": must be host, slirp4netns')
    expect((await tspod('network', 'check', '--seconds', '0')).stderr).toContain('is "0", must be 0.1 to 60')
    expect(await ok('network', 'ls', '-q')).toBe('podman')
  })
})
