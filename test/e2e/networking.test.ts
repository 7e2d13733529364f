// Networks of single containers: published ports, what names mean inside, sharing. A server in a container, a client on this machine.
import { describe, expect } from 'bun:test'
import { createSocket } from 'node:dgram'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { e2e, hasEnded, isPodman, tspodOnly, until, useSandbox, write } from './sandbox.ts'

const box = useSandbox('alpine')
const { tspod, ok } = box
const http = e2e('slirp4netns', 'tun')
const tspodHttp = tspodOnly('slirp4netns', 'tun')
const echoServer = readFileSync(join(import.meta.dir, 'echo-server.pl'), 'utf8')

/** Starts a web server on port 80 that answers `hello`. */
async function serve(name: string, ...options: string[]): Promise<string> {
  const script = 'mkdir /www; echo hello > /www/index.html; exec httpd -f -vv -p 80 -h /www'
  return await ok('run', '-d', '--name', name, ...options, 'alpine', 'sh', '-c', script)
}

/** Starts a server on ports 80 (tcp) and 90 (udp) that answers with its client's address. */
async function serveEcho(name: string, ...options: string[]): Promise<void> {
  const script = write(box.home, 'echo-server.pl', echoServer)
  const host = ['/usr', '/lib', '/lib64'].filter(existsSync).flatMap(path => ['-v', `${path}:${path}:ro`])
  const program = [...host, '-v', `${script}:/echo.pl:ro`, 'alpine', '/usr/bin/perl', '/echo.pl']
  await ok('run', '-d', '--init', '--name', name, ...options, ...program)
  await until('the server', async () => (await ok('logs', name)).includes('serving'))
}

/** What a web server says, once it is there; undefined where nobody answers within a second. */
async function get(url: string): Promise<string | undefined> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(1500), keepalive: false }).catch(() => undefined)
    if (answer !== undefined) return await answer.text()
    await Bun.sleep(50)
  }
  return undefined
}

const refused = async (url: string) =>
  (await fetch(url, { signal: AbortSignal.timeout(1000) }).catch(() => undefined)) === undefined

/** The answer to one datagram. */
async function ask(address: string, port: number, text: string): Promise<string | undefined> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  try {
    return await new Promise(resolve => {
      socket.on('message', message => resolve(message.toString()))
      socket.on('error', () => resolve(undefined))
      setTimeout(() => resolve(undefined), 2000)
      socket.send(text, port, address)
    })
  } finally {
    socket.close()
  }
}

