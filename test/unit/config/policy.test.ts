import { expect, test } from 'bun:test'
import { checkPolicy, dockerScopes, parsePolicy, pathScopes } from '#config/policy.ts'
import { parseReference } from '#oci/reference.ts'

const accept = [{ type: 'insecureAcceptAnything' }]
const reject = [{ type: 'reject' }]
const verdict = (policy: object, name: string) => {
  try {
    checkPolicy(parsePolicy(JSON.stringify(policy), 'p'), 'docker', dockerScopes(parseReference(name)), name)
    return 'accepted'
  } catch (error) {
    return (error as { code?: string }).code
  }
}

test('the most specific scope decides: image, repository, namespace, host, subdomains, transport, default', () => {
  const scopes = {
    'a.example.com/x/y:1': accept,
    'a.example.com/x/y': reject,
    'a.example.com/x': accept,
    'a.example.com': reject,
    '*.example.com': accept,
    '*.com': reject,
  }
  const policy = { default: reject, transports: { docker: { ...scopes, '': accept } } }
  const names = [
    'a.example.com/x/y:1',
    'a.example.com/x/y:2',
    'a.example.com/x/z:1',
    'a.example.com/q:1',
    'b.c.example.com/q:1',
    'o.com/q:1',
    'o.org/q:1',
  ]
  expect(names.map(name => verdict(policy, name))).toEqual([
    'accepted',
    'DENIED',
    'accepted',
    'DENIED',
    'accepted',
    'DENIED',
    'accepted',
  ])
  expect(verdict({ default: reject, transports: { atomic: { '': accept } } }, 'o.org/q:1')).toBe('DENIED')
})

test('signatures that cannot be verified refuse the image', () => {
  expect(verdict({ default: [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: '/k' }] }, 'x.io/y:1')).toBe(
    'UNSUPPORTED',
  )
  for (const kind of [{ fulcio: {} }, { keyPath: '/k', rekorPublicKeyPath: '/r' }])
    expect(verdict({ default: [...accept, { type: 'sigstoreSigned', ...kind }] }, 'x.io/y:1')).toBe('UNSUPPORTED')
  expect(() => parsePolicy(JSON.stringify({ default: [{ type: 'sigstoreSigned' }] }), 'p')).toThrow('exactly one of')
})

test('a policy with anything unknown in it is refused as a whole', () => {
  const cases: [object, string][] = [
    [{}, 'no "default"'],
    [{ default: [] }, 'at least one'],
    [{ default: accept, extra: 1 }, 'unknown key "extra"'],
    [{ default: [{ type: 'trustMe' }] }, 'must be one of'],
    [{ default: [{ type: 'reject', x: 1 }] }, 'unknown key "x"'],
    [{ default: accept, transports: { docker: { '': [] } } }, 'transports.docker[""]'],
  ]
  for (const [policy, why] of cases) expect(() => parsePolicy(JSON.stringify(policy), 'p')).toThrow(why)
})

test('pathScopes() goes up the folders but not to the root', () => {
  expect(pathScopes('/a/b/c.tar')).toEqual(['/a/b/c.tar', '/a/b', '/a'])
})
