// User-defined networks: containers that find and reach each other, and those that must not.
import { afterEach, describe, expect, test } from 'bun:test'
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { e2e, isPodman, tspodOnly, until, useSandbox } from './sandbox.ts'

const box = useSandbox('alpine', 'debian')
const { tspod, ok } = box
const need = ['tun', 'slirp4netns'] as const

const sh = (options: string[], script: string) => ok('run', '--rm', ...options, 'debian', 'bash', '-c', script)
const sleeper = (name: string, ...options: string[]) =>
  ok('run', '-d', '--name', name, ...options, 'debian', 'sleep', '1000')
/** A tiny web server, which answers with its own name. */
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
const within = async (name: string, script: string) => await tspod('exec', name, 'bash', '-c', script)
/** What a server says, in the words of bash: the image has no other client. */
const fetches = (host: string, port = 80) =>
  `timeout 5 bash -c 'exec 3<>/dev/tcp/${host}/${port}; printf "GET /who HTTP/1.0\\r\\n\\r\\n" >&3; tail -n 1 <&3' 2>/dev/null`
const address = async (name: string) => await ok('inspect', '-f', '{{.NetworkSettings.IPAddress}}', name)

afterEach(async () => {
  await tspod('rm', '--all', '--force', '--time', '0')
  for (const name of (await tspod('network', 'ls', '-q')).stdout.split('\n'))
    if (name !== '' && name !== 'podman') await tspod('network', 'rm', name)
})

describe('two containers on one network', () => {
  e2e(...need)('find each other by name, alias and short id, forwards and backwards', async () => {
    await ok('network', 'create', 'web')
    const id = await server('site', '--network', 'web', '--network-alias', 'www')
    for (const name of ['site', 'www', id.slice(0, 12)])
      expect(await sh(['--network', 'web'], fetches(name))).toBe('site')
    if (isPodman) return
    expect(await sh(['--network', 'web'], `getent hosts ${await address('site')}`)).toContain('site.dns.podman')
    await ok('rename', 'site', 'place')
    expect(await sh(['--network', 'web'], fetches('place'))).toBe('site')
  })

  e2e(...need)('have the address, the card and the interface that were asked for', async () => {
    await ok('network', 'create', '--subnet', '10.213.7.0/24', '--gateway', '10.213.7.9', 'fixed')
    const options = ['--network', 'fixed:ip=10.213.7.70,mac=02:42:ac:11:00:02,interface_name=data']
    const shown = await sh(options, 'ip addr show dev data; ip route')
    expect(shown).toContain('inet 10.213.7.70/24')
    expect(shown).toContain('02:42:ac:11:00:02')
    expect(shown).toContain('default via 10.213.7.9')
    await sleeper('holder', '--network', 'fixed', '--ip', '10.213.7.71')
    const taken = await tspod('run', '--rm', '--network', 'fixed', '--ip', '10.213.7.71', 'alpine', 'true')
    expect(taken.status).not.toBe(0)
    expect(taken.stderr).toContain('10.213.7.71')
  })

  tspodOnly(...need)('leave nothing behind where they ask for an address that the network does not have', async () => {
    await ok('network', 'create', '--subnet', '10.213.8.0/24', 'small')
    for (const options of [
      ['--ip', '10.213.9.7'],
      ['--ip6', 'fd00::7'],
    ]) {
      const { stderr } = await tspod('run', '--name', 'outside', '--network', 'small', ...options, 'alpine', 'true')
      expect(stderr).toContain(`requested static ip ${options[1]} not in any subnet on network small`)
    }
    expect(await ok('ps', '-a', '-q')).toBe('')
    await ok('create', '--name', 'later', '--network', 'bridge', 'alpine', 'true')
    expect((await tspod('network', 'connect', '--ip', '10.213.9.7', 'small', 'later')).stderr).toContain(
      'not in any subnet',
    )
  })

  e2e(...need)('are found by ps with the name or id of their network', async () => {
    await ok('network', 'create', 'found')
    const id = await ok('network', 'inspect', '-f', '{{.ID}}', 'found')
    await ok('create', '--name', 'one', '--network', 'found', 'alpine', 'true')
    await ok('create', '--name', 'other', '--network', 'podman', 'alpine', 'true')
    const names = (network: string) => ok('ps', '-a', '--filter', `network=${network}`, '--format', '{{.Names}}')
    expect([await names('found'), await names(id), await names('podman')]).toEqual(['one', 'one', 'other'])
  })

  tspodOnly()('are none of a name that is a path', async () => {
    const id = await ok('create', '--name', 'kept', 'alpine', 'true')
    await tspod('network', 'rm', '--force', `../containers/${id}/container`)
    expect(await ok('inspect', '-f', '{{.Name}}', 'kept')).toBe('kept')
  })

  tspodOnly(...need)('have further names from network connect', async () => {
    await ok('network', 'create', 'first')
    await ok('network', 'create', 'second')
    await server('site', '--network', 'first')
    await ok('network', 'connect', '--alias', 'www,web', '--alias', 'shop', 'second', 'site')
    for (const name of ['www', 'web', 'shop']) expect(await sh(['--network', 'second'], fetches(name))).toBe('site')
  })

  tspodOnly(...need)('speak IPv6 where the network has it', async () => {
    await ok('network', 'create', '--ipv6', 'six')
    await server('site', '--network', 'six')
    const shown = await sh(['--network', 'six'], `getent ahostsv6 site | head -1; ${fetches('site')}`)
    expect(shown).toMatch(/^fd[0-9a-f:]+ +STREAM/)
    expect(shown).toEndWith('site')
  })
})

