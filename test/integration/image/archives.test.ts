// Images out of one store and into another, in every form; and through podman and skopeo, where they are installed.
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { execFileSync } from 'node:child_process'
import { createReadStream, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { openImageArchive, openImageStream } from '#image/archive-open.ts'
import { DirSink, DockerArchiveSink, OciLayoutSink } from '#image/archive-write.ts'
import { folderWriter, tarFileWriter } from '#image/archive-writers.ts'
import { type ConvertOptions, convertImage } from '#image/convert.ts'
import { newImageSource, writeLayerFile } from '#image/new-image.ts'
import { receiveImage } from '#image/receive.ts'
import type { ImageSink, ImageSource } from '#image/source.ts'
import { ImageStore } from '#image/store.ts'
import { openLayerStore } from '#storage/layer-store.ts'
import { fullWish, openTestStore, type TestStore } from '#test/integration/storage/_store.ts'
import { needs } from '#test/needs.ts'
import { archive, entry } from '#test/unit/image/_tar.ts'

const test = needs('user', 'userns', 'subids')
const name = 'docker.io/library/sample:1'
const folder = mkdtempSync(join(tmpdir(), 'archives-'))
let store: TestStore
let id = ''
let scratches = 0

beforeAll(async () => {
  const wish = fullWish()
  if (wish === undefined) return
  store = await openTestStore(wish)
  id = await receive(store, await sampleSource('gzip'), [name])
})
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await store?.[Symbol.asyncDispose]()
})

function scratch(): string {
  const path = join(folder, `scratch-${scratches++}`)
  mkdirSync(path)
  return path
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}

async function sampleSource(compression: 'gzip' | 'zstd'): Promise<ImageSource> {
  const bytes = archive(entry('etc', { type: 'directory' }), [entry('etc/hello', { uid: 7 }), 'hello '.repeat(20_000)])
  const packed = compression === 'gzip' ? gzipSync(bytes) : zstdCompressSync(bytes)
  const layer = await writeLayerFile(once(packed), scratch(), 'sample')
  return newImageSource(layer, {
    platform: { os: 'linux', architecture: 'amd64' },
    execution: { Cmd: ['/bin/sh'], Labels: { a: 'b' } },
    createdBy: 'test',
    created: new Date(1_700_000_000_000),
  })
}

async function receive(into: TestStore, source: ImageSource, names: readonly string[]): Promise<string> {
  const { graphRoot, openNamespace } = into
  const image = await receiveImage(source, {
    store: new ImageStore(graphRoot),
    layers: openLayerStore({ graphRoot, mode: 'full', openNamespace }),
    names,
    platform: { os: 'linux', architecture: 'amd64' },
    isPlatformWanted: false,
    parallel: 2,
    onProgress: () => undefined,
    signal: new AbortController().signal,
  })
  return image.id
}

async function save(sink: ImageSink, options: Omit<ConvertOptions, 'scratch'>): Promise<void> {
  const images = new ImageStore(store.graphRoot)
  const { image } = await images.resolve(name)
  const { manifest, config } = images.open(image)
  const stored = { digest: image.digest, manifest, diffIds: config.rootfs.diff_ids }
  const converted = await convertImage(store.graphRoot, stored, { ...options, scratch: scratch() })
  await using _sink = sink
  for (const { descriptor, open } of converted.blobs) await sink.putBlob(descriptor, open)
  await sink.putManifest(converted.manifest, [name])
  await sink.finish()
}

const forms: [string, () => Promise<ImageSink> | ImageSink, Omit<ConvertOptions, 'scratch'>, boolean][] = [
  [
    'docker-archive',
    async () => new DockerArchiveSink(await tarFileWriter(join(folder, 'docker.tar'))),
    { family: 'docker', layers: 'plain' },
    true,
  ],
  [
    'oci-archive',
    async () => new OciLayoutSink(await tarFileWriter(join(folder, 'oci.tar'))),
    { family: 'oci', layers: 'stored' },
    true,
  ],
  [
    'oci-archive, plain',
    async () => new OciLayoutSink(await tarFileWriter(join(folder, 'plain.tar'))),
    { family: 'oci', layers: 'plain' },
    true,
  ],
  [
    'oci-dir',
    () => new OciLayoutSink(folderWriter(join(folder, 'oci-dir'))),
    { family: 'oci', layers: 'stored' },
    true,
  ],
  [
    'docker-dir',
    () => new DirSink(folderWriter(join(folder, 'docker-dir'))),
    { family: 'docker', layers: { format: 'gzip', level: 4, keep: 'same' } },
    false,
  ],
]
const pathOf = (form: string): string =>
  join(
    folder,
    { 'docker-archive': 'docker.tar', 'oci-archive': 'oci.tar', 'oci-archive, plain': 'plain.tar' }[form] ?? form,
  )

describe('an image saved and loaded is the same image', () => {
  for (const [form, open, options, keepsNames] of forms)
    test(form, async () => {
      await save(await open(), options)
      await using other = await openTestStore(fullWish() ?? never())
      await using loaded = await openImageArchive(pathOf(form), scratch())
      expect(loaded.images.map(({ names }) => names)).toEqual([keepsNames ? [name] : []])
      const [image = never()] = loaded.images
      expect(await receive(other, image.source, image.names)).toBe(id)
    })
})

