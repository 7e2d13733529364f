// Names of everybody else on user-defined networks: a machine whose resolv.conf changes, and name servers that are silent, hostile or large.
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { join } from 'node:path'
import { needs } from '#test/needs.ts'
import { addresses, bootMachine, firstLine, type OwnMachine } from './machine/machine.ts'
import { until } from './sandbox.ts'

const here = needs('root', 'tspod', 'tun', 'slirp4netns', 'debian', 'perl')
const [first, second, third] = addresses.servers
let machine: OwnMachine

beforeAll(async () => {
  if (process.getuid?.() !== 0 || process.env.TSPOD_TEST_FIXTURES === undefined) return
  machine = await bootMachine('debian')
  for (const [index, server] of [first, second].entries()) {
    const program = machine.start('outside', process.execPath, nameServer, server, String(index + 1))
    expect(await firstLine(program.stdout)).toBe('ready')
  }
  machine.setResolvers(first)
  await machine.ok('network', 'create', 'web')
  for (const name of ['client', 'Site', 'site'])
    await machine.ok('run', '-d', '--name', name, '--network', 'web', ...script, 'debian', 'sleep', '1000')
}, 120_000)

afterAll(() => machine?.[Symbol.dispose]())

const nameServer = join(import.meta.dir, 'machine/name-server.ts')
const script = ['-v', `${join(import.meta.dir, 'machine/dns-client.pl')}:/dns.pl:ro`]

interface Answer {
  /** The answer has the question's number and repeats it letter by letter. */
  isOwn: boolean
  code: number
  isCut: boolean
  count: number
  ms: number
  addresses: string[]
}

/** What a container is told about a name. */
async function ask(name: string, transport: 'udp' | 'tcp' = 'udp', container = 'client'): Promise<Answer> {
  const shown = await machine.ok('exec', container, 'perl', '/dns.pl', transport, name, '20')
  const [, id, code, cut, same, count, ms, list = ''] =
    /^id=(\w+) code=(\d+) cut=(\d) same=(\d) count=(\d+) bytes=\d+ ms=(\d+) (\S*)/.exec(shown) ?? []
  if (id === undefined) throw new Error(`asked for ${name}, and was told "${shown}"`)
  return {
    isOwn: id === 'own' && same === '1',
    code: Number(code),
    isCut: cut === '1',
    count: Number(count),
    ms: Number(ms),
    addresses: list.split(',').filter(text => text !== ''),
  }
}

const SERVER_FAILURE = 2

describe('a resolv.conf that changes', () => {
  here('is followed by containers that run, also to nobody and back', async () => {
    expect((await ask('a.test')).addresses).toEqual(['192.0.2.1'])
    machine.setResolvers(second)
    await until('the other server', async () => (await ask('a.test')).addresses[0] === '192.0.2.2', 3000)
    machine.setResolvers()
    await until('no server', async () => (await ask('a.test')).code === SERVER_FAILURE, 3000)
    machine.setResolvers(first)
    await until('the first server', async () => (await ask('a.test')).addresses[0] === '192.0.2.1', 3000)
  })
  here('is followed behind slirp4netns too', async () => {
    await machine.ok('run', '-d', '--name', 'alone', '--network', 'slirp4netns', ...script, 'debian', 'sleep', '1000')
    expect((await ask('l.test', 'udp', 'alone')).addresses).toEqual(['192.0.2.1'])
    machine.setResolvers(second)
    try {
      await until('the other server', async () => (await ask('l.test', 'udp', 'alone')).addresses[0] === '192.0.2.2')
    } finally {
      machine.setResolvers(first)
    }
  })
  here('may name servers of one link, by its name or number', async () => {
    machine.root('outside', 'ip address add fe80::53/64 dev lan0 nodad')
    const program = machine.start('outside', process.execPath, nameServer, 'fe80::53%lan0', '3')
    expect(await firstLine(program.stdout)).toBe('ready')
    const index = machine.root('machine', 'ip -o link show lan0').split(':')[0] ?? ''
    try {
      for (const [at, scope] of ['lan0', index].entries()) {
        machine.setResolvers(`fe80::53%${scope}`)
        for (const transport of ['udp', 'tcp'] as const)
          await until(`the link's server by ${transport}`, async () => {
            const answer = await ask(`link${at}.${transport}.${Date.now()}.test`, transport)
            return answer.addresses[0] === '192.0.2.3'
          })
      }
      machine.setResolvers('fe80::53%nosuch0', first)
      await until('the next one', async () => (await ask(`m.${Date.now()}.test`)).addresses[0] === '192.0.2.1')
    } finally {
      machine.setResolvers(first)
    }
  })
  here('leaves names of containers alone', async () => {
    machine.setResolvers(third)
    expect((await ask('client')).count).toBe(1)
    machine.setResolvers(first)
  })
})