describe('a container that shares the network of another', () => {
  e2e(...need)('has the same resolv.conf', async () => {
    await ok('network', 'create', 'web')
    for (const options of [[], ['--dns-search', 'example.org']]) {
      await sleeper('owner', '--network', 'web', ...options)
      expect(await sh(['--network', 'container:owner'], 'cat /etc/resolv.conf')).toBe(
        await ok('exec', 'owner', 'cat', '/etc/resolv.conf'),
      )
      await ok('rm', '-f', '-t', '0', 'owner')
    }
  })
})

describe('networks are kept apart', () => {
  e2e(...need)('what is on another one can be neither found nor reached', async () => {
    await ok('network', 'create', '--opt', 'isolate=true', 'one')
    await ok('network', 'create', '--opt', 'isolate=true', 'two')
    await server('site', '--network', 'one')
    await sleeper('other', '--network', 'two')
    const there = await address('site')
    expect((await within('other', fetches('site'))).status).not.toBe(0)
    expect((await within('other', fetches(there))).status).not.toBe(0)
    await ok('network', 'connect', 'one', 'other')
    expect(await within('other', fetches(isPodman ? there : 'site'))).toMatchObject({ status: 0, stdout: 'site\n' })
  })

  tspodOnly(...need)(
    'the host is reached from a network, and not from an internal one, whatever the container does',
    async () => {
      const host = Bun.serve({ port: 0, hostname: '0.0.0.0', fetch: () => new Response('the host\n') })
      try {
        await ok('network', 'create', 'open')
        await ok('network', 'create', '--internal', 'closed')
        await server('hidden', '--network', 'closed')
        const url = fetches('host.containers.internal', host.port)
        expect(await sh(['--network', 'open'], url)).toBe('the host')
        expect(await sh(['--network', 'closed'], fetches('hidden'))).toBe('hidden')
        const [gateway = ''] = (await ok('network', 'inspect', '-f', '{{(index .subnets 0).gateway}}', 'closed')).split(
          '\n',
        )
        const own = await sh(['--network', 'open'], 'grep host.containers.internal /etc/hosts | cut -f1')
        const tries = `ip route add default via ${gateway}; ${fetches(own, host.port)} || echo no way`
        expect(await sh(['--network', 'closed', '--cap-add', 'NET_ADMIN'], tries)).toBe('no way')
        expect(await sh(['--network', 'closed'], 'getent hosts example.org || echo no answer')).toBe('no answer')
      } finally {
        await host.stop(true)
      }
    },
  )
})

