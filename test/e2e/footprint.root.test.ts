// What networks leave on a machine: nothing on its interfaces, routes and firewall at any time, and after the last container nothing at all.
import { afterAll, beforeAll, expect } from 'bun:test'
import { needs } from '#test/needs.ts'
import { bootMachine, type OwnMachine } from './machine/machine.ts'
import { until } from './sandbox.ts'

const here = needs('root', 'tspod', 'tun', 'slirp4netns', 'pasta')
let machine: OwnMachine

beforeAll(async () => {
  if (process.getuid?.() !== 0 || process.env.TSPOD_TEST_FIXTURES === undefined) return
  machine = await bootMachine('alpine')
  await machine.ok('run', '--rm', '--network', 'none', 'alpine', 'true') // what stays for the next one: the keeper of the user's namespace
  await machine.ok('network', 'create', '--ipv6', 'web')
  await machine.ok('network', 'create', '--internal', 'closed')
}, 60_000)

afterAll(() => machine?.[Symbol.dispose]())

const look = (script: string): string[] => machine.root('machine', script).trim().split('\n').toSorted()

/** Interfaces, addresses, routes, rules, neighbours' proxies, forwarding and the firewall. */
const network = () =>
  look(`
    ip -d link; ip address | sed 's/valid_lft.*//'; ip route show table all; ip -6 route show table all; ip rule; ip -6 rule; ip neigh show proxy
    cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding /proc/sys/net/ipv4/conf/*/proxy_arp
    cat /proc/net/ip_tables_names /proc/net/ip6_tables_names 2> /dev/null || true
    nft list ruleset 2> /dev/null || true
    iptables-save 2> /dev/null | grep -v '^#' || true
  `)

/** Processes, network namespaces, sockets that listen, and files of the runtime folder. */
const leftovers = () => ({
  processes: look("ps -e -o user=,args= | grep -v -e ' ps -e' -e ' grep ' -e ' sh -ec' -e ' sort'"),
  namespaces: look("ls -l /proc/[0-9]*/ns/net 2> /dev/null | sed 's/.*-> //' | sort -u"),
  sockets: look("ss -H -l -n -x -t -u | awk '{ print $1, $5 }' | grep -v userns || true"),
  files: look(`find ${machine.runtime} ! -name '*.lock' ! -name lock`),
})

here('nothing changes on the host while containers run, and nothing of ours is left after the last one', async () => {
  const [before, had] = [network(), leftovers()]
  const run = async (name: string, ...options: string[]) =>
    await machine.ok('run', '-d', '--name', name, ...options, 'alpine', 'sleep', '1000')
  await run('slirp', '--network', 'slirp4netns', '-p', '8001:80', '-p', '[::1]:8001:80')
  await run('pasta', '--network', 'pasta', '-p', '8002:80', '-p', '8002:80/udp')
  await machine.ok('port', 'add', 'pasta', '8003:80')
  await run('web', '--network', 'web', '-p', '8004:80', '-p', '[::]:8005:80')
  await run('both', '--network', 'web', '--network', 'closed')
  await run('friend', '--network', 'container:web')
  expect(network()).toEqual(before)
  expect(leftovers().processes.length).toBeGreaterThan(had.processes.length + 8)
  expect(leftovers().sockets.length).toBeGreaterThan(had.sockets.length + 5)
  // some are killed, one is stopped, the rest removed
  machine.root('machine', `kill -9 ${await machine.ok('inspect', '-f', '{{.State.Pid}}', 'both')}`)
  await machine.ok('stop', '--time', '0', 'slirp')
  await machine.ok('rm', '--all', '--force', '--time', '0')
  await until('everything to be gone', () => Bun.deepEquals(leftovers(), had), 10_000).catch(() => undefined)
  expect(leftovers()).toEqual(had)
  expect(network()).toEqual(before)
})
