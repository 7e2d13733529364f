// Reading and writing the files of a control group. Host namespaces.
import { closeSync, constants, openSync, readdirSync, readFileSync, rmdirSync, writeSync } from 'node:fs'
import { basename } from 'node:path'
import { errnoOf, TspodError } from '#errors.ts'
import { parseOwnGroup } from '#host/cgroup.ts'
import type { CgroupSetting } from './settings.ts'

/** The text of a file; `undefined` where the group or its controller is not there. */
export function readCgroupFile(folder: string, file: string): string | undefined {
  try {
    return readFileSync(`${folder}/${file}`, 'latin1')
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === 'ENOENT' || errno === 'ENODEV' || errno === 'EOPNOTSUPP') return undefined
    throw error
  }
}

/** The words of a file, none where it is not there. */
export function readCgroupWords(folder: string, file: string): string[] {
  return (readCgroupFile(folder, file) ?? '').split(/\s+/).filter(word => word !== '')
}

/** Writes a file, which must be there already. */
export function writeCgroupFile(folder: string, file: string, value: string): void {
  const fd = openSync(`${folder}/${file}`, constants.O_WRONLY) // some cannot be read
  try {
    writeSync(fd, value)
  } finally {
    closeSync(fd)
  }
}

/** Writes settings one after the other. Throws, naming the file and the value, at the first that the kernel refuses. */
export function writeSettings(folder: string, settings: readonly CgroupSetting[]): void {
  for (const setting of settings) {
    try {
      writeCgroupFile(folder, setting.file, setting.value)
    } catch (error) {
      if (setting.optional === true && errnoOf(error) === 'ENOENT') continue
      throw refused(setting, error)
    }
  }
}

function refused({ file, value }: CgroupSetting, error: unknown): TspodError {
  const errno = errnoOf(error) ?? String(error)
  const why: Record<string, string> = {
    ENOENT: 'this kernel does not have the file',
    EINVAL: 'the kernel does not take the value',
    ERANGE: 'the value is out of range',
    ENODEV: 'there is no such device',
    EBUSY: 'more than that is in use',
  }
  return new TspodError(
    errno === 'EINVAL' || errno === 'ERANGE' ? 'INVALID' : 'UNSUPPORTED',
    `writing "${value}" to ${file} of the container's cgroup: ${errno}${why[errno] === undefined ? '' : ` (${why[errno]})`}`,
    { cause: error },
  )
}

/** Has the kernel kill every process of a group (Linux 5.14; before, each by its number). Does nothing for a group that is gone. */
export function killCgroup(folder: string): void {
  try {
    writeCgroupFile(folder, 'cgroup.kill', '1')
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENODEV') throw error
    for (const pid of readCgroupWords(folder, 'cgroup.procs').map(Number)) killOne(pid)
  }
}

function killOne(pid: number): void {
  try {
    if (pid > 0) process.kill(pid, 'SIGKILL')
  } catch {
    // it has ended
  }
}

/** Stops or continues every process of a group, if it is there; done when the kernel has done so, or after a second. */
export async function freezeCgroup(folder: string, isFrozen: boolean): Promise<void> {
  try {
    writeCgroupFile(folder, 'cgroup.freeze', isFrozen ? '1' : '0')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENODEV') return
    throw error
  }
  const wanted = new RegExp(`^frozen ${isFrozen ? 1 : 0}$`, 'm')
  const deadline = performance.now() + 1000
  while (!wanted.test(readCgroupFile(folder, 'cgroup.events') ?? '') && performance.now() < deadline)
    await new Promise(resolve => setTimeout(resolve, 1))
}

/** Removes an empty group with the groups in it; waits a moment for processes that are just ending. False where it is in use. */
export async function removeCgroup(folder: string): Promise<boolean> {
  for (let tries = 0; tries < 100; tries++) {
    if (removeTree(folder)) return true
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  return false
}

function removeTree(folder: string): boolean {
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true }))
      if (entry.isDirectory() && !removeTree(`${folder}/${entry.name}`)) return false
    rmdirSync(folder)
    return true
  } catch (error) {
    if (errnoOf(error) === 'EBUSY') return false
    if (errnoOf(error) === 'ENOENT') return true
    throw error
  }
}

/** The group of a process that is in `folder` or in a group below it. */
export function groupOf(pid: number, folder: string): string {
  const group = parseOwnGroup(readCgroupFile(`/proc/${pid}`, 'cgroup') ?? '') ?? ''
  const at = group.lastIndexOf(`/${basename(folder)}/`)
  return at < 0 ? folder : folder + group.slice(at + basename(folder).length + 1)
}
