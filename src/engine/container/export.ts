// export: a container's whole root file system as a tar archive.
import { read } from 'node:fs'
import { promisify } from 'node:util'
import type { WriteChunk } from '#engine/contracts/image.ts'
import { openEngine } from '#engine/open.ts'
import { startRootWorker } from '#storage/root-worker.ts'
import { openPipe } from '#sys/fd.ts'
import { accessRoot } from './root-access.ts'
import { findOne } from './select.ts'

const readAsync = promisify(read)

/** The verb: without what is mounted on it, running or not. */
export async function exportContainer(name: string, write: WriteChunk): Promise<void> {
  const engine = await openEngine()
  const id = findOne(engine, name)
  const plan = await accessRoot(engine, id, false)
  const [reader, writer] = openPipe()
  using _reader = reader
  const request = { root: plan.root, path: '', as: '' }
  await using root = startRootWorker(await engine.namespace(), plan, 'pack', request, { stdout: writer.number })
  writer.close()
  await drain(reader.number, write)
  await root.worker.result()
  engine.journal({ type: 'container', status: 'export', id, name, attributes: {} })
}

/** Hands over what comes through a pipe until its end. */
export async function drain(fd: number, write: WriteChunk): Promise<void> {
  for (;;) {
    const buffer = Buffer.allocUnsafeSlow(1 << 18)
    const { bytesRead } = await readAsync(fd, buffer, 0, buffer.byteLength, null)
    if (bytesRead === 0) return
    await write(buffer.subarray(0, bytesRead))
  }
}
