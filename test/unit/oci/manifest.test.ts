import { expect, test } from 'bun:test'
import { chainIdsOf, type Digest, parseDigest } from '#oci/digest.ts'
import { createdMs, parseImageConfig } from '#oci/image-config.ts'
import { largestManifestBytes, parseManifest } from '#oci/manifest.ts'
import { layerCompression, sniffCompression } from '#oci/media-types.ts'

const digest = `sha256:${'a'.repeat(64)}`
const oci = 'application/vnd.oci.image.'
const config = { mediaType: `${oci}config.v1+json`, digest, size: 10 }
const layer = { mediaType: `${oci}layer.v1.tar+gzip`, digest, size: 10 }
const image = { schemaVersion: 2, mediaType: `${oci}manifest.v1+json`, config, layers: [layer] }
const parse = (value: unknown, type?: string) => parseManifest(JSON.stringify(value), type, 'manifest')

test('parseManifest() tells images from indexes, of both families', () => {
  expect(parse(image)).toMatchObject({ kind: 'image', layers: [layer] })
  expect(
    parse({ ...image, mediaType: undefined }, 'application/vnd.docker.distribution.manifest.v2+json').mediaType,
  ).toStartWith('application/vnd.docker')
  expect(parse({ schemaVersion: 2, manifests: [] }, 'text/plain')).toMatchObject({
    kind: 'index',
    mediaType: `${oci}index.v1+json`,
  })
  expect(parse({ ...image, layers: [], annotations: null })).toMatchObject({ layers: [], annotations: undefined })
})

test('parseManifest() refuses hostile and foreign documents, naming the place', () => {
  const cases: [unknown, string][] = [
    ['x', 'manifest is "x", must be an object'],
    [{ ...image, manifests: [] }, 'both an index and an image'],
    [{ schemaVersion: 1, name: 'x' }, 'schema 1'],
    [{ ...image, layers: undefined }, 'layers is not a list'],
    [{ ...image, layers: [{ ...layer, size: -1 }] }, 'layers[0].size'],
    [{ ...image, layers: [{ ...layer, size: 2 ** 60 }] }, 'layers[0].size'],
    [{ ...image, layers: [{ ...layer, size: 1.5 }] }, 'layers[0].size'],
    [{ ...image, layers: [{ ...layer, digest: '../../etc/passwd' }] }, 'layers[0].digest'],
    [{ ...image, layers: [{ ...layer, digest: digest.toUpperCase() }] }, 'layers[0].digest'],
    [{ ...image, layers: [{ ...layer, mediaType: `${layer.mediaType}+encrypted` }] }, 'encrypted'],
    [{ ...image, layers: [{ ...layer, mediaType: 'text/plain' }] }, 'not a file system layer'],
    [{ ...image, layers: Array.from({ length: 501 }, () => layer) }, '501 layers'],
    [{ ...image, config: { ...config, size: largestManifestBytes + 1 } }, 'config has'],
    [{ ...image, mediaType: `${oci}index.v1+json` }, 'but is an image manifest'],
    [{ schemaVersion: 2, manifests: [{ ...config, platform: { os: 1 } }] }, 'platform.os'],
  ]
  for (const [value, why] of cases) expect(() => parse(value)).toThrow(why)
  expect(() => parseManifest('<html>', undefined, 'manifest')).toThrow('it begins with "<html>"')
  expect(() => parseManifest(' '.repeat(largestManifestBytes + 1), undefined, 'manifest')).toThrow('at most')
})

test('layerCompression() knows the layer types, sniffCompression() the bytes', () => {
  const of = (type: string) => layerCompression(type, 'layer')
  expect([
    of(`${oci}layer.v1.tar`),
    of(`${oci}layer.v1.tar+zstd`),
    of('application/vnd.docker.image.rootfs.diff.tar.gzip'),
  ]).toEqual(['none', 'zstd', 'gzip'])
  expect(of(`${oci}layer.nondistributable.v1.tar+gzip`)).toBe('gzip')
  expect(sniffCompression(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd))).toBe('zstd')
  expect(sniffCompression(new Uint8Array())).toBe('none')
})

test('chainIdsOf() covers each layer with all below it (image-spec, the example of config.md)', () => {
  const ids = ['1', '2', '3'].map(each => `sha256:${each.repeat(64)}`) as unknown as Digest[]
  const hash = (text: string) => new Bun.CryptoHasher('sha256').update(text).digest('hex')
  const [first, second, third] = chainIdsOf(ids, hash)
  expect(first as string).toBe(ids[0] as string)
  expect(second as string).toBe(`sha256:${hash(`${ids[0]} ${ids[1]}`)}`)
  expect(third as string).toBe(`sha256:${hash(`${second} ${ids[2]}`)}`)
})

test('parseImageConfig() takes what Go writes and refuses what cannot be', () => {
  const text = (value: object) =>
    JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [digest] }, ...value })
  const parsed = parseImageConfig(
    text({ config: { Cmd: null, Env: ['A=b'], Healthcheck: { Test: ['NONE'], Interval: 3e10 } }, history: null }),
    'config',
    1,
  )
  expect(parsed.config).toMatchObject({ Env: ['A=b'], Healthcheck: { Interval: 3e10 } })
  expect(parsed.config?.Cmd).toBeUndefined()
  expect(parseImageConfig(text({ rootfs: { type: 'layers', diff_ids: null } }), 'config', 0).rootfs.diff_ids).toEqual(
    [],
  )
  expect(() => parseImageConfig(text({}), 'config', 2)).toThrow('1 diff ids for 2 layers')
  expect(() => parseImageConfig(text({ config: { Env: 'A=b' } }), 'config')).toThrow('config.config.Env')
  expect(() => parseImageConfig(text({ rootfs: { type: 'layers', diff_ids: ['x'] } }), 'config')).toThrow('diff_ids[0]')
  expect(() => parseImageConfig(text({ rootfs: { type: 'squash', diff_ids: [] } }), 'config')).toThrow(
    'must be "layers"',
  )
  expect([createdMs({ created: '1970-01-01T00:00:01Z' }), createdMs({ created: 'soon' }), createdMs({})]).toEqual([
    1000, 0, 0,
  ])
})

test('parseDigest() names what it checks', () => {
  expect(() => parseDigest(5, 'config.digest')).toThrow('config.digest is "5"')
  expect(() => parseDigest(`sha256:${'g'.repeat(64)}`)).toThrow('64 hexadecimal digits')
})
