// worker:unpack: a layer's compressed bytes on standard input become files in a staging folder. Inside the user's namespace, as its root.

import { createHash } from 'node:crypto'
import { closeSync, fsyncSync, openSync, read, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { TspodError } from '#errors.ts'
import { digestOf } from '#oci/digest.ts'
import type { LayerRecord } from '#storage/layer-record.ts'
import type { UnpackRequest } from '#storage/layer-store.ts'
import { syscall, trySyscall } from '#sys/call.ts'
import { openFile } from '#sys/fd.ts'
import { O_DIRECTORY, O_RDONLY } from '#sys/flags.ts'
import { decompress } from './decompress.ts'
import { TarReader } from './tar-reader.ts'
import { Unpacker } from './unpack.ts'

const readAsync = promisify(read)

const F_SETPIPE_SZ = 1031
const CHUNK_BYTES = 256 << 10

/** Unpacks, checks the diff id, writes layer.json and syncs; the layer is complete, and still invisible. */
export async function unpackWorker(request: UnpackRequest): Promise<LayerRecord> {
  process.umask(0)
  trySyscall('fcntl', 0, F_SETPIPE_SZ, 1 << 20) // fewer turns; the limit of pipe(7) may forbid it
  const { folder, diffId, parent, singleId } = request
  using root = openFile(`${folder}/diff`, O_RDONLY | O_DIRECTORY)
  // a folder with set-group-id above the store would pass its group on
  trySyscall('fchown', root.number, 0, 0)
  syscall('fchmod', root.number, 0o755)
  using unpacker = new Unpacker(root.number, {
    owners: singleId ? 'record' : 'give',
    layer: { hasParent: parent !== undefined },
  })
  const reader = new TarReader(unpacker)
  const hash = createHash('sha256')
  let archiveBytes = 0
  for await (const chunk of decompress(standardInput(), request.compression)) {
    hash.update(chunk)
    archiveBytes += chunk.byteLength
    reader.push(chunk)
  }
  reader.finish()
  unpacker.finish()
  const found = digestOf(hash.digest('hex'))
  if (found !== diffId)
    throw new TspodError('INVALID', `the unpacked layer has the digest "${found}", its image wants "${diffId}"`, {
      hint: 'the image was damaged or made wrongly; pull it again, or ask who made it',
    })
  const record: LayerRecord = {
    diffId,
    parent,
    sizeBytes: unpacker.sizeBytes,
    archiveBytes,
    entries: unpacker.entries,
    skippedDevices: unpacker.skippedDevices,
    skippedAttributes: [...unpacker.skippedAttributes],
    impliedFolders: unpacker.impliedFolders,
    hasOwners: unpacker.owners.length > 0,
  }
  if (record.hasOwners)
    writeFileSync(`${folder}/owners`, unpacker.owners.map(owner => `${JSON.stringify(owner)}\n`).join(''))
  writeFileSync(`${folder}/layer.json`, JSON.stringify(record))
  sync(folder)
  return record
}

/** One syncfs(2) for all files: a layer that is visible is on the disk. */
function sync(folder: string): void {
  const fd = openSync(folder, 'r')
  try {
    if (trySyscall('syncfs', fd) < 0) fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

async function* standardInput(): AsyncIterable<Uint8Array> {
  for (;;) {
    const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES)
    const { bytesRead } = await readAsync(0, buffer, 0, CHUNK_BYTES, null)
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
  }
}
