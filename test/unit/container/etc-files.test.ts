import { expect, test } from 'bun:test'
import { containerEnvFile, hostsFile, resolvConfFile } from '#container/etc-files.ts'

test('hostsFile() puts what was added first and drops the names from the base', () => {
  const text = hostsFile({
    base: '127.0.0.1 localhost loop\n# comment\n10.0.0.9\tdb other # x\n\n10.0.0.8 db\n',
    added: [
      { names: ['db', 'store'], address: '10.0.0.1' },
      { names: ['gw'], address: 'host-gateway' },
    ],
    gateway: '10.0.2.2',
    own: { addresses: ['10.0.2.100', 'fd00::1'], names: ['c1', 'web'] },
  })
  expect(text).toBe(
    '10.0.0.1\tdb store\n10.0.2.2\tgw\n127.0.0.1\tlocalhost loop\n10.0.0.9\tother\n' +
      '10.0.2.2\thost.containers.internal host.docker.internal\n10.0.2.100\tc1 web\nfd00::1\tc1 web\n',
  )
  expect(hostsFile({ base: '', added: [] })).toBe('127.0.0.1\tlocalhost\n::1\tlocalhost\n')
})

test('resolvConfFile() prefers what was asked for', () => {
  const base = '# x\nsearch a.example b.example\nnameserver 127.0.0.53\nnameserver 9.9.9.9\noptions edns0 ; y\n'
  const inputs = { base, servers: [], searches: [], options: [], dropLocal: true }
  expect(resolvConfFile({ ...inputs, networkServer: '10.0.2.3' })).toBe(
    'search a.example b.example\nnameserver 10.0.2.3\nnameserver 9.9.9.9\noptions edns0\n',
  )
  const last = { networkServer: '10.0.2.3', networkServerUse: 'ifNone' as const }
  expect(resolvConfFile({ ...inputs, ...last })).not.toContain('10.0.2.3')
  expect(resolvConfFile({ ...inputs, ...last, base: 'nameserver 127.0.0.53\n' })).toBe('nameserver 10.0.2.3\n')
  expect(resolvConfFile({ ...inputs, ...last, base: 'nameserver fe80::1%eth0\nnameserver fe80::2\n' })).toBe(
    'nameserver 10.0.2.3\n',
  )
  expect(resolvConfFile({ ...inputs, dropLocal: false })).toContain('nameserver 127.0.0.53\n')
  expect(resolvConfFile({ ...inputs, servers: ['1.1.1.1', '1.1.1.1'], searches: ['.'], options: ['ndots:2'] })).toBe(
    'nameserver 1.1.1.1\noptions ndots:2\n',
  )
})

test('containerEnvFile() says nothing to containers without privilege', () => {
  const facts = { version: '1', name: 'n', id: 'i', image: 'm', imageId: 'd' }
  expect(containerEnvFile(false, facts)).toBe('')
  expect(containerEnvFile(true, facts)).toBe('engine="tspod-1"\nname="n"\nid="i"\nimage="m"\nimageid="d"\nrootless=1\n')
})