/** A port of this machine that is taken for as long as the result is not disposed. */
async function takePort(): Promise<{ port: number } & AsyncDisposable> {
  const server: Server = createServer()
  await new Promise<void>(resolve => server.listen(0, '0.0.0.0', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    [Symbol.asyncDispose]: async () => await new Promise<void>(resolve => server.close(() => resolve())),
  }
}

/** One that nobody has at this moment. */
async function freePort(): Promise<number> {
  await using taken = await takePort()
  return taken.port
}

/** This machine's own address of a family, beside the loopback's. */
function ownAddress(family: 'IPv4' | 'IPv6'): string | undefined {
  return Object.values(networkInterfaces())
    .flatMap(each => each ?? [])
    .find(({ family: found, internal, scopeid = 0 }) => found === family && !internal && scopeid === 0)?.address
}

// the fixture's static program cannot look up names with dots
const hostGateway = "gateway=$(awk '/host.containers.internal/ { print $1 }' /etc/hosts)"

const bracketed = (address: string) => (address.includes(':') ? `[${address}]` : address)
const links = () =>
  readFileSync('/proc/net/dev', 'utf8').replaceAll(/:.*/g, '') + readFileSync('/proc/net/route', 'utf8')
const settings = async (name: string) =>
  JSON.parse(await ok('inspect', '--format', '{{json .NetworkSettings}}', name)) as Record<string, unknown> & {
    Ports: Record<string, { HostIp: string; HostPort: string }[] | null>
    Helper?: { Pid: number; Running: boolean }
  }

describe('--publish', () => {
  http('a web application on port 80 answers on localhost, and its log shows the request', async () => {
    const port = await freePort()
    const before = links()
    await serve('web', '-p', `${port}:80`)
    expect(await get(`http://localhost:${port}/index.html`)).toBe('hello\n')
    await until(
      'the log',
      async () =>
        /GET|response:200/.test(await ok('logs', 'web')) || (await tspod('logs', 'web')).stderr.includes('200'),
    )
    expect(links()).toBe(before)
    await ok('rm', '-f', '-t', '0', 'web')
    expect(await refused(`http://localhost:${port}/`)).toBe(true)
  })

  http('takes addresses, ranges, several, and random ports; port and ps show them', async () => {
    const port = await freePort()
    const options = ['-p', `127.0.0.1:${port}:80`, '-p', '127.0.0.1::80', '-p', '7000-7002/udp']
    await serve('many', ...options)
    expect(await get(`http://127.0.0.1:${port}/`)).toBe('hello\n')
    const listed = await ok('port', 'many')
    const lines = listed.split('\n')
    expect(lines).toHaveLength(5)
    expect(lines).toContain(`80/tcp -> 127.0.0.1:${port}`)
    const random = lines
      .find(line => line.startsWith('80/tcp') && !line.endsWith(`:${port}`))
      ?.split(':')
      .at(-1)
    expect(await get(`http://127.0.0.1:${random}/`)).toBe('hello\n')
    expect(lines.filter(line => /^700[012]\/udp -> 0\.0\.0\.0:\d+$/.test(line))).toHaveLength(3)
    expect((await ok('port', 'many', '80')).split('\n').toSorted()).toEqual(
      [`127.0.0.1:${port}`, `127.0.0.1:${random}`].toSorted(),
    )
    expect(await ok('ps', '--format', '{{.Ports}}')).toContain(`127.0.0.1:${port}->80/tcp`)
    const { Ports } = await settings('many')
    expect(Ports['80/tcp']?.map(({ HostPort }) => HostPort).toSorted()).toEqual([String(port), random ?? ''].toSorted())
  })

  http('-P publishes what --expose names', async () => {
    await serve('exposed', '-P', '--expose', '80')
    const port = (await ok('port', 'exposed', '80')).split(':').at(-1)
    expect(await get(`http://127.0.0.1:${port}/`)).toBe('hello\n')
  })

  http('a port that is taken is an error, and the container does not run', async () => {
    await using taken = await takePort()
    const { status, stderr } = await tspod(
      'run',
      '-d',
      '--name',
      'late',
      '-p',
      `${taken.port}:80`,
      'alpine',
      'sleep',
      '1000',
    )
    expect(status).toBe(126 + (isPodman ? 0 : -1))
    expect(stderr).toContain('address already in use')
    if (!isPodman) {
      expect(stderr).toContain(`by process ${process.pid} (`)
      expect(stderr).toMatch(/hint: port \d+ is free/)
    }
    expect(await ok('ps', '--format', '{{.Names}}')).not.toContain('late')
  })

  tspodHttp('a port that another container has is said so, with its name', async () => {
    const port = await freePort()
    await serve('first', '-p', `${port}:80`)
    const { status, stderr } = await tspod('run', '--rm', '-p', `127.0.0.1:${port}:80`, 'alpine', 'true')
    expect(status).toBe(125)
    expect(stderr).toContain(
      `publishing 127.0.0.1:${port}->80/tcp: 127.0.0.1:${port}: address already in use by container "first"`,
    )
    expect(await ok('ps', '-a', '--format', '{{.Names}}')).toBe('first')
  })

  http('a port below 1024 is refused', async () => {
    const { status, stderr } = await tspod('run', '--rm', '-p', '7:80', 'alpine', 'true')
    expect(status).not.toBe(0)
    expect(stderr).toContain('net.ipv4.ip_unprivileged_port_start=7')
  })

  tspodHttp('--port-fallback takes one above 8000 instead, and says so', async () => {
    const { stderr } = await tspod(
      'run',
      '-d',
      '--name',
      'low',
      '--port-fallback',
      '-p',
      '7:80',
      'alpine',
      'sleep',
      '1000',
    )
    const [, port] = /port 7 may not be bound by a normal user here: port (\d+) is published instead/.exec(stderr) ?? []
    expect(Number(port)).toBeGreaterThan(8000)
    expect(await ok('port', 'low', '80')).toBe(`0.0.0.0:${port}`)
  })

  tspodHttp('what cannot be published is refused with the text that was typed', async () => {
    const wrong: [string, string][] = [
      ['80:abc', 'parsing --publish "80:abc": container port is "abc", must be 1-65535'],
      ['8000-8001:80', '2 host ports for 1 container ports'],
      ['192.0.2.77:8080:80', '"192.0.2.77" is none of this machine\'s'],
      ['8080:80/sctp', 'neither slirp4netns nor pasta forwards sctp'],
    ]
    for (const [text, why] of wrong) {
      const { status, stderr } = await tspod('run', '--rm', '--network', 'slirp4netns', '-p', text, 'alpine', 'true')
      expect({ text, status }).toEqual({ text, status: 125 })
      expect(stderr).toContain(why)
    }
  })

  http('--network host discards it with a warning', async () => {
    const { status, stderr } = await tspod('run', '--rm', '--network', 'host', '-p', '8080:80', 'alpine', 'true')
    expect(status).toBe(0)
    expect(stderr).toContain('Port mappings have been discarded')
  })

  http('the ports of a container come back with it', async () => {
    const port = await freePort()
    await serve('again', '-p', `${port}:80`)
    await ok('stop', '-t', '0', 'again')
    expect(await refused(`http://127.0.0.1:${port}/`)).toBe(true)
    await ok('start', 'again')
    expect(await get(`http://127.0.0.1:${port}/`)).toBe('hello\n')
  })

  tspodHttp('two commands for one port at once: one gets it, the other is told', async () => {
    const port = await freePort()
    const results = await Promise.all(
      ['one', 'two'].map(name => tspod('run', '-d', '--name', name, '-p', `${port}:80`, 'alpine', 'sleep', '1000')),
    )
    expect(results.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([0, 125])
    const loser = results.find(({ status }) => status !== 0)
    expect(loser?.stderr).toContain(`0.0.0.0:${port}: address already in use by `)
  })
})

describe('port add, port rm', () => {
  tspodHttp('change the ports of a running container, without a restart', async () => {
    const [port, range] = [await freePort(), 23_100 + Math.floor(Math.random() * 1000) * 4]
    const id = await serve('live')
    const started = await ok('inspect', '--format', '{{.State.StartedAt}}', 'live')
    expect(await ok('port', 'add', 'live', `${port}:80`, `${range}-${range + 2}:90-92/udp`)).toBe(
      `0.0.0.0:${port}->80/tcp\n0.0.0.0:${range}-${range + 2}->90-92/udp`,
    )
    expect(await get(`http://127.0.0.1:${port}/`)).toBe('hello\n')
    const { stderr } = await tspod('port', 'add', 'live', `${port}:81`)
    expect(stderr).toContain(`container "live" publishes 0.0.0.0:${port}->80/tcp`)
    await ok('port', 'rm', 'live', '91/udp')
    expect(await ok('port', 'live')).toBe(
      `80/tcp -> 0.0.0.0:${port}\n90/udp -> 0.0.0.0:${range}\n92/udp -> 0.0.0.0:${range + 2}`,
    )
    await ok('restart', '-t', '0', 'live')
    expect(await get(`http://127.0.0.1:${port}/`)).toBe('hello\n')
    await ok('port', 'rm', 'live', '80')
    expect(await refused(`http://127.0.0.1:${port}/`)).toBe(true)
    const missing = await tspod('port', 'rm', 'live', '80')
    expect(missing.status).toBe(125)
    expect(missing.stderr).toContain('container "live" does not publish 80/tcp')
    for (const verb of ['add', 'rm']) {
      const { status, stderr: said } = await tspod('port', verb, 'live')
      expect(status).toBe(125)
      expect(said).toContain(`port ${verb} live: the ports are missing`)
    }
    expect(await ok('inspect', '--format', '{{.Id}}', 'live')).toBe(id)
    expect(started).not.toBe('')
  })

  tspodHttp('of several that are to be added, either all are or none', async () => {
    await using taken = await takePort()
    const port = await freePort()
    await serve('whole')
    const { status, stderr } = await tspod('port', 'add', 'whole', `${port}:80`, `${taken.port}:81`)
    expect(status).toBe(125)
    expect(stderr).toContain('address already in use by process')
    expect(await refused(`http://127.0.0.1:${port}/`)).toBe(true)
    expect(await ok('port', 'whole')).toBe('')
  })
})

const drivers = [
  { driver: 'slirp4netns', need: 'slirp4netns' as const, only: e2e },
  { driver: 'pasta', need: 'pasta' as const, only: tspodOnly }, // podman 4.3 has no pasta
]
for (const { driver, need, only } of drivers)
  describe(`--network ${driver}`, () => {
    const withDriver = only(need, 'tun', 'perl')

    withDriver('publishes tcp and udp, and servers see the address of their client', async () => {
      const [tcp, udp] = [await freePort(), await freePort()]
      const keeps = isPodman ? `${driver}:port_handler=slirp4netns` : driver // podman's other one does not
      await serveEcho('peers', '--network', keeps, '-p', `${tcp}:80`, '-p', `${udp}:90/udp`)
      const own = ownAddress('IPv4')
      expect(await get(`http://127.0.0.1:${tcp}/`)).toMatch(/^peer (127\.0\.0\.1|10\.0\.2\.2)\n$/)
      if (own !== undefined) {
        expect(await get(`http://${own}:${tcp}/`)).toBe(`peer ${own}\n`)
        expect(await ask(own, udp, 'hi')).toBe(`peer ${own} hi`)
      }
      expect(await ok('logs', 'peers')).toContain('request from ')
      if (!isPodman) expect(await settings('peers')).toMatchObject({ SourceAddress: 'kept' })
    })

    tspodOnly(need, 'tun')('inspect shows address, gateway, MAC and helper', async () => {
      await ok('run', '-d', '--name', 'seen', '--network', driver, 'alpine', 'sleep', '1000')
      const inside = await ok('exec', 'seen', 'ip', '-o', 'addr')
      const found = await settings('seen')
      expect(found).toMatchObject({ IPAddress: '10.0.2.100', IPPrefixLen: 24, Gateway: '10.0.2.2' })
      expect(inside).toContain('inet 10.0.2.100/24 ')
      expect(found.MacAddress).toMatch(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/)
      expect(await ok('exec', 'seen', 'sh', '-c', 'cat /sys/class/net/*/address')).toContain(String(found.MacAddress))
      expect(found.Helper).toMatchObject({ Name: driver, Running: true })
      expect(await ok('inspect', '--format', '{{.HostConfig.NetworkMode}}', 'seen')).toBe(driver)
    })

    only(need, 'tun')('this machine is host.containers.internal, and its loopback is out of reach', async () => {
      await using loopback = await takeWebPort('127.0.0.1')
      await using open = await takeWebPort('0.0.0.0')
      const script = `${hostGateway}; wget -q -O - http://$gateway:${open.port}/; timeout 3 wget -q -O - http://10.0.2.2:${loopback.port}/ || echo none`
      expect(await ok('run', '--rm', '--network', driver, 'alpine', 'sh', '-c', script)).toMatch(/none$/)
      if (isPodman) return
      expect(await ok('run', '--rm', '--network', driver, 'alpine', 'sh', '-c', script)).toBe('host webnone')
      const named = ['--add-host', 'door:host-gateway', 'alpine', 'grep', '-E', 'door|docker', '/etc/hosts']
      const own = ownAddress('IPv4') ?? ''
      expect(await ok('run', '--rm', '--network', driver, ...named)).toBe(
        `${own}\tdoor\n${own}\thost.containers.internal host.docker.internal`,
      )
    })

    tspodOnly(need, 'tun')('a helper that is killed is noticed and said', async () => {
      await ok('run', '-d', '--name', 'orphan', '--network', driver, 'alpine', 'sleep', '1000')
      process.kill((await settings('orphan')).Helper?.Pid ?? 0, 'SIGKILL')
      await until('a note', async () =>
        (await tspod('logs', 'orphan')).stderr.includes(`tspod: ${driver} has ended (status 137)`),
      )
      expect(await settings('orphan')).toMatchObject({ Helper: { Running: false } })
      expect(await ok('events', '--stream=false', '--since', '1m', '--filter', 'event=helper-died')).toContain('orphan')
    })

    tspodOnly(need, 'tun')('a port whose container and monitor were both killed is free for the next', async () => {
      const port = await freePort()
      await ok('run', '-d', '--name', 'dead', '--network', driver, '-p', `${port}:80`, 'alpine', 'sleep', '1000')
      const [pid, monitor] = (await ok('inspect', '--format', '{{.State.Pid}} {{.State.ConmonPid}}', 'dead')).split(' ')
      process.kill(Number(monitor), 'SIGKILL')
      process.kill(Number(pid), 'SIGKILL')
      await until('the end of both', () => hasEnded(Number(pid)) && hasEnded(Number(monitor)))
      await ok('run', '--rm', '--network', driver, '-p', `${port}:80`, 'alpine', 'true')
    })
  })

/** A web server on this machine. */
async function takeWebPort(hostname: string): Promise<{ port: number } & AsyncDisposable> {
  const server = Bun.serve({ hostname, port: 0, fetch: () => new Response('host web') })
  await Promise.resolve()
  return { port: server.port ?? 0, [Symbol.asyncDispose]: async () => await server.stop(true) }
}

describe('-p under other mappings of ids', () => {
  for (const userns of ['keep-id', 'auto', 'nomap', 'host'])
    for (const driver of ['slirp4netns', 'pasta'] as const)
      tspodOnly(driver, 'tun')(`--userns ${userns} with ${driver}`, async () => {
        const port = await freePort()
        const script = 'mkdir /tmp/www; echo hello > /tmp/www/index.html; exec httpd -f -p 8000 -h /tmp/www'
        const options = ['--userns', userns, '--network', driver, '-p', `${port}:8000`]
        await ok('run', '-d', '--name', 'mapped', ...options, 'alpine', 'sh', '-c', script)
        expect(await get(`http://127.0.0.1:${port}/`)).toBe('hello\n')
        await ok('port', 'add', 'mapped', `127.0.0.1::8000`)
        const added = (await ok('port', 'mapped', '8000')).split('\n').find(line => line.startsWith('127.0.0.1'))
        expect(await get(`http://${added}/`)).toBe('hello\n')
      })
})

describe('--network slirp4netns', () => {
  tspodOnly(
    'slirp4netns',
    'tun',
    'ipv6',
  )('enable_ipv6: an address of IPv6 from the first moment', async () => {
    const script = 'for i in 1 2 3 4 5; do cat /proc/net/if_inet6; usleep 20000; done'
    const seen = await ok('run', '--rm', '--network', 'slirp4netns:enable_ipv6=true', 'alpine', 'sh', '-c', script)
    expect(seen).toMatch(/^fd00\S+ \S+ 40 00 /m)
  })

  tspodOnly(
    'slirp4netns',
    'tun',
    'perl',
  )('publishes on IPv6 by a forwarder of ours', async () => {
    const port = await freePort()
    await serveEcho('six', '--network', 'slirp4netns', '-p', `[::1]:${port}:80`, '-p', `[::1]:${port}:90/udp`)
    // the container has no IPv6 address that could answer one
    expect(await get(`http://[::1]:${port}/`)).toBe('peer 10.0.2.100\n')
    expect(await ask('::1', port, 'hi')).toBe('peer 10.0.2.100 hi')
    expect(await settings('six')).toMatchObject({ SourceAddress: 'rewritten' })
    await ok('rm', '-f', '-t', '0', 'six')
    expect(await refused(`http://[::1]:${port}/`)).toBe(true)
  })

  tspodOnly('slirp4netns', 'tun')('beside the same port of IPv4 addresses', async () => {
    const port = await freePort()
    await serve('both', '-p', `${port}:80`, '-p', `[::]:${port}:80`)
    for (const host of ['127.0.0.1', '[::1]']) expect(await get(`http://${host}:${port}/`)).toBe('hello\n')
  })

  tspodOnly(
    'slirp4netns',
    'tun',
    'perl',
    'ipv6',
  )('on a user-defined network -p PORT:PORT is for clients of IPv6 and of udp on the loopback too', async () => {
    const [tcp, udp] = [await freePort(), await freePort()]
    await ok('network', 'create', 'every')
    await serveEcho('every', '--network', 'every', '-p', `${tcp}:80`, '-p', `${udp}:90/udp`)
    const [inside, own] = [
      await ok('inspect', '-f', '{{.NetworkSettings.Networks.every.IPAddress}}', 'every'),
      ownAddress('IPv4'),
    ]
    const everyone = async () => ({
      tcp: await get(`http://127.0.0.1:${tcp}/`),
      tcp6: await get(`http://[::1]:${tcp}/`),
      udp: await ask('127.0.0.1', udp, 'hi'),
      udp6: await ask('::1', udp, 'hi'),
      udpOwn: own === undefined ? undefined : await ask(own, udp, 'hi'),
    })
    const answers = {
      tcp: 'peer 10.0.2.2\n',
      tcp6: `peer ${inside}\n`,
      udp: `peer ${inside} hi`,
      udp6: `peer ${inside} hi`,
      udpOwn: own === undefined ? undefined : `peer ${own} hi`,
    }
    expect(await everyone()).toEqual(answers)
    await ok('port', 'rm', 'every', '80')
    expect(await refused(`http://[::1]:${tcp}/`)).toBe(true)
    await ok('port', 'add', 'every', `${tcp}:80`)
    expect(await everyone()).toEqual(answers)
    const taken = await tspod('run', '--rm', '--network', 'every', '-p', `[::]:${tcp}:80`, 'alpine', 'true')
    expect(taken.stderr).toContain(`[::]:${tcp}: address already in use by container "every"`)
    await ok('rm', '-f', '-t', '0', 'every')
    await ok('network', 'rm', 'every')
    expect(await refused(`http://[::1]:${tcp}/`)).toBe(true)
  })

  tspodOnly('slirp4netns', 'tun')('a port of an IPv6 address that is taken is an error', async () => {
    await using taken = await takeWebPort('::1')
    const { status, stderr } = await tspod('run', '--rm', '-p', `[::1]:${taken.port}:80`, 'alpine', 'true')
    expect(status).toBe(125)
    expect(stderr).toContain(`[::1]:${taken.port}: address already in use by process ${process.pid}`)
  })
})

describe('--network pasta', () => {
  const withPasta = tspodOnly('pasta', 'tun', 'perl')
  const withPasta6 = tspodOnly('pasta', 'tun', 'perl', 'ipv6')

  withPasta6('publishes on IPv6 too', async () => {
    const own = ownAddress('IPv6')
    const port = await freePort()
    await serveEcho('six', '--network', 'pasta', '-p', `${port}:80`, '-p', `[::1]:${port + 1}:80`)
    expect(await get(`http://[::1]:${port}/`)).toBe('peer ::1\n')
    expect(await get(`http://[::1]:${port + 1}/`)).toBe('peer ::1\n')
    if (own !== undefined) expect(await get(`http://${bracketed(own)}:${port}/`)).toBe(`peer ${own}\n`)
    expect(await ok('port', 'six')).toContain(`80/tcp -> [::1]:${port + 1}`)
  })

  withPasta('--map-gw opens the loopback of this machine', async () => {
    await using loopback = await takeWebPort('127.0.0.1')
    const script = `${hostGateway}; wget -q -O - http://$gateway:${loopback.port}/`
    expect(await ok('run', '--rm', '--network', 'pasta:--map-gw', 'alpine', 'sh', '-c', script)).toMatch(/^host web$/)
  })

  withPasta('refuses by name what it cannot do, and what tspod decides', async () => {
    const wrong: [string, string][] = [
      ['pasta:--frob', 'pasta has no option "--frob"'],
      ['pasta:-P,/tmp/x', 'tspod sets --pid itself'],
      ['pasta:--mtu', 'the value after it is missing'],
    ]
    for (const [text, why] of wrong) {
      const { status, stderr } = await tspod('run', '--rm', '--network', text, 'alpine', 'true')
      expect({ text, status }).toEqual({ text, status: 125 })
      expect(stderr).toContain(why)
    }
  })

  withPasta6('takes ports while it runs, whose servers see their client too; those of its start it keeps', async () => {
    const [first, tcp, udp] = [await freePort(), await freePort(), await freePort()]
    await serveEcho('grown', '--network', 'pasta', '-p', `${first}:80`)
    await ok('port', 'add', 'grown', `${tcp}:80`)
    const own = ownAddress('IPv4') ?? '127.0.0.1'
    for (const address of [own, '127.0.0.1', '::1'])
      expect(await get(`http://${bracketed(address)}:${tcp}/`)).toBe(`peer ${address}\n`)
    expect(await settings('grown')).toMatchObject({ SourceAddress: 'kept' })
    await ok('port', 'add', 'grown', `${udp}:90/udp`)
    expect(await ask(own, udp, 'hi')).toBe('peer 10.0.2.100 hi')
    expect(await settings('grown')).toMatchObject({ SourceAddress: 'rewritten' })
    const kept = await tspod('port', 'rm', 'grown', '80')
    expect(kept.stderr).toContain(`pasta was given 0.0.0.0:${first}->80/tcp when it started`)
    expect(await get(`http://127.0.0.1:${tcp}/`)).toBe('peer 127.0.0.1\n')
    await ok('port', 'rm', 'grown', `${tcp}:80`, `${udp}:90/udp`)
    expect(await refused(`http://127.0.0.1:${tcp}/`)).toBe(true)
    expect(await ok('port', 'grown')).toBe(`80/tcp -> 0.0.0.0:${first}`)
    await ok('port', 'add', 'grown', `[::1]:${tcp}:80`)
    await ok('restart', '-t', '0', 'grown')
    expect(await get(`http://[::1]:${tcp}/`)).toBe('peer ::1\n')
  })

  withPasta('containers.conf can make it the default', async () => {
    const file = write(box.home, 'pasta.conf', '[network]\ndefault_rootless_network_cmd = "pasta"\n')
    const env = { CONTAINERS_CONF: file }
    const shown = await box.tspodWith({ env }, 'info', '--format', '{{.Host.RootlessNetworkCmd}}')
    expect(shown.stdout.trim()).toBe('pasta')
    const { stdout } = await box.tspodWith({ env }, 'run', '--rm', 'alpine', 'ls', '/sys/class/net')
    expect(stdout).toContain('eth0')
  })
})

describe('--network container:NAME', () => {
  http('several see each other on localhost, low ports included, and share names', async () => {
    const port = await freePort()
    await serve('owner', '-p', `${port}:80`)
    const shared = (script: string) => ok('run', '--rm', '--network', 'container:owner', 'alpine', 'sh', '-c', script)
    expect(await shared('wget -q -O - http://127.0.0.1:80/')).toBe('hello')
    expect(await shared('wget -q -O - http://owner/')).toBe('hello')
    expect(await shared('cat /etc/resolv.conf')).toBe(await ok('exec', 'owner', 'cat', '/etc/resolv.conf'))
    const script = 'mkdir /www; echo from guest > /www/index.html; exec httpd -f -p 81 -h /www'
    await ok('run', '-d', '--name', 'guest', '--network', 'container:owner', 'alpine', 'sh', '-c', script)
    const asked = () => tspod('exec', 'owner', 'wget', '-q', '-O', '-', 'http://127.0.0.1:81/')
    await until('the guest', async () => (await asked()).stdout === 'from guest\n')
    if (!isPodman) {
      const { stderr } = await tspod('port', 'add', 'guest', '8080:81')
      expect(stderr).toContain('it shares the network of another')
    }
  })

  const space = (name: string) => ok('exec', name, 'readlink', '/proc/self/ns/net')

  http('the other one is started where it does not run, by start and by run', async () => {
    await ok('create', '--name', 'base', 'alpine', 'sleep', '1000')
    await ok('create', '--name', 'upper', '--network', 'container:base', 'alpine', 'sleep', '1000')
    await ok('create', '--name', 'top', '--ipc', 'container:base', '--pid', 'container:base', 'alpine', 'sleep', '1000')
    expect((await tspod('rm', 'base')).stderr).toContain('has dependent containers')
    await ok('start', 'upper')
    await ok('start', 'top')
    expect(await space('upper')).toBe(await space('base'))
    await ok('rm', '-f', '-t', '0', 'top')
    await ok('stop', '-t', '0', 'upper', 'base')
    const links = await ok('run', '--rm', '--network', 'container:base', 'alpine', 'readlink', '/proc/self/ns/net')
    expect(links).toBe(await space('base'))
    await ok('rm', '-f', '-t', '0', '--depend', 'base')
  })

  tspodOnly('slirp4netns', 'tun')('files of one that waits belong to the ids that the other will have', async () => {
    await ok('create', '--name', 'keeper', '--userns', 'keep-id', 'alpine', 'sleep', '1000')
    await ok('create', '--name', 'kept', '--network', 'container:keeper', 'alpine', 'stat', '-c', '%u', '/')
    expect(await ok('start', '-a', 'kept')).toBe('0')
    const maps = async (name: string) => await ok('exec', name, 'cat', '/proc/self/uid_map')
    expect(await ok('run', '--rm', '--network', 'container:keeper', 'alpine', 'cat', '/proc/self/uid_map')).toBe(
      await maps('keeper'),
    )
    await ok('rm', '-f', '-t', '0', '--depend', 'keeper')
  })

  tspodOnly('slirp4netns', 'tun')('the other one is found again after it was renamed', async () => {
    await ok('create', '--name', 'before', 'alpine', 'sleep', '1000')
    await ok('create', '--name', 'rider', '--network', 'container:before', 'alpine', 'sleep', '1000')
    await ok('rename', 'before', 'after')
    await ok('create', '--name', 'before', 'alpine', 'sleep', '1000')
    await ok('start', 'rider')
    expect(await space('rider')).toBe(await space('after'))
    await ok('rm', '-f', '-t', '0', 'rider', 'after', 'before')
  })

  tspodOnly('slirp4netns', 'tun')('who runs on when the other one is started again is told', async () => {
    await ok('run', '-d', '--name', 'first', 'alpine', 'sleep', '1000')
    await ok('run', '-d', '--name', 'second', '--network', 'container:first', 'alpine', 'sleep', '1000')
    const shared = () => ok('inspect', '--format', '{{.NetworkSettings.SharedWith.Current}}', 'second')
    expect(await shared()).toBe('true')
    const { stderr } = await tspod('restart', '-t', '0', 'first')
    expect(stderr).toContain('container "second" runs on in namespaces that "first" has left')
    expect(await shared()).toBe('false')
    expect((await tspod('restart', '-t', '0', 'second')).stderr).toBe('')
    expect(await shared()).toBe('true')
    expect(await space('second')).toBe(await space('first'))
    await ok('rm', '-f', '-t', '0', 'first', 'second')
  })

  tspodHttp('ns:PATH joins a namespace by its file', async () => {
    await serve('path')
    const pid = await ok('inspect', '--format', '{{.State.Pid}}', 'path')
    const options = ['--network', `ns:/proc/${pid}/ns/net`]
    expect(await ok('run', '--rm', ...options, 'alpine', 'wget', '-q', '-O', '-', 'http://127.0.0.1/')).toBe('hello')
  })
})

describe('what cannot be is refused in the words of whoever knows why', () => {
  const complaint = async (...options: string[]) => {
    const { status, stderr } = await tspod('run', '--rm', ...options, 'alpine', 'true')
    expect(status).toBe(125)
    return stderr
  }

  tspodOnly('pasta', 'tun')('by a helper that ends at once', async () => {
    expect(await complaint('--network', 'pasta:-i,no-such0')).toMatch(/pasta ended at once: it said ".*no-such0/)
  })

  tspodHttp('an outbound address, a namespace, a helper', async () => {
    expect(await complaint('--network', 'slirp4netns:outbound_addr=no-such0')).toContain('"outbound_addr=no-such0"')
    expect(await complaint('--network', 'ns:/nowhere')).toContain(
      'joining the network namespace "/nowhere": openat "/nowhere": ENOENT',
    )
    for (const file of ['/etc/passwd', '/proc/self/ns/uts'])
      expect(await complaint('--network', `ns:${file}`)).toContain(
        `joining the network namespace "${file}": it is no file of a network namespace`,
      )
    const env = {
      CONTAINERS_CONF: write(box.home, 'no-helper.conf', '[engine]\nnetwork_cmd_path = "/nowhere/slirp4netns"\n'),
    }
    const { stderr } = await box.tspodWith({ env }, 'run', '--rm', '--network', 'slirp4netns', 'alpine', 'true')
    expect(stderr).toContain('"/nowhere/slirp4netns" is no program')
    expect((await box.tspodWith({ env }, 'info')).stdout).not.toContain('it is installed: /nowhere')
  })
})

describe('names', () => {
  http('--dns, --dns-search, --dns-option and --add-host', async () => {
    const options = [
      '--dns',
      '192.0.2.53',
      '--dns-search',
      'example.org',
      '--dns-option',
      'ndots:3',
      '--add-host',
      'db:192.0.2.9',
    ]
    const [resolv, hosts] = await Promise.all(
      ['/etc/resolv.conf', '/etc/hosts'].map(file => ok('run', '--rm', ...options, 'alpine', 'cat', file)),
    )
    expect(resolv?.split('\n').toSorted()).toEqual(['nameserver 192.0.2.53', 'options ndots:3', 'search example.org'])
    expect(hosts).toMatch(/^192\.0\.2\.9\s+db$/m)
  })

  http('--no-hosts leaves the image alone', async () => {
    expect((await tspod('run', '--rm', '--no-hosts', 'alpine', 'cat', '/etc/hosts')).status).toBe(1)
  })
})
