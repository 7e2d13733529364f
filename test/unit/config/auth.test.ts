import { expect, test } from 'bun:test'
import { lookupAuth, parseAuthFile, parseCredentialsOption } from '#config/auth.ts'

const entry = (text: string) => ({ auth: btoa(text) })
const lookup = (auths: Record<string, object>, repository: string) =>
  lookupAuth(parseAuthFile(JSON.stringify({ auths }), 'f'), repository, 'f')?.username

test('the longest path of a repository wins, and other repositories get nothing of it', () => {
  const auths = { 'r.io/a/b': entry('ab:x'), 'r.io/a': entry('a:x'), 'r.io': entry('r:x') }
  const repositories = ['r.io/a/b/c', 'r.io/a/bc', 'r.io/other', 'other.io/a']
  expect(repositories.map(name => lookup(auths, name))).toEqual(['ab', 'a', 'r', undefined])
  expect(lookup({ 'r.io': entry('r:x') }, 'r.io:5000/a')).toBeUndefined()
})

test("docker's URLs as keys mean their hosts", () => {
  expect(lookup({ 'https://index.docker.io/v1/': entry('hub:x') }, 'docker.io/library/x')).toBe('hub')
  expect(lookup({ 'https://r.io/v2/': entry('r:x') }, 'r.io/x')).toBe('r')
  expect(lookup({ 'http://r.io:5000': entry('r:x') }, 'r.io:5000/x')).toBe('r')
})

test('entries: empty ones are none, plain ones serve, garbage is named without its content', () => {
  expect(lookup({ 'r.io': {} }, 'r.io/x')).toBeUndefined()
  expect(lookup({ 'r.io': { username: 'u', password: 'p' } }, 'r.io/x')).toBe('u')
  expect(
    lookupAuth(parseAuthFile(JSON.stringify({ 'r.io': entry('u:p:q') }), 'f', true), 'r.io/x', 'f')?.password,
  ).toBe('p:q')
  expect(() => lookup({ 'r.io': { auth: btoa('nocolon') } }, 'r.io/x')).toThrow('"f": auths["r.io"].auth is not base64')
  expect(() => parseAuthFile('{"auths": []}', 'f')).toThrow('"f".auths')
  expect(parseAuthFile('', 'f').auths).toEqual({})
})

test('--creds is a user and perhaps a password', () => {
  expect(parseCredentialsOption('u:a:b')).toMatchObject({ username: 'u', password: 'a:b' })
  expect(parseCredentialsOption('u')).toMatchObject({ username: 'u', password: '' })
  expect(() => parseCredentialsOption(':p')).toThrow('no user name')
})
