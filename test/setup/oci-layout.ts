// Writes an OCI image layout by hand, so that tests can bring any bytes as a layer (image-spec, image-layout.md).
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

export interface LayoutLayer {
  /** An uncompressed tar archive. */
  tar: Uint8Array
  compression: 'gzip' | 'zstd' | 'none'
  /** What the configuration claims the tar hashes to; default: the truth. */
  diffId?: string
}

export interface LayoutImage {
  /** `org.opencontainers.image.ref.name` */
  name: string
  layers: LayoutLayer[]
  /** The `config` object of the image configuration: Cmd, Env, … */
  config: Record<string, unknown>
  architecture?: string
}

/** Go's name of this processor. */
const hostArchitecture = process.arch === 'arm64' ? 'arm64' : 'amd64'

export const sha256 = (bytes: Uint8Array | string): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`

const compressors: Record<LayoutLayer['compression'], [suffix: string, compress: (bytes: Uint8Array) => Uint8Array]> = {
  gzip: ['+gzip', bytes => gzipSync(bytes, { level: 6 })],
  zstd: ['+zstd', bytes => Bun.zstdCompressSync(bytes)],
  none: ['', bytes => bytes],
}

/** Adds the image to the layout at `folder`, which is made if it is not there. Returns the manifest's digest. */
export function writeOciLayout(folder: string, image: LayoutImage): string {
  const blobs = join(folder, 'blobs/sha256')
  mkdirSync(blobs, { recursive: true })
  const put = (mediaType: string, bytes: Uint8Array | string) => {
    const digest = sha256(bytes)
    writeFileSync(join(blobs, digest.slice('sha256:'.length)), bytes)
    return { mediaType, digest, size: Buffer.byteLength(bytes) }
  }
  const layers = image.layers.map(({ tar, compression }) => {
    const [suffix, compress] = compressors[compression]
    return put(`application/vnd.oci.image.layer.v1.tar${suffix}`, compress(tar))
  })
  const configuration = {
    created: '2024-01-01T00:00:00Z',
    architecture: image.architecture ?? hostArchitecture,
    os: 'linux',
    config: image.config,
    rootfs: { type: 'layers', diff_ids: image.layers.map(layer => layer.diffId ?? sha256(layer.tar)) },
    history: image.layers.map(() => ({ created: '2024-01-01T00:00:00Z', created_by: 'test fixture' })),
  }
  const config = put('application/vnd.oci.image.config.v1+json', JSON.stringify(configuration))
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const manifest = put(mediaType, JSON.stringify({ schemaVersion: 2, mediaType, config, layers }))
  const annotations = { 'org.opencontainers.image.ref.name': image.name }
  const index = { schemaVersion: 2, manifests: [...readIndex(folder), { ...manifest, annotations }] }
  writeFileSync(join(folder, 'index.json'), JSON.stringify(index))
  writeFileSync(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  return manifest.digest
}

function readIndex(folder: string): unknown[] {
  try {
    return (JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as { manifests: unknown[] }).manifests
  } catch {
    return []
  }
}
