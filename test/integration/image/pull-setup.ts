// A store, a recording layer store and an environment of their own for tests of pulling.
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ProgressEvent } from '#image/progress.ts'
import { type PullImageOptions, type PullOutcome, pullImage } from '#image/pull.ts'
import { ImageStore } from '#image/store.ts'
import { RecordingLayers } from './recording-layers.ts'

/** Bytes that do not compress: what is sent is as long as what it unpacks to. */
export const tarOf = (bytes: number): Buffer => randomBytes(bytes)

export class PullSetup implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'tspod-pull-'))
  readonly store = new ImageStore(join(this.folder, 'store'))
  readonly layers = new RecordingLayers()
  readonly events: ProgressEvent[] = []
  readonly #env: NodeJS.ProcessEnv = { ...process.env }

  constructor() {
    for (const name of [
      'HTTP_PROXY',
      'http_proxy',
      'HTTPS_PROXY',
      'https_proxy',
      'NO_PROXY',
      'no_proxy',
      'SSL_CERT_FILE',
    ])
      delete process.env[name]
    this.write('registries.conf', 'unqualified-search-registries = ["docker.io"]\n')
    this.write('auth.json', '{}')
    process.env.CONTAINERS_REGISTRIES_CONF = join(this.folder, 'registries.conf')
    process.env.REGISTRY_AUTH_FILE = join(this.folder, 'auth.json')
  }

  write(name: string, text: string): string {
    writeFileSync(join(this.folder, name), text)
    return join(this.folder, name)
  }

  async pull(name: string, options: Partial<PullImageOptions> = {}): Promise<PullOutcome> {
    return await pullImage(this.store, this.layers, name, {
      policy: 'always',
      host: { os: 'linux', architecture: 'amd64' },
      tlsVerify: false,
      retryDelayMs: 1,
      onProgress: event => this.events.push(event),
      ...options,
    })
  }

  get notes(): string[] {
    return this.events.flatMap(event => (event.kind === 'note' ? [event.text] : []))
  }

  /** Names in a folder of the store, sorted. */
  files(folder: string): string[] {
    return readdirSync(join(this.store.root, folder)).sort()
  }

  [Symbol.dispose](): void {
    for (const name of Object.keys(process.env)) if (!(name in this.#env)) delete process.env[name]
    Object.assign(process.env, this.#env)
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** The error that a promise is rejected with; fails where it is not. */
export async function failureOf(promise: Promise<unknown>): Promise<Error & { code?: string; hint?: string }> {
  try {
    await promise
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('it did not fail')
}
