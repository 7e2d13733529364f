// User-defined networks with a hostile container on them: its neighbours keep their names, their way out and their ports.
import { afterEach, describe, expect } from 'bun:test'
import { connect, type Socket } from 'node:net'
import { tspodOnly, until, useSandbox } from './sandbox.ts'

const box = useSandbox('alpine', 'debian')
const { tspod, ok } = box
const hostile = tspodOnly('tun', 'slirp4netns', 'debian')

const server = (name: string, ...options: string[]) =>
  ok(
    'run',
    '-d',
    '--name',
    name,
    ...options,
    'alpine',
    'sh',
    '-c',
    `mkdir /www; echo ${name} > /www/who; exec httpd -f -p 80 -h /www`,
  )
const sleeper = (name: string, ...options: string[]) =>
  ok('run', '-d', '--name', name, ...options, 'debian', 'sleep', '1000')
const within = async (name: string, script: string) => await tspod('exec', name, 'bash', '-c', script)
const fetches = (host: string, port = 80) =>
  `timeout 5 bash -c 'exec 3<>/dev/tcp/${host}/${port}; printf "GET /who HTTP/1.0\\r\\n\\r\\n" >&3; tail -n 1 <&3' 2>/dev/null`
const address = async (name: string) => await ok('inspect', '-f', '{{.NetworkSettings.IPAddress}}', name)

/** Perl: answers for addresses that are others', to everyone, as fast as it can, for five seconds. */
const arpFlood = `
use strict; use Socket;
my ($mine, @theirs) = @ARGV;
socket(my $s, 17, SOCK_RAW, 0x0608) or die "socket: $!";
my $index = do { local (@ARGV, $/) = ("/sys/class/net/eth0/ifindex"); <> + 0 };
my $card = pack('H12', $mine =~ s/://gr);
my $to = pack('S n l S C C a8', 17, 0x0806, $index, 0, 0, 6, "\\xff" x 6);
my $end = time + 5; my $sent = 0;
while (time < $end) {
  for my $ip (@theirs) {
    my $arp = pack('n n C C n', 1, 0x0800, 6, 4, 2) . $card . inet_aton($ip) . ("\\xff" x 6) . inet_aton($ip);
    $sent++ if defined send($s, ("\\xff" x 6) . $card . pack('n', 0x0806) . $arp, 0, $to);
  }
}
print "sent $sent\\n";
`

/** Perl: asks a name server for as many names as it can, for five seconds, and waits for no answer. */
const nameFlood = `
use strict; use Socket;
socket(my $s, PF_INET, SOCK_DGRAM, 0) or die;
my $to = pack_sockaddr_in(53, inet_aton($ARGV[0]));
my $end = time + 5; my $n = 0;
while (time < $end) {
  my $name = join '', map { chr(length $_) . $_ } "n" . $n++, "example", "org";
  send($s, pack('n6', $n & 0xffff, 0x0100, 1, 0, 0, 0) . $name . "\\0" . pack('n2', 1, 1), 0, $to);
}
print "asked $n\\n";
`

afterEach(async () => {
  await tspod('rm', '--all', '--force', '--time', '0')
  for (const name of (await tspod('network', 'ls', '-q')).stdout.split('\n'))
    if (name !== '' && name !== 'podman') await tspod('network', 'rm', name)
})

