// Pulls that are killed at any instant: the next one finds a store in order, and goes on. Host namespaces.
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { collectGarbage } from '#image/garbage.ts'
import { checkImages } from '#image/integrity.ts'
import { FakeRegistry, sendBlob } from './fake-registry.ts'
import { PullSetup, tarOf } from './pull-setup.ts'

test('after twelve pulls that were killed at random the image is whole, and nothing is left of the dead', async () => {
  using setup = new PullSetup()
  await using registry = await FakeRegistry.open()
  const { layers } = registry.putImage('x', 'latest', [tarOf(2_000_000), tarOf(1_500_000), tarOf(10)])
  registry.handlers.push((request, response) => {
    const blob = layers.find(({ digest }) => request.url?.endsWith(digest))
    if (blob === undefined) return false
    setTimeout(() => sendBlob(request, response, blob.bytes), Math.random() * 60)
    return true
  })
  const child = join(import.meta.dir, 'killed-pull-child.ts')
  for (let round = 0; round < 12; round++) {
    const pull = Bun.spawn([process.execPath, child, setup.store.root, `${registry.host}/x`], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    await Bun.sleep(60 + Math.random() * 250)
    pull.kill('SIGKILL')
    await pull.exited
    expect(await new Response(pull.stderr).text()).toBe('')
    expect(await checkImages(setup.store.root, { quick: false, repair: false })).toEqual([])
  }
  const { image } = await setup.pull(`${registry.host}/x`)
  expect(image.sizeBytes).toBe(3_500_010)
  expect(await checkImages(setup.store.root, { quick: false, repair: false })).toEqual([])
  expect(setup.files('tmp/leases')).toEqual([])
  await collectGarbage(setup.store.root)
  expect(setup.files('tmp/partial')).toEqual([])
  expect(setup.files('blobs/sha256').filter(name => !/^[a-f0-9]{64}$/.test(name))).toEqual([])
}, 60_000)
