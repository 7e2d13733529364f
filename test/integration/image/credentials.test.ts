// Who tspod says it is, to whom, and to whom it does not. Host namespaces.
import { expect, test } from 'bun:test'
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { FakeRegistry, sendBlob, sendError } from './fake-registry.ts'
import { failureOf, PullSetup, tarOf } from './pull-setup.ts'

const basic = (user: string, password: string) => `Basic ${btoa(`${user}:${password}`)}`
const authFile = (key: string, user: string, password: string) =>
  JSON.stringify({ auths: { [key]: { auth: btoa(`${user}:${password}`) } } })

/** Makes the registry demand this Authorization; the challenge tells how to get it. */
function demand(
  registry: FakeRegistry,
  challenge: () => string,
  isRight: (authorization: string | undefined) => boolean,
): void {
  registry.handlers.push((request, response) => {
    if (!request.url?.startsWith('/v2/') || isRight(request.headers.authorization)) return false
    sendError(response, 401, 'UNAUTHORIZED', 'authentication required', { 'WWW-Authenticate': challenge() })
    return true
  })
}

test('basic credentials come from the file entry with the longest matching path', async () => {
  using setup = new PullSetup()
  await using registry = await FakeRegistry.open()
  registry.putImage('team/x', 'latest', [tarOf(10)])
  demand(
    registry,
    () => 'Basic realm="here"',
    header => header === basic('team', 'p:w'),
  )
  const auths = { [registry.host]: { auth: btoa('other:no') }, [`${registry.host}/team`]: { auth: btoa('team:p:w') } }
  setup.write('auth.json', JSON.stringify({ auths }))
  expect((await setup.pull(`${registry.host}/team/x`)).isFetched).toBe(true)
})

test('wrong credentials are named with their source, the password never', async () => {
  using setup = new PullSetup()
  await using registry = await FakeRegistry.open()
  demand(
    registry,
    () => 'Basic realm="here"',
    () => false,
  )
  const error = await failureOf(setup.pull(`${registry.host}/x`, { credentials: 'me:Secret1' }))
  expect(error).toMatchObject({
    code: 'DENIED',
    message: expect.stringContaining('with the credentials of "me" from --creds'),
  })
  expect(`${error.message} ${error.hint}`).not.toContain('Secret1')
  expect((await failureOf(setup.pull(`${registry.host}/x`))).message).toContain('no credentials were found')
})

test('a bearer token is fetched with the scope of the repository, used by all requests, and renewed when it expires', async () => {
  using setup = new PullSetup()
  await using registry = await FakeRegistry.open()
  registry.putImage('x/y', 'latest', [tarOf(10), tarOf(20)])
  let token = 'first'
  const asked: string[] = []
  registry.handlers.push((request, response) => {
    const url = new URL(request.url ?? '', 'http://x')
    if (url.pathname !== '/token') return false
    asked.push(`${url.searchParams.get('scope')} ${url.searchParams.get('service')} ${request.headers.authorization}`)
    response.end(JSON.stringify({ token }))
    return true
  })
  demand(
    registry,
    () => `Bearer realm="http://${registry.host}/token",service="s, t",scope="repository:x/y:pull"`,
    header => header === `Bearer ${token}`,
  )
  setup.write('auth.json', authFile(registry.host, 'me', 'pw'))
  registry.handlers.push(request => {
    if (request.url?.includes('blobs') && asked.length === 1) token = 'second'
    return false
  })
  await setup.pull(`${registry.host}/x/y`)
  const line = `repository:x/y:pull s, t ${basic('me', 'pw')}`
  expect(asked).toEqual([line, line])
})

test('an identity token is traded for an access token', async () => {
  using setup = new PullSetup()
  await using registry = await FakeRegistry.open()
  registry.putImage('x', 'latest', [tarOf(10)])
  let form = ''
  registry.handlers.push((request, response) => {
    if (request.url !== '/token') return false
    request.on('data', (chunk: Buffer) => (form += chunk))
    request.on('end', () => response.end('{"access_token":"abc"}'))
    return true
  })
  demand(
    registry,
    () => `Bearer realm="http://${registry.host}/token",service="s"`,
    header => header === 'Bearer abc',
  )
  setup.write('auth.json', JSON.stringify({ auths: { [registry.host]: { identitytoken: 'refresh-me' } } }))
  await setup.pull(`${registry.host}/x`)
  expect(Object.fromEntries(new URLSearchParams(form))).toMatchObject({
    grant_type: 'refresh_token',
    refresh_token: 'refresh-me',
    scope: 'repository:x:pull',
  })
})

test('a redirect to another host carries no credentials', async () => {
  using setup = new PullSetup()
  await using registry = await FakeRegistry.open()
  await using storage = await FakeRegistry.open()
  const { layers } = registry.putImage('x', 'latest', [tarOf(10)])
  demand(
    registry,
    () => 'Basic realm="here"',
    header => header === basic('me', 'pw'),
  )
  registry.handlers.push((request, response) => {
    if (!layers.some(({ digest }) => request.url?.endsWith(digest))) return false
    response.writeHead(307, { Location: `http://${storage.host}/signed?key=1` })
    response.end()
    return true
  })
  storage.handlers.push((request, response) => {
    sendBlob(request, response, layers[0]?.bytes ?? Buffer.alloc(0))
    return true
  })
  await setup.pull(`${registry.host}/x`, { credentials: 'me:pw' })
  expect(storage.requests.map(({ line, headers }) => [line, headers.authorization])).toEqual([
    ['GET /signed?key=1', undefined],
  ])
})

test('credential helpers are asked, and said when they fail', async () => {
  using setup = new PullSetup()
  await using registry = await FakeRegistry.open()
  registry.putImage('x', 'latest', [tarOf(10)])
  demand(
    registry,
    () => 'Basic realm="here"',
    header => header === basic('me', 'from helper'),
  )
  mkdirSync(join(setup.folder, 'bin'))
  const helper = setup.write(
    'bin/docker-credential-test',
    `#!/bin/sh\nread -r server\n[ "$server" = ${registry.host} ] && echo '{"ServerURL":"x","Username":"me","Secret":"from helper"}' || { echo 'cannot unlock'; exit 1; }\n`,
  )
  chmodSync(helper, 0o755)
  process.env.PATH = `${join(setup.folder, 'bin')}:${process.env.PATH}`
  setup.write('auth.json', JSON.stringify({ credHelpers: { [registry.host]: 'test' } }))
  expect((await setup.pull(`${registry.host}/x`)).isFetched).toBe(true)
  setup.write('auth.json', JSON.stringify({ credHelpers: { [registry.host]: 'missing' } }))
  const error = await failureOf(setup.pull(`${registry.host}/x`))
  expect(error.message).toContain('docker-credential-missing')
})
