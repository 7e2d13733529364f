// A folder that files are taken from or put into, and that no path leads out of.
import { readlinkSync } from 'node:fs'
import { byteName } from '#sys/byte-name.ts'
import { Fd, openFile } from '#sys/fd.ts'
import { O_DIRECTORY, O_PATH, O_RDONLY } from '#sys/flags.ts'
import { findBeneath } from '#sys/open-beneath.ts'

export class RootFolder extends Fd {
  /** Where a path beneath it really is, links followed; `undefined` where there is nothing. */
  realPath(path: string): string | undefined {
    using found = findBeneath(this.number, byteName(path), O_PATH)
    return found === undefined ? undefined : readlinkSync(`/proc/self/fd/${found.number}`)
  }
}

/** Opens it. */
export function openRoot(path: string): RootFolder {
  return new RootFolder(openFile(path, O_RDONLY | O_DIRECTORY).take())
}
