// The flag that keeps ext4 from making a new tree among the inodes of a removed one; whatever the file system, setting it harms nothing.
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { syscall } from '#sys/call.ts'
import { openFile } from '#sys/fd.ts'
import { O_DIRECTORY, O_RDONLY } from '#sys/flags.ts'
import { spreadSubfolders } from '#sys/inode-flags.ts'

const EXT4 = 0xef53
const FS_IOC_GETFLAGS = 0x8008_6601
const FS_TOPDIR_FL = 0x0002_0000

const folder = mkdtempSync(join(homedir(), '.inode-flags-'))
afterAll(() => rmSync(folder, { recursive: true }))

function flagsOf(path: string): number {
  using fd = openFile(path, O_RDONLY | O_DIRECTORY)
  const flags = new Uint32Array(2)
  syscall('ioctl', fd.number, FS_IOC_GETFLAGS, flags)
  return flags[0] ?? 0
}

test.skipIf(statfsSync(folder).type !== EXT4)(
  'spreadSubfolders() sets the flag on ext4, keeps the others, twice',
  () => {
    const before = flagsOf(folder)
    expect(before & FS_TOPDIR_FL).toBe(0)
    spreadSubfolders(folder)
    spreadSubfolders(folder)
    expect(flagsOf(folder)).toBe(before | FS_TOPDIR_FL)
  },
)

test('spreadSubfolders() harms nothing where the file system knows no such flag', () => {
  spreadSubfolders('/proc/self')
  spreadSubfolders(folder)
  writeFileSync(join(folder, 'file'), '')
  expect(readdirSync(folder)).toEqual(['file'])
})