describe('a running container', () => {
  tspodOnly(...need)('is connected and disconnected at once, and keeps that for its next start', async () => {
    for (const name of ['one', 'two']) await ok('network', 'create', name)
    await server('site', '--network', 'two')
    await sleeper('client', '--network', 'one')
    await ok('network', 'connect', '--alias', 'here', 'two', 'client')
    expect(await within('client', fetches('site'))).toMatchObject({ status: 0, stdout: 'site\n' })
    expect((await within('client', 'getent hosts here')).stdout).toContain('here.dns.podman')
    const networks = JSON.parse(await ok('inspect', '-f', '{{json .NetworkSettings.Networks}}', 'client')) as object
    expect(Object.keys(networks).toSorted()).toEqual(['one', 'two'])
    const addresses = (await within('client', "ip -o -4 addr show | awk '/eth/ { print $4 }'")).stdout.replaceAll(
      '/24',
      '',
    )
    const own = "grep client /etc/hosts | awk '{ print $1 }'"
    expect((await within('client', own)).stdout).toBe(addresses)
    await ok('network', 'disconnect', 'one', 'client')
    expect((await within('client', own)).stdout).toBe(addresses.split('\n').slice(1).join('\n'))
    expect(await within('client', fetches('site'))).toMatchObject({ status: 0, stdout: 'site\n' })
    await ok('restart', '--time', '0', 'client')
    expect((await within('client', 'ip -o -4 addr show | grep -c eth')).stdout).toBe('1\n')
    expect(await within('client', fetches('site'))).toMatchObject({ status: 0, stdout: 'site\n' })
    expect((await tspod('network', 'disconnect', 'one', 'client')).stderr).toContain('network is not connected')
  })

  tspodOnly(...need)('that gets a way out knows this machine by name', async () => {
    await ok('network', 'create', '--internal', 'shut')
    await ok('network', 'create', 'open')
    await sleeper('client', '--network', 'shut', '--add-host', 'me:host-gateway')
    const known = 'awk \'$2 == "me" || /host.containers.internal/ { print $1 }\' /etc/hosts'
    expect((await within('client', known)).stdout).toBe('')
    await ok('network', 'connect', 'open', 'client')
    const asAtStart = (await sh(['--network', 'open'], known)).trim()
    expect((await within('client', known)).stdout.trim()).toBe(asAtStart)
    expect((await within('client', 'getent hosts me')).stdout).toContain(asAtStart)
  })

  tspodOnly(...need)('has its ports published, also later, and given back', async () => {
    await ok('network', 'create', 'web')
    await server('site', '--network', 'web', '-p', '127.0.0.1::80')
    const at = await ok('port', 'site', '80')
    expect(await (await fetch(`http://${at}/who`)).text()).toBe('site\n')
    await ok('rm', '--force', '--time', '0', 'site')
    await until(
      'the port to be free',
      async () =>
        await fetch(`http://${at}/who`).then(
          () => false,
          () => true,
        ),
    )
  })
})

interface Helpers {
  pid: number
  watchers: number[]
  hands: number
  uplink: number
}

/** What the network service says of itself. */
async function helpers(): Promise<Helpers> {
  return await new Promise((resolve, reject) => {
    const socket = connect(join(box.runtime, 'tspod/network'))
    let text = ''
    socket.on('error', reject)
    socket.on('data', data => {
      text += data.toString()
      if (!text.endsWith('\n')) return
      socket.end()
      resolve((JSON.parse(text) as { ok: Helpers }).ok)
    })
    socket.write('{"op":"status"}\n')
  })
}

