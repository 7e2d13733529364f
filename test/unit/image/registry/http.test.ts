import { describe, expect, test } from 'bun:test'
import { parseChallenges } from '#image/registry/challenge.ts'
import { responseFailure } from '#image/registry/failure.ts'
import { chooseProxy, isExempt } from '#image/registry/proxy.ts'
import { isRetriedStatus, pauseBefore } from '#image/registry/retry.ts'
import { parseTokenAnswer, planTokenRequest } from '#image/registry/token.ts'

test('parseChallenges() reads several challenges, quoted commas and escapes', () => {
  expect(parseChallenges('Bearer realm="https://a/t?x=1,2",service="s \\"q\\"", scope=pull , Basic realm="r"')).toEqual(
    [
      { scheme: 'bearer', parameters: { realm: 'https://a/t?x=1,2', service: 's "q"', scope: 'pull' } },
      { scheme: 'basic', parameters: { realm: 'r' } },
    ],
  )
  expect(parseChallenges('')).toEqual([])
  expect(parseChallenges('"broken, =x, Basic')).toEqual([
    { scheme: 'broken', parameters: {} },
    { scheme: 'x', parameters: {} },
    { scheme: 'basic', parameters: {} },
  ])
})

describe('isExempt() reads NO_PROXY as other programs do', () => {
  const cases: [url: string, list: string, exempt: boolean][] = [
    ['http://localhost:5000', '', true],
    ['http://127.3.2.1', '', true],
    ['http://[::1]/', '', true],
    ['https://a.io', '*', true],
    ['https://a.io', 'b.io, a.io', true],
    ['https://sub.a.io', 'a.io', true],
    ['https://suba.io', 'a.io', false],
    ['https://a.io', '.a.io', false],
    ['https://sub.a.io', '.a.io', true],
    ['https://sub.a.io', '*.a.io', true],
    ['https://A.io:5000', 'a.io:5000', true],
    ['https://a.io', 'a.io:5000', false],
    ['https://a.io', 'a.io:443', true],
    ['http://10.1.2.3', '10.0.0.0/8', true],
    ['http://11.1.2.3', '10.0.0.0/8', false],
    ['http://10.1.2.3', '10.0.0.0/99', false],
    ['http://10.1.2.3', '2.3', false],
    ['http://[fd00::5]', 'fd00::/8', true],
    ['http://[fd00::5]', 'fd00::5', true],
    ['https://a.io', '', false],
  ]
  test.each(cases)('%s with "%s"', (url, list, exempt) => expect(isExempt(new URL(url), list)).toBe(exempt))
})

test('chooseProxy() takes the variable of the scheme, in either case', () => {
  const env = { http_proxy: 'plain:1', HTTPS_PROXY: 'https://user:pw@secure:2' }
  expect(chooseProxy(new URL('http://a.io'), env)).toBe('http://plain:1')
  expect(chooseProxy(new URL('https://a.io'), env)).toBe('https://user:pw@secure:2')
  expect(chooseProxy(new URL('https://a.io'), { HTTP_PROXY: 'x' })).toBeUndefined()
  expect(() => chooseProxy(new URL('http://a.io'), { HTTP_PROXY: 'socks5://x:1' })).toThrow('socks5:')
})

test('pauses double, vary, obey Retry-After, and end at a minute', () => {
  const policy = { retries: 5, delayMs: 100 }
  expect([1, 2, 3].map(attempt => pauseBefore(attempt, policy, null, 0))).toEqual([100, 200, 400])
  expect(pauseBefore(3, policy, null, 1)).toBe(200)
  expect(pauseBefore(30, policy, null, 0)).toBe(60_000)
  expect(pauseBefore(1, policy, '2')).toBe(2000)
  expect(pauseBefore(1, policy, '3600')).toBeUndefined()
  expect(pauseBefore(1, policy, new Date(Date.now() + 5000).toUTCString())).toBeGreaterThan(2000)
  expect([429, 500, 503, 501, 404, 401].map(isRetriedStatus)).toEqual([true, true, true, false, false, false])
})

test('planTokenRequest() sends no password to plain HTTP, and parseTokenAnswer() takes no header apart', () => {
  const challenge = (realm: string) => ({ scheme: 'bearer', parameters: { realm, service: 's' } })
  const user = { username: 'u', password: 'p', from: 'f' }
  const plan = planTokenRequest(challenge('https://a.io/t?x=1'), 'repository:x:pull', user, { isPlainAllowed: false })
  expect(plan.url.href).toBe('https://a.io/t?x=1&service=s&scope=repository%3Ax%3Apull&account=u')
  expect(() => planTokenRequest(challenge('http://a.io/t'), 's', user, { isPlainAllowed: false })).toThrow('not https')
  expect(() => planTokenRequest(challenge('/t'), 's', user, { isPlainAllowed: true })).toThrow('no URL')
  const url = new URL('https://a.io')
  expect(parseTokenAnswer('{"access_token":"x.y-z"}', url)).toBe('x.y-z')
  expect(() => parseTokenAnswer('{"token":"a\\r\\nHost: b"}', url)).toThrow('without a token')
  expect(() => parseTokenAnswer('<html>', url)).toThrow('not JSON')
})

test("a registry's words reach the terminal without control characters", () => {
  const body = JSON.stringify({ errors: [{ code: 'DENIED', message: 'no \u001b[31mway\u001b[0m\n' }] })
  const error = responseFailure('reading', { status: 403, body }, 'no credentials')
  expect(error.message).toBe('reading: denied: no  [31mway [0m  (no credentials)')
  expect(responseFailure('reading', { status: 418, body: '<html>' }, '').message).toBe('reading: HTTP status 418')
})
