// A store of its own for tests of verbs that only look: containers and images as files, and the part of the engine that finds them.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeExitRecord } from '#container/exit-record.ts'
import { claimName } from '#container/name-index.ts'
import { type ContainerRecord, containerDir, newContainerId, writeRecord } from '#container/record.ts'
import { markRunning } from '#container/running-index.ts'
import { thisMachine, thisProcess, writeState } from '#container/state.ts'
import type { Engine } from '#engine/open.ts'
import { sha256Hex } from '#host/bun.ts'
import { digestOfBytes, writeBlob } from '#image/blobs.ts'
import { ensureLayout } from '#image/layout.ts'
import { ImageStore } from '#image/store.ts'
import type { StoredImage } from '#image/stored-image.ts'
import { type ChainId, chainIdsOf, type Digest } from '#oci/digest.ts'
import { layerFolder } from '#storage/layer-paths.ts'

export class TestStore implements Disposable {
  readonly graphRoot = mkdtempSync(join(tmpdir(), 'tspod-store-'))
  readonly images = new ImageStore(this.graphRoot)
  #now = 1_700_000_000_000

  /** What the verbs under test use of the engine. */
  get engine(): Engine {
    const parts = {
      graphRoot: this.graphRoot,
      runRoot: join(this.graphRoot, 'run'),
      images: this.images,
      config: {
        containers: { netns: 'private' },
        network: { defaultNetwork: 'podman', defaultSubnet: '10.88.0.0/16' },
      },
      namespace: () => Promise.reject(new Error('no namespace is needed for this')),
    }
    return parts as unknown as Engine
  }

  /** A container that was created; each a second after the one before. */
  async container(name: string, changes: Partial<ContainerRecord> = {}): Promise<ContainerRecord> {
    const id = changes.id ?? newContainerId()
    const record = {
      version: 1,
      id,
      name,
      createdMs: (this.#now += 1000),
      request: { remove: true },
      storageDriver: 'overlay',
      mounts: [],
      network: { kind: 'none' },
      dependsOn: [],
      entrypoint: [],
      command: ['sh'],
      labels: {},
      ...changes,
    } as unknown as ContainerRecord
    mkdirSync(containerDir(this.graphRoot, id), { recursive: true })
    writeRecord(this.graphRoot, record)
    await claimName(this.graphRoot, name, id)
    return record
  }

  /** Its process is this test. */
  run({ id }: ContainerRecord): void {
    const folder = containerDir(this.graphRoot, id)
    markRunning(folder)
    const startedAt = '2026-01-02T03:04:05.000000000Z'
    writeState(folder, {
      version: 1,
      ...thisMachine(this.graphRoot),
      ...thisProcess(),
      monitor: thisProcess(),
      startedAt,
    })
  }

  exit({ id }: ContainerRecord, exitCode: number): void {
    const time = '2026-01-02T03:04:05.000000000Z'
    const facts = { oomKilled: false, startedAt: time, finishedAt: time, durationMs: 1 }
    writeExitRecord(containerDir(this.graphRoot, id), { version: 1, ...thisProcess(), exitCode, ...facts }, false)
  }

  damage({ id }: ContainerRecord): void {
    writeFileSync(join(containerDir(this.graphRoot, id), 'container.json'), '{')
  }

  /** An image with one layer for each text, and a step of history for each. */
  async image(name: string | undefined, layers: string[], labels: Record<string, string> = {}): Promise<StoredImage> {
    ensureLayout(this.graphRoot)
    const blobs = layers.map(text => ({
      digest: writeBlob(this.graphRoot, Buffer.from(text)),
      size: Buffer.byteLength(text),
    }))
    const config = {
      architecture: 'amd64',
      os: 'linux',
      created: new Date((this.#now += 1000)).toISOString(),
      config: { Labels: labels },
      rootfs: { type: 'layers', diff_ids: layers.map(diffIdOf) },
      history: layers.map(text => ({ created_by: text })),
    }
    const put = (value: unknown, mediaType: string) => {
      const bytes = Buffer.from(JSON.stringify(value))
      return { mediaType, digest: writeBlob(this.graphRoot, bytes), size: bytes.byteLength }
    }
    const mediaType = 'application/vnd.oci.image.manifest.v1+json'
    const manifest = {
      schemaVersion: 2,
      mediaType,
      config: put(config, 'application/vnd.oci.image.config.v1+json'),
      layers: blobs.map(blob => ({ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...blob })),
    }
    for (const chainId of chainOf(layers)) this.layer(chainId)
    const names = name === undefined ? [] : [name]
    return await this.images.add({ manifest: put(manifest, mediaType), names, sizeBytes: 10 * layers.length })
  }

  /** An unpacked layer. */
  layer(chainId: ChainId, parent?: ChainId): string {
    const folder = layerFolder(this.graphRoot, 'full', chainId)
    mkdirSync(join(folder, 'diff'), { recursive: true })
    writeFileSync(join(folder, 'layer.json'), JSON.stringify({ sizeBytes: 10, parent }))
    return folder
  }

  [Symbol.dispose](): void {
    rmSync(this.graphRoot, { recursive: true, force: true })
  }
}

const diffIdOf = (text: string): Digest => digestOfBytes(Buffer.from(`unpacked ${text}`))

/** The chain ids of an image with such layers. */
export function chainOf(layers: readonly string[]): ChainId[] {
  return chainIdsOf(layers.map(diffIdOf), sha256Hex)
}