/** What slirp4netns forwards, `tcp 8080`, by its API (slirp4netns(1)); nothing while it is not there. */
async function forwards(): Promise<string[]> {
  const text = await new Promise<string>(resolve => {
    const socket = connect(join(box.runtime, 'tspod/network-uplink'))
    let answer = ''
    socket.on('error', () => resolve('{"entries": []}'))
    socket.on('data', data => (answer += data.toString()))
    socket.on('end', () => resolve(answer))
    socket.end('{"execute": "list_hostfwd"}')
  })
  const { entries } = JSON.parse(text) as { entries: { proto: string; host_port: number }[] }
  return entries.map(({ proto, host_port: port }) => `${proto} ${port}`)
}

const alive = (pid: number) =>
  existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))

/** Processes that are a network service of this sandbox. */
const services = () =>
  readdirSync('/proc').filter(pid => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`networks:${box.runtime}`)
    } catch {
      return false // no process, or gone
    }
  })

describe('helpers', () => {
  tspodOnly(...need)(
    'that are killed come back, and containers keep names, addresses and the way out',
    async () => {
      const host = Bun.serve({ port: 0, hostname: '0.0.0.0', fetch: () => new Response('the host\n') })
      try {
        await ok('network', 'create', 'web')
        await server('site', '--network', 'web', '-p', '127.0.0.1::80', '-p', '[::1]::80')
        const published = (await ok('port', 'site', '80')).split('\n')
        await sleeper('client', '--network', 'web')
        const before = await address('client')
        const answers = async (at: string) =>
          await fetch(`http://${at}/who`, { keepalive: false, signal: AbortSignal.timeout(2000) }).then(
            async answer => (await answer.text()) === 'site\n',
            () => false,
          )
        const works = async () =>
          (await Promise.all(published.map(answers))).every(Boolean) &&
          (await within('client', fetches('site'))).stdout === 'site\n' &&
          (await within('client', fetches('host.containers.internal', host.port))).stdout === 'the host\n'
        const victims: Record<string, (all: Helpers) => number[]> = {
          'the uplink': ({ uplink }) => [uplink],
          'the hands': ({ hands }) => [hands],
          'the first watcher': ({ watchers }) => watchers.slice(0, 1),
          'the second watcher': ({ watchers }) => watchers.slice(1),
          'the service': ({ pid }) => [pid],
          'the service and the first watcher': ({ pid, watchers }) => [pid, ...watchers.slice(0, 1)],
          'the service and the second watcher': ({ pid, watchers }) => [pid, ...watchers.slice(1)],
          'the service and the uplink': ({ pid, uplink }) => [pid, uplink],
        }
        for (const [who, choose] of Object.entries(victims)) {
          const killed = choose(await helpers())
          expect(killed).not.toEqual([])
          for (const victim of killed) process.kill(victim, 'SIGKILL')
          // a watcher that becomes the service keeps its number
          await until(
            `${who} to be gone`,
            async () => !killed.some(pid => alive(pid) && !services().includes(`${pid}`)),
          )
          await until(`the network to work without ${who}`, works)
          await until('one service', () => services().length === 1)
        }
        // a service that has just begun has no watchers of its own yet
        const { pid, watchers } = await helpers()
        process.kill(pid, 'SIGKILL')
        await until('its heir', () => services().includes(`${watchers[0]}`))
        process.kill(watchers[0] ?? 0, 'SIGKILL')
        await until('the network to work without the heir', works)
        await until('one service', () => services().length === 1)
        process.kill(Number(await ok('inspect', '-f', '{{.State.ConmonPid}}', 'site')), 'SIGKILL')
        await until('the network to work without a monitor', works)
        expect(await within('client', 'ip -o -4 addr show dev eth0')).toMatchObject({
          stdout: expect.stringContaining(`${before}/`),
        })
        await sleeper('late', '--network', 'web')
        expect(await within('late', fetches('site'))).toMatchObject({ stdout: 'site\n' })
      } finally {
        await host.stop(true)
      }
    },
    120_000,
  )

  tspodOnly(...need)('publish ports again, also one that somebody had taken meanwhile', async () => {
    await ok('network', 'create', 'web')
    await server('site', '--network', 'web', '-p', '80', '-p', '90/udp')
    const portOf = async (port: string) => Number((await ok('port', 'site', port)).split(':')[1])
    const [tcp, udp] = [await portOf('80'), await portOf('90/udp')]
    const before = await helpers()
    process.kill(before.pid, 'SIGSTOP')
    process.kill(before.uplink, 'SIGKILL')
    await until('the uplink to be gone', () => !alive(before.uplink))
    const thief = Bun.serve({ port: tcp, hostname: '127.0.0.1', fetch: () => new Response('somebody else\n') })
    try {
      process.kill(before.pid, 'SIGCONT')
      await until('another uplink', async () => ![undefined, before.uplink].includes((await helpers()).uplink))
      await until('the udp port', async () => (await forwards()).includes(`udp ${udp}`))
      expect(await forwards()).toEqual([`udp ${udp}`])
    } finally {
      await thief.stop(true)
    }
    await until('the tcp port', async () => (await forwards()).includes(`tcp ${tcp}`))
    expect(await (await fetch(`http://127.0.0.1:${tcp}/who`)).text()).toBe('site\n')
    // the forwarder's part of the udp port, for clients of this machine, is there and can be given back
    await ok('port', 'rm', 'site', '90/udp')
    const own = await Bun.udpSocket({ port: udp, hostname: '127.0.0.1' })
    own.close()
  })

  for (const command of ['network reload', 'the next start'])
    tspodOnly(...need)(
      `killed at once with their watchers, they come back by ${command}: containers have what they had`,
      async () => {
        await ok('network', 'create', '--ipv6', 'web')
        await server('site', '--network', 'web', '--network-alias', 'www', '-p', '127.0.0.1::80', '-p', '[::1]::80')
        await sleeper('client', '--network', 'web')
        const published = (await ok('port', 'site', '80')).split('\n')
        const before = await within('client', 'ip -o addr show dev eth0; cat /sys/class/net/eth0/address')
        const { pid, watchers } = await helpers()
        process.kill(pid, 'SIGSTOP')
        for (const each of [...watchers, pid]) process.kill(each, 'SIGKILL')
        await until(
          'the interfaces to be gone',
          async () => (await within('client', 'ip -o addr show dev eth0')).status !== 0,
        )
        if (command === 'network reload') expect((await ok('network', 'reload', '--all')).split('\n')).toHaveLength(2)
        else expect(await sh(['--network', 'web'], fetches('www'))).toBe('site')
        expect(await within('client', fetches('www'))).toMatchObject({ status: 0, stdout: 'site\n' })
        const after = await within('client', 'ip -o addr show dev eth0; cat /sys/class/net/eth0/address')
        const stable = (text: string) => text.replaceAll(/^\d+: |if\d+|valid_lft.*/gm, '').replaceAll(/.*fe80.*\n/g, '')
        expect(stable(after.stdout)).toBe(stable(before.stdout))
        for (const at of published) expect(await (await fetch(`http://${at}/who`)).text()).toBe('site\n')
        expect(await ok('network', 'reload', 'site')).not.toBe('')
      },
    )

  tspodOnly(...need)('show themselves again where the runtime folder has vanished', async () => {
    await ok('network', 'create', 'web')
    await server('site', '--network', 'web')
    const { pid } = await helpers()
    rmSync(join(box.runtime, 'tspod'), { recursive: true })
    expect(await sh(['--network', 'web'], fetches('site'))).toBe('site')
    expect((await helpers()).pid).toBe(pid)
    await ok('port', 'add', 'site', '[::1]:0:80')
    const at = await ok('port', 'site', '80')
    expect(await (await fetch(`http://${at}/who`)).text()).toBe('site\n')
  })

  tspodOnly(...need)('reload refuses who is on no network', async () => {
    await sleeper('alone', '--network', 'slirp4netns')
    const { status, stderr } = await tspod('network', 'reload', 'alone')
    expect(status).toBe(125)
    expect(stderr).toContain('container "alone" is on no user-defined network')
  })

  tspodOnly(...need)('end with the last container, and the host is as it was', async () => {
    const look = () =>
      ['link', 'address', 'route', 'rule'].map(what =>
        execFileSync('ip', [what], { encoding: 'utf8' }).replaceAll(/valid_lft.*/g, ''),
      )
    const before = look()
    await ok('network', 'create', 'web')
    await sleeper('one', '--network', 'web')
    const { pid, watchers, hands, uplink } = await helpers()
    expect(look()).toEqual(before)
    await ok('rm', '--force', '--time', '0', 'one')
    await until('the helpers to end', () => ![pid, ...watchers, hands, uplink].some(alive))
    expect(existsSync(join(box.runtime, 'tspod/network'))).toBe(false)
  })

  tspodOnly(...need)('end with the last container also where the runtime folder has vanished for good', async () => {
    await ok('network', 'create', 'web')
    await sleeper('one', '--network', 'web')
    const { pid, watchers, hands, uplink } = await helpers()
    const first = Number(await ok('inspect', '-f', '{{.State.Pid}}', 'one'))
    const away = `${box.runtime}.away` // as after a logout
    renameSync(box.runtime, away)
    try {
      process.kill(first, 'SIGKILL')
      await until('the helpers to end', () => ![pid, ...watchers, hands, uplink].some(alive))
      // a service that failed has an heir, and that one another
      await Bun.sleep(1500)
      expect(services()).toEqual([])
    } finally {
      renameSync(away, box.runtime)
    }
  })

  tspodOnly(...need)('serve many containers that start at once', async () => {
    await ok('network', 'create', 'web')
    await server('site', '--network', 'web')
    const shown = await Promise.all(
      Array.from(
        { length: 8 },
        async () => await sh(['--network', 'web'], `${fetches('site')}; ip -o -4 addr show dev eth0`),
      ),
    )
    expect(new Set(shown.map(text => /inet (\S+)/.exec(text)?.[1])).size).toBe(8)
    expect(shown.every(text => text.startsWith('site\n'))).toBe(true)
  })
})