describe('a hostile container', () => {
  hostile('that floods ARP takes neither the gateway nor a card of others', async () => {
    const host = Bun.serve({ port: 0, hostname: '0.0.0.0', fetch: () => new Response('the host\n') })
    try {
      await ok('network', 'create', 'web')
      await sleeper('client', '--network', 'web')
      await sleeper('evil', '--network', 'web', '--cap-add', 'NET_RAW')
      const gateway = await ok('inspect', '-f', '{{.NetworkSettings.Gateway}}', 'client')
      const card = (await within('evil', 'cat /sys/class/net/eth0/address')).stdout.trim()
      const work = fetches('host.containers.internal', host.port)
      expect((await within('client', work)).stdout).toBe('the host\n')
      const flood = tspod('exec', 'evil', 'perl', '-e', arpFlood, card, gateway, await address('client'))
      await Bun.sleep(1000)
      expect((await within('client', work)).stdout).toBe('the host\n')
      expect((await within('client', 'getent hosts evil')).stdout).toContain('evil')
      expect((await within('client', `ip neigh show ${gateway}`)).stdout).not.toContain(card)
      expect(Number(/sent (\d+)/.exec((await flood).stdout)?.[1])).toBeGreaterThan(1000)
      expect((await within('client', work)).stdout).toBe('the host\n')
    } finally {
      await host.stop(true)
    }
  })

  hostile('that sends from foreign addresses gets nowhere', async () => {
    const host = Bun.serve({ port: 0, hostname: '0.0.0.0', fetch: () => new Response('the host\n') })
    try {
      await ok('network', 'create', '--subnet', '10.213.20.0/24', 'web')
      await ok('network', 'create', '--subnet', '10.213.21.0/24', 'other')
      await sleeper('victim', '--network', 'other')
      await sleeper('client', '--network', 'web')
      await sleeper('evil', '--network', 'web', '--cap-add', 'NET_ADMIN')
      const own = await address('evil')
      const to = (await within('evil', 'grep host.containers.internal /etc/hosts | cut -f1')).stdout.trim()
      const work = fetches(to, host.port)
      expect((await within('evil', work)).stdout).toBe('the host\n')
      // of the other network, of a neighbour, of nobody
      for (const source of [await address('victim'), await address('client'), '198.51.100.9']) {
        const as = `ip addr add ${source}/32 dev eth0; ip route replace default via 10.213.20.1 src ${source} metric 100; ip route get ${to}; `
        const { stdout } = await within('evil', `${as} ${work} || echo nothing`)
        expect(stdout).toContain(`src ${source}`)
        expect(stdout).toEndWith('nothing\n')
        await within(
          'evil',
          `ip route replace default via 10.213.20.1 src ${own} metric 100; ip addr del ${source}/32 dev eth0`,
        )
      }
      expect((await within('evil', work)).stdout).toBe('the host\n')
    } finally {
      await host.stop(true)
    }
  })

  hostile('that floods the name server leaves its neighbours their answers', async () => {
    await ok('network', 'create', 'web')
    await server('site', '--network', 'web')
    await sleeper('client', '--network', 'web')
    // its questions go to a server that never answers, and stay under way
    await sleeper('evil', '--network', 'web', '--dns', '198.51.100.53')
    const gateway = await ok('inspect', '-f', '{{.NetworkSettings.Gateway}}', 'client')
    const flood = tspod('exec', 'evil', 'perl', '-e', nameFlood, gateway)
    await Bun.sleep(500)
    for (let count = 0; count < 5; count++)
      expect((await within('client', 'timeout 12 getent hosts site')).stdout).toContain('site')
    expect(Number(/asked (\d+)/.exec((await flood).stdout)?.[1])).toBeGreaterThan(1000)
  })

  hostile('whose forwarded port is full of connections leaves others theirs', async () => {
    await ok('network', 'create', 'web')
    await server('site', '--network', 'web', '-p', '[::1]::80')
    // nobody accepts there: each connection stays
    const stuck = 'use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalPort => 80, Listen => 4000); sleep 1000'
    await ok('run', '-d', '--name', 'evil', '--network', 'web', '-p', '[::1]::80', 'debian', 'perl', '-e', stuck)
    const port = Number((await ok('port', 'evil', '80')).split(':').at(-1))
    const site = (await ok('port', 'site', '80')).split(':').at(-1)
    await until('the server', async () => (await within('evil', 'exec 3<>/dev/tcp/127.0.0.1/80')).status === 0)
    const sockets: Socket[] = []
    let refused = 0
    try {
      for (let count = 0; count < 400; count++) {
        const socket = connect(port, '::1')
        socket.on('error', () => refused++)
        sockets.push(socket)
      }
      await until('more than may be', () => refused >= 100)
      expect(refused).toBeLessThan(200)
      expect(await (await fetch(`http://[::1]:${site}/who`)).text()).toBe('site\n')
    } finally {
      for (const socket of sockets) socket.destroy()
    }
  })
})
