// Pulling from a registry that works, and from ones that do not. Host namespaces.
import { expect, test } from 'bun:test'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hexOf } from '#oci/digest.ts'
import { FakeRegistry, sendBlob, sendError } from './fake-registry.ts'
import { failureOf, PullSetup, tarOf } from './pull-setup.ts'

test('a pull stores manifest, configuration and layers, and commits layers from the lowest up', async () => {
  using setup = new PullSetup()
  await using registry = await FakeRegistry.open()
  const tars = [tarOf(200_000), tarOf(10), tarOf(50_000), tarOf(1)]
  const image = registry.putImage('x/tool', 'v1', tars)
  const { image: stored, name, isFetched } = await setup.pull(`${registry.host}/x/tool:v1`)
  expect({ name, isFetched, id: stored.id, digest: stored.digest }).toEqual({
    name: `${registry.host}/x/tool:v1`,
    isFetched: true,
    id: hexOf(image.configDigest),
    digest: image.manifestDigest,
  })
  expect([...setup.layers.committed.values()].map(({ bytes }) => bytes)).toEqual(tars)
  expect(setup.files('blobs/sha256')).toEqual(
    [image.manifestDigest, image.configDigest, ...image.layers.map(({ digest }) => digest)].map(hexOf).sort(),
  )
  expect([setup.files('tmp/partial'), setup.files('tmp/leases'), setup.layers.open]).toEqual([[], [], 0])
  expect(stored.sizeBytes).toBe(250_011)
  expect(new Set(registry.requests.map(({ headers }) => headers['accept-encoding']))).toEqual(new Set(['identity']))
})

test('a second pull fetches no layer again', async () => {
  using setup = new PullSetup()
  await using registry = await FakeRegistry.open()
  registry.putImage('x', 'latest', [tarOf(1000)])
  await setup.pull(`${registry.host}/x`)
  registry.requests.length = 0
  await setup.pull(`${registry.host}/x`)
  expect(registry.lines(/blobs/)).toEqual([])
  expect(setup.events).toContainEqual(expect.objectContaining({ kind: 'blob', role: 'layer', phase: 'exists' }))
})

test('a layer that occurs twice is fetched once', async () => {
  using setup = new PullSetup()
  await using registry = await FakeRegistry.open()
  const empty = tarOf(1024)
  registry.putImage('x', 'latest', [empty, tarOf(10), empty])
  await setup.pull(`${registry.host}/x`)
  expect(setup.layers.committed.size).toBe(3)
  expect(registry.lines(/blobs/)).toHaveLength(3) // the configuration and two layers
})

test('the platform is chosen from an index, and the image can be asked for by the digest of the index', async () => {
  using setup = new PullSetup()
  await using registry = await FakeRegistry.open()
  const platforms = [
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm64', variant: 'v8' },
  ]
  const images = platforms.map((platform, index) => registry.putImage('x', `p${index}`, [tarOf(100)], platform))
  const index = registry.putManifest('x', 'latest', {
    mediaType: 'application/vnd.oci.image.index.v1+json',
    schemaVersion: 2,
    manifests: images.map(({ manifestDigest }, at) =>
      registry.entry('x', manifestDigest, platforms[at] ?? { os: '', architecture: '' }),
    ),
  })
  const { image } = await setup.pull(`${registry.host}/x`, { platform: 'linux/aarch64' })
  expect<string | undefined>(image.digest).toBe(images[1]?.manifestDigest)
  const byDigest = await setup.store.resolve(`${registry.host}/x@${index}`)
  expect(byDigest.image.id).toBe(image.id)
  const error = await failureOf(setup.pull(`${registry.host}/x`, { platform: 'linux/s390x' }))
  expect(error).toMatchObject({ code: 'NOT_FOUND', hint: expect.stringContaining('linux/amd64, linux/arm64/v8') })
})

