// worker:place: a tar archive on standard input is unpacked somewhere in a root file system. Inside the user's namespace, as its root.
import { ownerChanger, type RootIds } from '#storage/root-ids.ts'
import { openFile, readFd } from '#sys/fd.ts'
import { O_DIRECTORY, O_PATH } from '#sys/flags.ts'
import { type Placement, PlacingSink } from './copy-place.ts'
import { TarReader } from './tar-reader.ts'

export interface PlaceRequest {
  root: string
  placement: Placement
  /** what ids mean where the root file system belongs */
  ids?: RootIds
}

/** Unpacks all of it. */
export function placeWorker({ root, placement, ids }: PlaceRequest): void {
  process.umask(0)
  using top = openFile(root, O_PATH | O_DIRECTORY)
  using sink = new PlacingSink(top.number, placement, ids && ownerChanger(ids))
  const reader = new TarReader(sink)
  const buffer = Buffer.allocUnsafe(1 << 18)
  for (;;) {
    const count = readFd(0, buffer)
    if (count === 0) break
    reader.push(buffer.subarray(0, count))
  }
  reader.finish()
  sink.finish()
}
