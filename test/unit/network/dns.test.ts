// Names of containers, and answers of other servers: what is answered, kept, aged and cut.
import { describe, expect, test } from 'bun:test'
import { decode, encode } from 'dns-packet'
import { AnswerCache } from '#network/bridge/dns/cache.ts'
import { parseServers } from '#network/bridge/dns/host-resolvers.ts'
import { findAsker, findByAddress, findByName } from '#network/bridge/dns/names.ts'
import { AskQuota } from '#network/bridge/dns/quota.ts'
import { emptyAnswer, fitAnswer, lifetimeOf, questionBytes } from '#network/bridge/dns/wire.ts'
import { enterHostNames, exchangeAddress, exchangeOwnLines } from '#network/bridge/hosts-file.ts'
import { exchangeServers } from '#network/bridge/resolv-conf.ts'
import { emptyState, type ServiceState } from '#network/bridge/state.ts'
import { parseIp } from '#network/ip.ts'
import { withoutSources } from '#sys/socket-filter.ts'

const query = (name: string, type: 'A' | 'MX' = 'A') =>
  Buffer.from(encode({ type: 'query', id: 7, flags: 0x100, questions: [{ type, name }] }))
const answer = (ttl: number) =>
  Buffer.from(
    encode({
      type: 'response',
      id: 7,
      questions: [{ type: 'A', name: 'example.org' }],
      answers: [{ type: 'A', name: 'example.org', ttl, data: '192.0.2.1' }],
    }),
  )

function state(): ServiceState {
  const place = (network: string, ip: string, aliases: string[]) => ({
    endpoint: {
      network,
      networkId: network,
      interface: 'eth0',
      mac: '',
      addresses: [{ ip, prefixLength: 24 }],
      aliases,
    },
    port: '',
    portIndex: 0,
    insideIndex: 0,
    order: 0,
  })
  return {
    ...emptyState(),
    containers: [
      { id: 'a'.repeat(64), name: 'web', dns: [], endpoints: [place('one', '10.89.0.2', ['www'])] },
      {
        id: 'b'.repeat(64),
        name: 'both',
        dns: [],
        endpoints: [place('one', '10.89.0.3', []), place('two', '10.89.1.2', [])],
      },
      { id: 'c'.repeat(64), name: 'far', dns: [], endpoints: [place('two', '10.89.1.3', [])] },
      { id: 'd'.repeat(64), name: 'Web', dns: [], endpoints: [place('two', '10.89.1.4', [])] },
    ],
  }
}

describe('names', () => {
  const known = state()
  const web = findAsker(known, 'one', '10.89.0.2')
  const both = findAsker(known, 'one', '10.89.0.3')
  test.each([
    ['web', ['10.89.0.2']],
    ['WWW', ['10.89.0.2']],
    ['web.dns.podman', ['10.89.0.2']],
    ['bbbbbbbbbbbb', ['10.89.0.3']],
  ])('%s is %p for a neighbour', (name, addresses) => {
    expect(findByName(known, web, name)).toEqual({ kind: 'addresses', addresses })
  })
  test('a container of another network is not there', () => {
    expect(findByName(known, web, 'far')).toEqual({ kind: 'foreign' })
    expect(findByName(known, web, 'far.dns.podman')).toEqual({ kind: 'nobody' })
    expect(findByName(known, both, 'far')).toEqual({ kind: 'addresses', addresses: ['10.89.1.3'] })
  })
  test('names that differ by case only are told apart by case, as far as it is given', () => {
    expect(findByName(known, both, 'Web')).toEqual({ kind: 'addresses', addresses: ['10.89.1.4'] })
    expect(findByName(known, both, 'WEB')).toEqual({ kind: 'addresses', addresses: ['10.89.0.2', '10.89.1.4'] })
  })
  test('addresses have names on shared networks only', () => {
    expect(findByAddress(known, web, '3.0.89.10.in-addr.arpa')).toEqual({ kind: 'name', name: 'both.dns.podman' })
    expect(findByAddress(known, web, '3.1.89.10.in-addr.arpa')).toEqual({ kind: 'foreign' })
    expect(findByAddress(known, web, 'nonsense.ip6.arpa')).toEqual({ kind: 'foreign' })
  })
  test('whoever has an address that nobody was given knows one network', () => {
    expect(findAsker(known, 'one', '10.89.0.99')).toEqual({ networkIds: ['one'] })
  })
})

describe('answers', () => {
  test('are kept as long as they say, and age', () => {
    let nowMs = 0
    const cache = new AnswerCache(2, () => nowMs)
    cache.put('x', answer(30))
    nowMs = 10_000
    expect(decode(cache.get('x') ?? Buffer.alloc(0)).answers?.[0]).toMatchObject({ ttl: 20 })
    nowMs = 30_001
    expect(cache.get('x')).toBeUndefined()
    for (const key of ['a', 'b', 'c']) cache.put(key, answer(30))
    expect([cache.get('a'), cache.get('c') === undefined]).toEqual([undefined, false])
  })
  test('that there is nothing are kept as the SOA says; without one, or broken, not at all', () => {
    const soa = { mname: 'a.', rname: 'b.', serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 5 }
    const nothing = Buffer.from(
      encode({
        type: 'response',
        id: 7,
        flags: 3,
        questions: [{ type: 'A', name: 'no.example.org' }],
        authorities: [{ type: 'SOA', name: 'example.org', ttl: 60, data: soa }],
      }),
    )
    expect(lifetimeOf(nothing)?.seconds).toBe(5)
    expect(lifetimeOf(emptyAnswer(query('no.example.org'), 3))).toBeUndefined()
    const cache = new AnswerCache()
    cache.put('x', answer(30).subarray(0, 40))
    expect(cache.get('x')).toBeUndefined()
  })
  test('that do not fit say so', () => {
    const long = query('example.org')
    const cut = fitAnswer(Buffer.concat([answer(1), Buffer.alloc(600)]), long, 512)
    expect(cut.readUInt16BE(2) & 0x0200).toBe(0x0200)
    expect(decode(cut).questions?.[0]).toMatchObject({ name: 'example.org' })
  })
  test('without records repeat the question, where it can be read', () => {
    expect(decode(emptyAnswer(query('a.b', 'MX'), 5))).toMatchObject({ rcode: 'REFUSED', questions: [{ type: 'MX' }] })
    const broken = Buffer.concat([query('a').subarray(0, 12), Buffer.from([63])])
    expect(emptyAnswer(broken, 1).byteLength).toBe(12)
    expect(() => questionBytes(broken)).toThrow()
  })
})

