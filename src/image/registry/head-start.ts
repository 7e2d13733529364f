// An upload that begins while its blob is still being made, so that compressing and sending overlap. The blob's digest is not known
// yet, so what is sent may be for nothing; whoever has an earlier answer (a blob that is there, a neighbour to mount from) asks for none.
// Nothing here fails: where the registry wants it otherwise, the upload begins anew when the blob is whole. Host namespaces.
import { closeSync, createReadStream, openSync } from 'node:fs'
import { log } from '#log.ts'
import type { RegistrySession } from './session.ts'
import { nextLocation, pushScope } from './upload.ts'

const chunkBytes = 8 << 20

export class HeadStart {
  readonly #registry: RegistrySession
  readonly #repository: string
  readonly #signal: AbortSignal
  /** a descriptor: the file may have another name by now */
  #file: number | undefined
  #location: string | undefined
  #sent = 0
  #available = 0
  #hasFailed = false
  #sending: Promise<void> = Promise.resolve()
  #isSending = false

  constructor(registry: RegistrySession, repository: string, signal: AbortSignal) {
    this.#registry = registry
    this.#repository = repository
    this.#signal = signal
  }

  /** The file at `path` has so many bytes now; they do not change any more. */
  grow(path: string, bytes: number): void {
    this.#available = bytes
    if (this.#isSending || this.#hasFailed || bytes - this.#sent < chunkBytes) return
    this.#isSending = true
    this.#sending = this.#send(path)
      .catch((error: unknown) => {
        this.#hasFailed = true
        log.debug(`sending a layer while it is compressed: ${error instanceof Error ? error.message : String(error)}`)
      })
      .finally(() => (this.#isSending = false))
  }

  /** Waits for what is under way: where to go on, or `undefined` where it did not work. */
  async end(): Promise<{ location: string; offset: number } | undefined> {
    await this.#sending
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
    if (this.#hasFailed || this.#location === undefined || this.#sent === 0) return undefined
    return { location: this.#location, offset: this.#sent }
  }

  async #send(path: string): Promise<void> {
    const file = (this.#file ??= openSync(path, 'r'))
    const doing = `beginning to write a layer to ${this.#repository}`
    const common = { scope: pushScope(this.#repository), doing, signal: this.#signal }
    if (this.#location === undefined) {
      const path = `/v2/${this.#repository}/blobs/uploads/`
      const response = await this.#registry.attempt({
        method: 'POST',
        path,
        headers: { 'Content-Length': '0' },
        ...common,
      })
      await response.discard()
      if (response.status !== 202) throw new RangeError(`HTTP status ${response.status}`)
      if (Number(response.headers.get('oci-chunk-min-length') ?? 0) > chunkBytes)
        throw new RangeError('the registry wants larger chunks')
      this.#location = nextLocation(response, undefined, doing)
    }
    while (this.#available - this.#sent >= chunkBytes) {
      const [start, end] = [this.#sent, this.#sent + chunkBytes - 1]
      const response = await this.#registry.attempt({
        method: 'PATCH',
        path: this.#location,
        headers: { 'Content-Type': 'application/octet-stream', 'Content-Range': `${start}-${end}` },
        content: {
          size: chunkBytes,
          open: () => createReadStream(`/proc/self/fd/${file}`, { start, end, highWaterMark: 1 << 20 }),
        },
        ...common,
      })
      await response.discard()
      if (response.status < 200 || response.status > 299) throw new RangeError(`HTTP status ${response.status}`)
      this.#location = nextLocation(response, this.#location, doing)
      this.#sent = end + 1
    }
  }
}