describe('a name server that is silent', () => {
  here('is given up in time, while all other names are answered', async () => {
    const silent = ask('silent.test')
    for (const name of ['b.test', 'client', 'c.test']) {
      const answer = await ask(name)
      expect(answer.count).toBe(1)
      expect(answer.ms).toBeLessThan(1000)
    }
    const { code, ms } = await silent
    expect(code).toBe(SERVER_FAILURE)
    expect(ms).toBeLessThan(5000)
  })
  here('is passed over for the next one, at once after that', async () => {
    machine.setResolvers(third, first) // nobody listens at the third, and its machine says so at once
    try {
      expect(await ask('d.test')).toMatchObject({ code: 0, addresses: ['192.0.2.1'] })
      machine.root('outside', `ip address del ${third}/32 dev lo; ip route add blackhole ${third}`)
      for (const name of ['e.test', 'f.test'])
        expect(await ask(name)).toMatchObject({ code: 0, addresses: ['192.0.2.1'] })
      expect((await ask('j.test')).ms).toBeLessThan(500)
    } finally {
      machine.setResolvers(first)
    }
  })
  here('by tcp is given up too', async () => {
    await until('the first server', async () => (await ask('k.test')).code === 0)
    const { code, ms } = await ask('silent.other.test', 'tcp')
    expect(code).toBe(SERVER_FAILURE)
    expect(ms).toBeLessThan(5000)
  })
})

describe('a name server that refuses', () => {
  here('is passed over for one that knows', async () => {
    machine.setResolvers(first, second)
    await until('both', async () => (await ask(`refused.${Date.now()}.test`)).addresses[0] === '192.0.2.2')
    machine.setResolvers(first)
    await until('one', async () => (await ask(`refused.${Date.now()}.test`)).code === 5)
  })
})

describe('a hostile name server', () => {
  for (const name of ['wrong-number', 'wrong-question', 'wrong-sender', 'query-back'])
    here(`is not believed: ${name}`, async () => {
      expect(await ask(`${name}.test`)).toMatchObject({ isOwn: true, code: 0, addresses: ['192.0.2.1'] })
    })
  for (const name of ['nonsense', 'short'])
    here(`that says ${name} has said nothing`, async () => {
      expect(await ask(`${name}.test`)).toMatchObject({ isOwn: true, code: SERVER_FAILURE })
      expect((await ask('client')).count).toBe(1)
    })
  here('whose answer is damaged does no harm', async () => {
    await ask('damaged.test')
    expect((await ask('g.test')).addresses).toEqual(['192.0.2.1'])
  })
  here('that breaks off by tcp has said nothing', async () => {
    expect(await ask('cut.test', 'tcp')).toMatchObject({ code: SERVER_FAILURE })
  })
})

describe('answers', () => {
  here('that do not fit into a datagram come by tcp', async () => {
    for (const [name, count] of [
      ['truncated.test', 1],
      ['many.test', 200],
    ] as const) {
      expect(await ask(name)).toMatchObject({ isOwn: true, isCut: true, count: 0 })
      expect(await ask(name, 'tcp')).toMatchObject({ isOwn: true, isCut: false, count })
    }
    // the C library does both by itself
    expect(await machine.ok('exec', 'client', 'sh', '-c', 'getent ahostsv4 many.test | grep -c STREAM')).toBe('200')
  })
  here('are kept for as long as they live', async () => {
    const counted = async () => (await ask('counted.test')).addresses[0]
    expect([await counted(), await counted()]).toEqual(['192.0.2.1', '192.0.2.1'])
    await Bun.sleep(2100)
    expect(await counted()).toBe('192.0.2.2')
  })
  here('repeat the question letter by letter, whoever asked before', async () => {
    for (const name of ['UPPER.test', 'upper.test', 'Upper.Test'])
      expect(await ask(name)).toMatchObject({ isOwn: true, code: 0, count: 1 })
  })
  here('tell containers apart whose names differ by case only', async () => {
    const address = async (name: string) =>
      await machine.ok('inspect', '-f', '{{(index .NetworkSettings.Networks "web").IPAddress}}', name)
    const both = [await address('Site'), await address('site')]
    expect(both[0]).not.toBe(both[1])
    for (const transport of ['udp', 'tcp'] as const) {
      expect((await ask('Site', transport)).addresses).toEqual([both[0] ?? ''])
      expect((await ask('site', transport)).addresses).toEqual([both[1] ?? ''])
      expect((await ask('SITE', transport)).addresses.toSorted()).toEqual(both.toSorted())
    }
  })
})

describe('network update', () => {
  here('changes the name servers of containers that run, and back', async () => {
    expect((await ask('h.test')).addresses).toEqual(['192.0.2.1'])
    await machine.ok('network', 'update', 'web', '--dns-add', second)
    expect((await ask('h.test')).addresses).toEqual(['192.0.2.2'])
    expect(JSON.parse(await machine.ok('network', 'inspect', 'web'))).toMatchObject([{ network_dns_servers: [second] }])
    await machine.ok('network', 'update', 'web', '--dns-add', third, '--dns-drop', second)
    expect((await ask('i.test')).code).toBe(SERVER_FAILURE)
    await machine.ok('network', 'update', 'web', '--dns-drop', third)
    expect((await ask('h.test')).addresses).toEqual(['192.0.2.1'])
  })
})
