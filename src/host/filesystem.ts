// File systems by their kind and by what is left on them.
import { accessSync, constants, existsSync, readFileSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { errnoOf } from '#errors.ts'

export interface FilesystemFacts {
  /** `ext4`, `nfs`, `tmpfs` …; a hexadecimal number where it is not known by name. */
  kind: string
  /** Files are on other machines: locks may be weak, owners may be mapped, another node may use them at the same time. */
  isNetwork: boolean
  totalBytes: number
  freeBytes: number
  /** 0 total: the file system does not count them. */
  totalInodes: number
  freeInodes: number
}

// f_type of statfs(2), linux/magic.h and the file systems' own headers
const kinds: Record<number, string> = {
  0xef53: 'ext4',
  0x5846_5342: 'xfs',
  0x9123_683e: 'btrfs',
  0x2fc1_2fc1: 'zfs',
  0xf2f5_2010: 'f2fs',
  0xca45_1a4e: 'bcachefs',
  0x0102_1994: 'tmpfs',
  0x8584_58f6: 'ramfs',
  0x794c_7630: 'overlay',
  0x7371_7368: 'squashfs',
  0xe0f5_e1e2: 'erofs',
  0x9660: 'iso9660',
  0x4d44: 'vfat',
  0x2011_bab0: 'exfat',
  0x7366_746e: 'ntfs3',
  0xf15f: 'ecryptfs',
  0x6573_5546: 'fuse',
  0x6969: 'nfs',
  0xff53_4d42: 'cifs',
  0xfe53_4d42: 'cifs',
  0x517b: 'cifs',
  0x0bd0_0bd0: 'lustre',
  0x4750_4653: 'gpfs',
  0x00c3_6400: 'ceph',
  0x1983_0326: 'beegfs',
  0xaad7_aaea: 'panfs',
  0x2003_0528: 'orangefs',
  0x5346_414f: 'afs',
  0x6b41_4653: 'afs',
  0x0102_1997: '9p',
  0x0116_1970: 'gfs2',
  0x7461_636f: 'ocfs2',
  0x786f_4256: 'vboxsf',
}

const networkKinds = new Set([
  'nfs',
  'cifs',
  'lustre',
  'gpfs',
  'ceph',
  'beegfs',
  'panfs',
  'orangefs',
  'afs',
  '9p',
  'gfs2',
  'ocfs2',
  'vboxsf',
])

/** The name of a file system by its magic number (statfs(2), f_type). */
export function filesystemKind(magic: number): string {
  const unsigned = magic >>> 0 // some of them arrive as negative numbers
  return kinds[unsigned] ?? `0x${unsigned.toString(16)}`
}

export function isNetworkKind(kind: string): boolean {
  return networkKinds.has(kind)
}

/** Whether other machines may use the same files: nobody knows what is behind a program that serves a file system (sshfs, glusterfs). */
export function mayBeShared(kind: string): boolean {
  return isNetworkKind(kind) || kind === 'fuse'
}

/** The file system that holds `path`, or will hold it once it exists. Throws the `node:fs` error for other reasons than absence. */
export function filesystemOf(path: string): FilesystemFacts {
  for (let at = path; ; at = dirname(at)) {
    try {
      const facts = statfsSync(at)
      const kind = filesystemKind(facts.type)
      return {
        kind,
        isNetwork: isNetworkKind(kind),
        totalBytes: facts.blocks * facts.bsize,
        freeBytes: facts.bavail * facts.bsize,
        totalInodes: facts.files,
        freeInodes: facts.ffree,
      }
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' || at === dirname(at)) throw error
    }
  }
}

/** Whether this user can write into the folder, or make it where it does not exist yet (access(2): also on a read-only mount). */
export function canWriteInto(folder: string): boolean {
  let at = folder
  while (!existsSync(at) && at !== dirname(at)) at = dirname(at)
  try {
    accessSync(at, constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false // EACCES or EROFS: that is the answer
  }
}

/** One line of proc_pid_mountinfo(5). */
export interface MountInfo {
  root: string
  mountPoint: string
  options: string[]
  kind: string
  source: string
  superOptions: string[]
}

/** The lines of mountinfo in order; octal escapes in paths are undone. */
export function parseMountInfo(text: string): MountInfo[] {
  const mounts: MountInfo[] = []
  for (const line of text.split('\n')) {
    const [before = '', after] = line.split(' - ', 2)
    const [, , , root, mountPoint, options] = before.split(' ')
    if (root === undefined || mountPoint === undefined || options === undefined || after === undefined) continue
    const [kind = '', source = '', superOptions = ''] = after.split(' ')
    mounts.push({
      root: unescapePath(root),
      mountPoint: unescapePath(mountPoint),
      options: options.split(','),
      kind,
      source: unescapePath(source),
      superOptions: superOptions.split(','),
    })
  }
  return mounts
}

export function readMounts(): MountInfo[] {
  return parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8'))
}

/** The mount that an absolute path without symbolic links lies on: the last one whose mount point is a prefix of it. */
export function mountOf(path: string, mounts: readonly MountInfo[] = readMounts()): MountInfo | undefined {
  return mounts
    .filter(({ mountPoint }) => mountPoint === '/' || path === mountPoint || path.startsWith(`${mountPoint}/`))
    .reduce<MountInfo | undefined>(
      (best, mount) => (best !== undefined && best.mountPoint.length > mount.mountPoint.length ? best : mount),
      undefined,
    )
}

function unescapePath(text: string): string {
  return text.includes('\\')
    ? text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
    : text
}