test('a blob with another digest is refused, and nothing of the image is visible or kept', async () => {
  using setup = new PullSetup()
  await using registry = await FakeRegistry.open()
  const { layers } = registry.putImage('x', 'latest', [tarOf(5000), tarOf(5000)])
  const victim = layers[1]
  if (victim === undefined) throw new Error('no layer')
  registry.blobs.set(victim.digest, Buffer.from(victim.bytes).fill(7, 100, 110))
  const error = await failureOf(setup.pull(`${registry.host}/x`))
  expect(error).toMatchObject({ code: 'INVALID', message: expect.stringContaining(victim.digest) })
  expect(setup.store.list()).toEqual([])
  expect(setup.files('blobs/sha256')).not.toContain(hexOf(victim.digest))
  expect([setup.files('tmp/partial'), setup.layers.open]).toEqual([[], 0])
})

test('a layer that unpacks to another diff id is refused', async () => {
  using setup = new PullSetup()
  await using registry = await FakeRegistry.open()
  const { configDigest } = registry.putImage('x', 'latest', [tarOf(500)])
  const config = JSON.parse(String(registry.blobs.get(configDigest))) as { rootfs: { diff_ids: string[] } }
  config.rootfs.diff_ids = [`sha256:${'0'.repeat(64)}`]
  const lying = Buffer.from(JSON.stringify(config))
  const manifest = JSON.parse(String(registry.manifests.get('x/latest')?.bytes)) as {
    mediaType: string
    config: { digest: string }
  }
  manifest.config = { ...manifest.config, digest: registry.put(lying) }
  registry.putManifest('x', 'latest', manifest)
  expect(await failureOf(setup.pull(`${registry.host}/x`))).toMatchObject({ code: 'INVALID' })
  expect([setup.store.list(), setup.layers.committed.size, setup.layers.open]).toEqual([[], 0, 0])
})

test('a connection that breaks in the middle is taken up where it broke', async () => {
  using setup = new PullSetup()
  await using registry = await FakeRegistry.open()
  const { layers } = registry.putImage('x', 'latest', [tarOf(400_000)])
  let breaks = 2
  registry.handlers.push((request, response) => {
    const blob = layers.find(({ digest }) => request.url?.endsWith(digest))
    if (blob === undefined || breaks-- <= 0) return false
    sendBlob(request, response, blob.bytes, 100_000)
    return true
  })
  const { image } = await setup.pull(`${registry.host}/x`)
  expect(image.sizeBytes).toBe(400_000)
  const ranges = registry.requests
    .filter(({ line }) => line.includes(layers[0]?.digest ?? ''))
    .map(({ headers }) => headers.range)
  expect(ranges).toEqual([undefined, 'bytes=100000-', 'bytes=200000-'])
  expect(setup.notes).toHaveLength(2)
})

test('a download that failed is resumed by the next pull, and bytes that do not fit are fetched again', async () => {
  for (const isTampered of [false, true]) {
    using setup = new PullSetup()
    await using registry = await FakeRegistry.open()
    const { layers } = registry.putImage('x', 'latest', [tarOf(300_000)])
    const [layer] = layers
    if (layer === undefined) throw new Error('no layer')
    let isBroken = true
    registry.handlers.push((request, response) => {
      if (!isBroken || !request.url?.endsWith(layer.digest)) return false
      sendBlob(request, response, layer.bytes, 120_000)
      return true
    })
    const error = await failureOf(setup.pull(`${registry.host}/x`, { retries: 0 }))
    expect(error.message).toContain('at byte 120000: ')
    const partial = join(setup.store.root, 'tmp/partial', hexOf(layer.digest))
    expect(statSync(partial).size).toBe(120_000)
    if (isTampered) writeFileSync(partial, readFileSync(partial).fill(1, 5, 50))
    isBroken = false
    registry.requests.length = 0
    const { image } = await setup.pull(`${registry.host}/x`)
    expect(image.sizeBytes).toBe(300_000)
    const ranges = registry.requests
      .filter(({ line }) => line.includes(layer.digest))
      .map(({ headers }) => headers.range)
    expect(ranges).toEqual(isTampered ? ['bytes=120000-', undefined] : ['bytes=120000-'])
    expect([setup.files('tmp/partial'), setup.layers.open]).toEqual([[], 0])
  }
})

