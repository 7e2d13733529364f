// A machine that moves to another network, as laptops do, while containers run: another address, another gateway.
import { afterAll, beforeAll, expect } from 'bun:test'
import { needs } from '#test/needs.ts'
import { addresses, bootMachine, type OwnMachine } from './machine/machine.ts'
import { until } from './sandbox.ts'

const here = needs('root', 'tspod', 'tun', 'slirp4netns', 'pasta', 'debian')
let machine: OwnMachine
const [elsewhere] = addresses.servers
const moved = { own: '198.18.2.2', gateway: '198.18.2.1' }

/** How each container is connected, and the port that leads to it. */
const containers = { slirp4netns: 8001, pasta: 8002, web: 8003 } as const

beforeAll(async () => {
  if (process.getuid?.() !== 0 || process.env.TSPOD_TEST_FIXTURES === undefined) return
  machine = await bootMachine('debian')
  machine.root('outside', `mkdir -p /run/who; echo elsewhere > /run/who/who`)
  machine.start('outside', 'busybox', 'httpd', '-f', '-p', `${elsewhere}:80`, '-h', '/run/who')
  machine.start('machine', 'busybox', 'httpd', '-f', '-p', '81', '-h', '/run/who')
  await machine.ok('network', 'create', 'web')
  for (const [network, port] of Object.entries(containers))
    await machine.ok(
      'run',
      '-d',
      '--name',
      network,
      '--network',
      network,
      '-p',
      `${port}:80`,
      'debian',
      'perl',
      '-e',
      server,
      network,
    )
}, 120_000)

afterAll(() => machine?.[Symbol.dispose]())

/** Answers every connection with a word. */
const server = `use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalPort => 80, Listen => 50, ReuseAddr => 1) or die;
while (my $c = $s->accept) { sysread $c, my $asked, 4096; print $c "HTTP/1.0 200 OK\\r\\n\\r\\n$ARGV[0]\\n"; close $c }`

const fetches = (host: string, port: number) =>
  `timeout 5 bash -c 'exec 3<>/dev/tcp/${host}/${port}; printf "GET /who HTTP/1.0\\r\\n\\r\\n" >&3; tail -n 1 <&3'`
const within = async (name: string, script: string) =>
  (await machine.tspod('exec', name, 'bash', '-c', script)).stdout.trim()
const inside = async (name: string) =>
  await within(name, "ip -o -4 address show scope global | awk '{ print $2, $4 }'; ip route")

/** Everybody reaches the outside, is reached from there at the machine's address, and finds the machine by name. */
async function works(own: string): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {}
  for (const [name, port] of Object.entries(containers)) {
    const from = machine.root('outside', `${fetches(own, port)} || echo nothing`).trim()
    found[name] = [
      await within(name, fetches(elsewhere, 80)),
      from,
      await within(name, fetches('host.containers.internal', 81)),
    ]
  }
  return found
}
const everything = Object.fromEntries(Object.keys(containers).map(name => [name, ['elsewhere', name, 'elsewhere']]))

here('connections out and in work from the first moment, and containers keep their own addresses', async () => {
  let found = {}
  await until('the servers', async () => Bun.deepEquals((found = await works(addresses.own)), everything)).catch(
    () => undefined,
  )
  expect(found).toEqual(everything)
  const before = Object.fromEntries(
    await Promise.all(Object.keys(containers).map(async name => [name, await inside(name)] as const)),
  )
  machine.root('outside', `ip address add ${moved.gateway}/24 dev lan0`)
  machine.root(
    'machine',
    `ip address flush dev lan0; ip address add ${moved.own}/24 dev lan0; ip route add default via ${moved.gateway}`,
  )
  const byName = 'grep host.containers.internal /etc/hosts | cut -f1'
  await until('the new address', async () => (await within('web', byName)) === moved.own)
  const after = await works(moved.own)
  // a container with a helper of its own has the address of its start
  for (const name of ['slirp4netns', 'pasta']) expect(after[name]?.pop()).toBe('')
  expect(after).toEqual({ ...everything, slirp4netns: ['elsewhere', 'slirp4netns'], pasta: ['elsewhere', 'pasta'] })
  for (const [name, shown] of Object.entries(before)) expect([name, await inside(name)]).toEqual([name, shown])
})