describe('a hundred containers on one network', () => {
  tspodOnly(...need)(
    'start, find each other, cost little, and leave nothing',
    async () => {
      await ok('network', 'create', 'web')
      let next = 0
      const lane = async () => {
        for (let number = next++; number < 100; number = next++)
          await ok('run', '-d', '--name', `c${number}`, '--network', 'web', 'debian', 'sleep', '1000')
      }
      await Promise.all([lane(), lane(), lane(), lane()])
      expect((await ok('ps', '-q')).split('\n')).toHaveLength(100)
      for (const [from, to] of [
        ['c0', 'c99'],
        ['c99', 'c0'],
        ['c50', 'c51'],
      ] as const)
        expect((await within(from, `getent hosts ${to}`)).stdout).toContain(`${await address(to)} `)
      const found = await within('c7', 'for n in $(seq 0 99); do getent hosts c$n; done | sort -u | wc -l')
      expect(found.stdout).toBe('100\n')
      const { pid, watchers, hands, uplink } = await helpers()
      await ok('rm', '--all', '--force', '--time', '0')
      await until('the helpers to end', () => ![pid, ...watchers, hands, uplink].some(alive))
      expect(
        readdirSync(join(box.runtime, 'tspod')).filter(name => !['userns', 'lock', 'network.lock'].includes(name)),
      ).toEqual([])
    },
    300_000,
  )
})

