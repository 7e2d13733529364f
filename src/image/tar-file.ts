// A tar archive of one file. Pure: the same file makes the same bytes.
import { byteName } from '#sys/byte-name.ts'
import { tarEnd, tarHeader, tarPadding } from './tar-writer.ts'

/** It belongs to root and was changed in 1970. */
export async function* packFile(path: string, mode: number, content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield tarHeader({
    type: 'file',
    path: byteName(path),
    linkPath: '',
    mode,
    uid: 0,
    gid: 0,
    userName: '',
    groupName: '',
    size: content.byteLength,
    modified: { seconds: 0, nanoseconds: 0 },
    deviceMajor: 0,
    deviceMinor: 0,
  })
  yield content
  yield tarPadding(content.byteLength)
  yield tarEnd
}