test('the same image always makes the same archive', async () => {
  const again = join(folder, 'again.tar')
  await save(new DockerArchiveSink(await tarFileWriter(again)), { family: 'docker', layers: 'plain' })
  expect(readFileSync(again).equals(readFileSync(pathOf('docker-archive')))).toBe(true)
})

test('archives may be compressed, and come through a pipe', async () => {
  for (const packed of [
    gzipSync(readFileSync(pathOf('docker-archive'))),
    zstdCompressSync(readFileSync(pathOf('oci-archive'))),
  ]) {
    const path = join(folder, 'packed')
    writeFileSync(path, packed)
    await using stream = await openImageStream(createReadStream(path, { highWaterMark: 1000 }), scratch())
    await using file = await openImageArchive(path, scratch())
    expect([stream.images[0]?.names, file.images[0]?.names]).toEqual([[name], [name]])
  }
})

describe('what is no archive of images', () => {
  const cases: [string, () => Buffer, string, string][] = [
    ['xz', () => Buffer.from('\xfd7zXZ\0and so on', 'latin1'), 'UNSUPPORTED', 'compressed with xz'],
    ['a root file system', () => archive(entry('etc/passwd')), 'INVALID', 'holds no image'],
    ['text', () => Buffer.alloc(5000, 'text'), 'INVALID', 'checksum'],
    ['nothing', () => Buffer.alloc(0), 'INVALID', 'holds no image'],
    ['half an archive', () => readFileSync(pathOf('docker-archive')).subarray(0, 20_000), 'INVALID', 'cut off'],
    [
      'a manifest that names files elsewhere',
      () => archive([entry('manifest.json'), '[{"Config":"../../etc/passwd","Layers":[]}]']),
      'NOT_FOUND',
      '../../etc/passwd',
    ],
    [
      'a layer that is a link to nowhere',
      () =>
        archive(
          [entry('manifest.json'), '[{"Config":"c","Layers":[]}]'],
          entry('c', { type: 'symlink', linkPath: '/etc/passwd' }),
        ),
      'NOT_FOUND',
      'no file "c"',
    ],
  ]
  for (const [what, make, code, words] of cases)
    test(`${what} is refused: ${words}`, async () => {
      const path = join(folder, 'bad')
      writeFileSync(path, make())
      const failure = await (async () => {
        await using opened = await openImageArchive(path, scratch())
        await receive(store, opened.images[0]?.source ?? never(), [])
      })().catch((error: unknown) => error)
      expect(failure).toMatchObject({ code, message: expect.stringContaining(words) })
    })
})

test('a layer that was changed in the archive is refused, and nothing of it is kept', async () => {
  const bytes = readFileSync(pathOf('docker-archive'))
  const at = bytes.indexOf('hello hello')
  bytes[at] = 0x48
  const path = join(folder, 'changed.tar')
  writeFileSync(path, bytes)
  await using other = await openTestStore(fullWish() ?? never())
  await using opened = await openImageArchive(path, scratch())
  const failure = await receive(other, opened.images[0]?.source ?? never(), [name]).catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'INVALID' })
  expect(new ImageStore(other.graphRoot).list()).toEqual([])
})

test('a folder that is written has no temporary files, an archive that failed is not there', async () => {
  const path = join(folder, 'failed.tar')
  {
    await using sink = new OciLayoutSink(await tarFileWriter(path))
    await sink
      .putBlob({ mediaType: 'x', digest: 'sha256:00' as never, size: 5 }, () => once(Buffer.from('abc')))
      .catch(() => undefined)
  }
  expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined()
})

const skopeo = needs('user', 'userns', 'subids', 'skopeo')
skopeo('skopeo reads what we save', () => {
  for (const [transport, form] of [
    ['docker-archive', 'docker-archive'],
    ['oci-archive', 'oci-archive'],
    ['oci', 'oci-dir'],
    ['dir', 'docker-dir'],
  ] as const) {
    const config = execFileSync('skopeo', ['inspect', '--config', '--raw', `${transport}:${pathOf(form)}`])
    expect(new Bun.CryptoHasher('sha256').update(config).digest('hex')).toBe(id)
  }
})

skopeo(
  'we read what skopeo writes',
  async () => {
    for (const [transport, path, reference] of [
      ['docker-archive', join(folder, 's.tar'), ':docker.io/library/sample:1'],
      ['oci-archive', join(folder, 's-oci.tar'), ':docker.io/library/sample:1'],
      ['oci', join(folder, 's-oci'), ':docker.io/library/sample:1'],
      ['dir', join(folder, 's-dir'), ''],
    ] as const) {
      execFileSync('skopeo', [
        '--insecure-policy',
        'copy',
        '-q',
        `oci:${pathOf('oci-dir')}`,
        `${transport}:${path}${reference}`,
      ])
      await using other = await openTestStore(fullWish() ?? never())
      await using opened = await openImageArchive(path, scratch())
      const [image = never()] = opened.images
      expect([transport, image.names]).toEqual([transport, transport === 'dir' ? [] : [name]])
      expect([transport, await receive(other, image.source, image.names)]).toEqual([transport, id])
    }
  },
  60_000,
)

function never(): never {
  throw new Error('there should be one')
}