test('resolv.conf: its servers are read, and exchanged when networks change', () => {
  expect(parseServers('# x\nnameserver 127.0.0.53\nsearch a\nnameserver fe80::1%eth0\n nameserver FD00::1 \n')).toEqual(
    ['127.0.0.53', 'fe80::1%eth0', 'fd00::1'],
  )
  const text = 'search dns.podman\nnameserver 10.89.0.1\noptions edns0\n'
  expect(exchangeServers(text, ['10.89.0.1'], ['10.89.1.1'])).toBe(
    'search dns.podman\noptions edns0\nnameserver 10.89.1.1\n',
  )
  expect(exchangeServers('nameserver 192.0.2.1\n', [], ['10.89.1.1'])).toBe(
    'nameserver 10.89.1.1\nnameserver 192.0.2.1\n',
  )
})

test('enterHostNames() adds what is not there', () => {
  const host = { address: '192.0.2.2', names: ['me', 'host.docker.internal'] }
  const text = '127.0.0.1\tlocalhost # me\n192.0.2.9\thost.docker.internal'
  const changed = `${text}\n192.0.2.2\tme\n`
  expect(enterHostNames(text, host)).toBe(changed)
  expect(enterHostNames(changed, host)).toBe(changed)
})

test('exchangeOwnLines() changes the lines of the container itself, in their place', () => {
  const text = '127.0.0.1\tlocalhost\n10.89.0.2\tabc web\n192.0.2.9\tdb\n'
  const changed = exchangeOwnLines(text, ['10.89.0.2'], ['10.89.0.2', '10.89.1.5'], ['id', 'name'])
  expect(changed).toBe('127.0.0.1\tlocalhost\n10.89.0.2\tabc web\n10.89.1.5\tabc web\n192.0.2.9\tdb\n')
  expect(exchangeOwnLines(changed, ['10.89.0.2', '10.89.1.5'], ['10.89.1.5'], [])).toBe(
    '127.0.0.1\tlocalhost\n10.89.1.5\tabc web\n192.0.2.9\tdb\n',
  )
  expect(exchangeOwnLines('127.0.0.1 localhost\n', [], ['10.89.1.5'], ['id', 'name'])).toBe(
    '127.0.0.1 localhost\n10.89.1.5\tid name\n',
  )
})

test('exchangeAddress() changes lines of that very address alone', () => {
  const text = '192.0.2.1\thost.containers.internal a\n192.0.2.10 b\n::1 192.0.2.1\n192.0.2.1 c\n'
  expect(exchangeAddress(text, '192.0.2.1', '198.51.100.7')).toBe(
    '198.51.100.7\thost.containers.internal a\n192.0.2.10 b\n::1 192.0.2.1\n198.51.100.7 c\n',
  )
})

describe('AskQuota', () => {
  test('lets 2,000 questions in 250 ms pass, then hears nobody for longer each time', () => {
    let now = 0
    const quota = new AskQuota(() => now)
    const flood = () => {
      let passed = 0
      while (quota.ask('10.89.0.2') === 0) passed++
      return passed
    }
    expect(flood()).toBe(2000)
    expect(quota.ask('10.89.0.2')).toBe(1000)
    expect(quota.ask('10.89.0.3')).toBe(0)
    now = 1001
    expect(flood()).toBe(2000)
    expect(quota.ask('10.89.0.2')).toBe(2000)
    // 8,000 questions a second are fine for as long as one likes
    now = 60_000
    for (let turn = 0; turn < 20; turn++, now += 250)
      for (let count = 0; count < 2000; count++) expect(quota.ask('10.89.0.2')).toBe(0)
  })
})

test('withoutSources() refuses the packets of these addresses alone', () => {
  const run = (sources: string[], source: string): boolean => {
    const address = Buffer.from(parseIp(source) ?? [])
    const base = -0x10_0000 + (address.byteLength === 4 ? 12 : 8)
    const steps = withoutSources(sources.map(text => parseIp(text) ?? Buffer.alloc(4)))
    let word = 0
    for (let at = 0; ; at++) {
      const [code, ifTrue, ifFalse, operand] = steps[at] ?? [0, 0, 0, 0]
      if (code === 0x20) word = address.readUInt32BE(operand - base)
      else if (code === 0x15) at += word === operand ? ifTrue : ifFalse
      else return operand > 0
    }
  }
  expect(run([], '10.0.0.1')).toBe(true)
  expect(['10.0.0.1', '10.0.0.2', '10.0.0.3'].map(each => run(['10.0.0.1', '10.0.0.3'], each))).toEqual([
    false,
    true,
    false,
  ])
  expect(['fd00::1', 'fd00:0:0:1::1', 'fd00::2'].map(each => run(['fd00::2', 'fd00::1'], each))).toEqual([
    false,
    true,
    false,
  ])
})