test('a registry without ranges can be resumed too', async () => {
  using setup = new PullSetup()
  await using registry = await FakeRegistry.open()
  const { layers } = registry.putImage('x', 'latest', [tarOf(300_000)])
  let breaks = 1
  registry.handlers.push((request, response) => {
    delete request.headers.range
    const blob = layers.find(({ digest }) => request.url?.endsWith(digest))
    if (blob === undefined) return false
    sendBlob(request, response, blob.bytes, breaks-- > 0 ? 70_000 : undefined)
    return true
  })
  expect((await setup.pull(`${registry.host}/x`)).image.sizeBytes).toBe(300_000)
})

test('a registry that is busy is asked again, and one that stays broken is given up', async () => {
  using setup = new PullSetup()
  await using registry = await FakeRegistry.open()
  registry.putImage('x', 'latest', [tarOf(10)])
  const answers = [429, 500, 503]
  registry.handlers.push((request, response) => {
    const status = request.url?.includes('manifests') ? answers.shift() : undefined
    if (status === undefined) return false
    sendError(response, status, 'TOOMANYREQUESTS', 'slow down', status === 429 ? { 'Retry-After': '0' } : {})
    return true
  })
  await setup.pull(`${registry.host}/x`)
  expect(setup.notes.map(note => /HTTP status \d+/.exec(note)?.[0])).toEqual([
    'HTTP status 429',
    'HTTP status 500',
    'HTTP status 503',
  ])
  answers.push(...Array<number>(10).fill(502))
  const error = await failureOf(setup.pull(`${registry.host}/x`, { retries: 2 }))
  expect(answers).toHaveLength(7)
  expect(error.message).toContain('reading manifest latest in')
})

test('a manifest larger than any is not read to its end', async () => {
  using setup = new PullSetup()
  await using registry = await FakeRegistry.open()
  let sent = 0
  registry.handlers.push((request, response) => {
    if (!request.url?.includes('manifests')) return false
    response.writeHead(200, { 'Content-Type': 'application/vnd.oci.image.manifest.v1+json' })
    const timer = setInterval(() => {
      sent += 1 << 20
      response.write(Buffer.alloc(1 << 20, ' '))
      if (response.destroyed || sent > 64 << 20) clearInterval(timer)
    }, 1)
    request.socket.on('close', () => clearInterval(timer))
    return true
  })
  expect(await failureOf(setup.pull(`${registry.host}/x`))).toMatchObject({ code: 'INVALID' })
  expect(sent).toBeLessThan(32 << 20)
})

test('more bytes than the manifest says are refused', async () => {
  using setup = new PullSetup()
  await using registry = await FakeRegistry.open()
  const { layers } = registry.putImage('x', 'latest', [tarOf(1000)])
  registry.handlers.push((request, response) => {
    const blob = layers.find(({ digest }) => request.url?.endsWith(digest))
    if (blob === undefined) return false
    response.writeHead(200)
    response.end(Buffer.concat([blob.bytes, Buffer.alloc(10)]))
    return true
  })
  expect(await failureOf(setup.pull(`${registry.host}/x`))).toMatchObject({ code: 'INVALID' })
  expect(setup.store.list()).toEqual([])
})

test('two pulls of one image at once both succeed and fetch each layer once', async () => {
  using setup = new PullSetup()
  await using registry = await FakeRegistry.open()
  const { layers } = registry.putImage('x', 'latest', [tarOf(300_000), tarOf(200_000)])
  registry.handlers.push((request, response) => {
    const blob = layers.find(({ digest }) => request.url?.endsWith(digest))
    if (blob === undefined) return false
    setTimeout(() => sendBlob(request, response, blob.bytes), 100)
    return true
  })
  const outcomes = await Promise.all([setup.pull(`${registry.host}/x`), setup.pull(`${registry.host}/x`)])
  expect(new Set(outcomes.map(({ image }) => image.id)).size).toBe(1)
  for (const { digest } of layers) expect(registry.lines(new RegExp(digest))).toHaveLength(1)
  expect([setup.layers.open, setup.files('tmp/partial')]).toEqual([0, []])
})