e2e()('a container that does not run shows the networks that it is to be on', async () => {
  await ok('network', 'create', 'one')
  await ok('create', '--name', 'idle', '--network', 'one', '--network-alias', 'here', 'alpine', 'true')
  await ok('network', 'connect', 'podman', 'idle')
  const shown = '{{range $name, $at := .NetworkSettings.Networks}}{{$name}}:{{$at.IPAddress}};{{end}}'
  expect(await ok('inspect', '-f', shown, 'idle')).toBe('one:;podman:;')
  await ok('network', 'disconnect', 'podman', 'idle')
  expect(await ok('inspect', '-f', shown, 'idle')).toBe('one:;')
  await ok('rm', 'idle')
})

describe('definitions', () => {
  e2e()('answer templates, ranges and filters as podman’s do', async () => {
    const options = ['--subnet', '10.213.9.0/24', '--ip-range', '10.213.9.128/25', '--ipv6']
    await ok('network', 'create', ...options, 'shown')
    const fields = '{{.Name}} {{.Driver}} {{.Internal}} {{.IPv6Enabled}} {{.IPAMOptions}}'
    expect(await ok('network', 'inspect', '-f', fields, 'shown')).toBe('shown bridge false true map[driver:host-local]')
    const [shown] = JSON.parse(await ok('network', 'inspect', 'shown')) as { subnets: unknown[] }[]
    expect(shown?.subnets[0]).toMatchObject({ lease_range: { start_ip: '10.213.9.129', end_ip: '10.213.9.255' } })
    expect(await ok('network', 'ls', '-q', '--filter', 'dangling=true')).toBe('shown')
    expect(await ok('network', 'ls', '-q', '--filter', 'until=1h')).toBe('')
    await ok('network', 'rm', 'shown')
  })

  e2e()('are created, listed, inspected and removed in podman’s words', async () => {
    expect(await ok('network', 'create', '--subnet', '10.213.8.0/24', '--label', 'a=b', 'mine')).toContain('mine')
    const [shown] = JSON.parse(await ok('network', 'inspect', 'mine')) as Record<string, unknown>[]
    expect(shown).toMatchObject({
      name: 'mine',
      driver: 'bridge',
      subnets: [{ subnet: '10.213.8.0/24', gateway: '10.213.8.1' }],
      internal: false,
      labels: { a: 'b' },
    })
    expect(await ok('network', 'ls', '-q', '--filter', 'label=a=b')).toBe('mine')
    expect((await tspod('network', 'exists', 'mine')).status).toBe(0)
    expect((await tspod('network', 'exists', 'other')).status).toBe(1)
    const again = await tspod('network', 'create', 'mine')
    expect(again).toMatchObject({ status: 125, stderr: expect.stringContaining('already') })
    await ok('create', '--name', 'user', '--network', 'mine', 'alpine', 'true')
    expect(await tspod('network', 'rm', 'mine')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('network is being used'),
    })
    await ok('rm', 'user')
    expect(await ok('network', 'rm', 'mine')).toBe('mine')
    expect(await tspod('network', 'rm', 'mine')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('network not found'),
    })
  })

  tspodOnly()('that cannot be are refused, and say why', async () => {
    await ok('network', 'create', '--subnet', '10.213.8.0/24', 'mine')
    const refused = async (...args: string[]) => (await tspod('network', 'create', ...args)).stderr
    expect(await refused('--subnet', '10.213.0.0/16', 'b')).toContain('already used on the host or by another config')
    expect(await refused('--subnet', '10.213.9.0/24', '--gateway', '10.213.8.1', 'b')).toContain('is not in subnet')
    const range = await refused('--subnet', '10.213.9.0/24', '--ip-range', '10.99.0.0/24', 'b')
    expect(range).toContain('parsing --ip-range "10.99.0.0/24": 10.99.0.1 is not in subnet 10.213.9.0/24')
    expect(await refused('--driver', 'overlay', 'b')).toContain('network driver "overlay" is not implemented yet')
    expect(await refused('--opt', 'vlan=3', 'b')).toContain('unsupported bridge network option vlan')
    expect(await refused('host')).toContain('is used for a network mode')
    expect((await tspod('run', '--rm', '--network', 'nowhere', 'alpine', 'true')).stderr).toContain('network not found')
  })

  test('have rows in the host’s routes that no new network may overlap', async () => {
    if (isPodman) return
    const used = execFileSync('ip', ['-4', 'route'], { encoding: 'utf8' })
      .split('\n')
      .map(line => /^(\d\S+\/\d+)/.exec(line)?.[1])
    const [route] = used.filter(text => text !== undefined)
    if (route === undefined) return
    expect((await tspod('network', 'create', '--subnet', route, 'clash')).stderr).toContain('already used on the host')
  })
})