test('an aborted pull stops at once and keeps what can be resumed', async () => {
  using setup = new PullSetup()
  await using registry = await FakeRegistry.open()
  const { layers } = registry.putImage('x', 'latest', [tarOf(200_000)])
  registry.handlers.push((request, response) => {
    const blob = layers.find(({ digest }) => request.url?.endsWith(digest))
    if (blob === undefined) return false
    response.writeHead(200, { 'Content-Length': blob.bytes.byteLength })
    response.write(blob.bytes.subarray(0, 50_000)) // and then silence
    return true
  })
  const abort = new AbortController()
  const pulling = setup.pull(`${registry.host}/x`, {
    signal: abort.signal,
    onProgress: event => void (event.kind === 'blob' && event.doneBytes >= 50_000 && abort.abort(new Error('enough'))),
  })
  expect((await failureOf(pulling)).message).toBe('enough')
  expect(setup.layers.open).toBe(0)
  expect(statSync(join(setup.store.root, 'tmp/partial', hexOf(layers[0]?.digest ?? ('' as never)))).size).toBe(50_000)
})

test('pull policies decide whether the registry is asked', async () => {
  using setup = new PullSetup()
  await using registry = await FakeRegistry.open()
  registry.putImage('x', 'latest', [tarOf(10)])
  const name = `${registry.host}/x`
  expect(await failureOf(setup.pull(name, { policy: 'never' }))).toMatchObject({
    code: 'NOT_FOUND',
    message: `${name}: image not known`,
  })
  expect((await setup.pull(name, { policy: 'missing' })).isFetched).toBe(true)
  registry.requests.length = 0
  expect((await setup.pull(name, { policy: 'missing' })).isFetched).toBe(false)
  expect(registry.requests).toEqual([])
  expect((await setup.pull(name, { policy: 'newer' })).isFetched).toBe(false)
  expect(registry.lines(/GET .*manifests/)).toEqual([])
  const renewed = registry.putImage('x', 'latest', [tarOf(20)])
  const { image } = await setup.pull(name, { policy: 'newer' })
  expect(image.digest).toBe(renewed.manifestDigest)
  registry.handlers.push((_request, response) => {
    sendError(response, 404, 'NAME_UNKNOWN', 'repository name not known to registry')
    return true
  })
  expect((await setup.pull(name, { policy: 'newer' })).image.id).toBe(image.id)
})

test('a mirror that lacks the image is given up for the registry, and the image gets the name that was asked for', async () => {
  using setup = new PullSetup()
  await using registry = await FakeRegistry.open()
  await using mirror = await FakeRegistry.open()
  registry.putImage('library/x', 'latest', [tarOf(10)])
  setup.write(
    'registries.conf',
    `unqualified-search-registries = ["docker.io"]
     [[registry]]
     prefix = "docker.io"
     location = "${registry.host}"
     insecure = true
     [[registry.mirror]]
     location = "${mirror.host}/hub"
     insecure = true`,
  )
  const { name, image } = await setup.pull('x', { tlsVerify: undefined })
  expect([name, image.names]).toEqual(['docker.io/library/x:latest', ['docker.io/library/x:latest']])
  expect(mirror.lines(/manifests/)).toEqual(['GET /v2/hub/library/x/manifests/latest'])
  expect(setup.notes[0]).toContain(`mirror "${mirror.host}" given up`)
})

test('failures say what was asked, of whom, and what may mend it', async () => {
  using setup = new PullSetup()
  const registry = await FakeRegistry.open()
  const { host } = registry
  const unknown = await failureOf(setup.pull(`${host}/no/such:1`))
  expect(unknown).toMatchObject({
    code: 'NOT_FOUND',
    message: `pulling "${host}/no/such:1": reading manifest 1 in ${host}/no/such: manifest unknown`,
  })
  await registry[Symbol.asyncDispose]()
  expect((await failureOf(setup.pull(`${host}/x`))).message).toContain('connection refused')
  const archive = await failureOf(setup.pull('docker-archive:/tmp/x.tar'))
  expect(archive).toMatchObject({ code: 'UNSUPPORTED', hint: expect.stringContaining('tspod load') })
})
