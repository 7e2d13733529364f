// Mount option words of a spec as mount(2) and mount_setattr(2) take them. Pure.
import { TspodError } from '#errors.ts'
import * as flag from '#sys/flags.ts'

const MS_I_VERSION = 1 << 23
const MS_LAZYTIME = 1 << 25
const atimeFlags = flag.MS_NOATIME | flag.MS_RELATIME | flag.MS_STRICTATIME

/** mount_setattr(2), Linux 5.12 */
const MOUNT_ATTR_RDONLY = 1
const MOUNT_ATTR_NOSUID = 2
const MOUNT_ATTR_NODEV = 4
const MOUNT_ATTR_NOEXEC = 8
const MOUNT_ATTR__ATIME = 0x70
const MOUNT_ATTR_RELATIME = 0
const MOUNT_ATTR_NOATIME = 0x10
const MOUNT_ATTR_STRICTATIME = 0x20
const MOUNT_ATTR_NODIRATIME = 0x80
const MOUNT_ATTR_NOSYMFOLLOW = 0x200000

export interface MountFlags {
  /** MS_… to set, without MS_BIND, MS_REC, MS_REMOUNT and propagation */
  flags: number
  /** MS_… that the words take away (`rw`, `suid`, …); matters where a bind would otherwise keep the source's */
  clear: number
  /** `bind` or `rbind` */
  bind: boolean
  recursive: boolean
  remount: boolean
  /** MS_PRIVATE and its kin with MS_REC where recursive: one mount(2) each, after the mount */
  propagation: number[]
  /** what the file system itself is told, comma separated */
  data: string
  /** `tmpcopyup`: fill the tmpfs with what lies beneath */
  copyUp: boolean
  /** `rro` and its kin: MOUNT_ATTR_… for the whole tree with AT_RECURSIVE; `undefined` where no word asks for it */
  tree: { set: number; clear: number } | undefined
}

const setting: Record<string, number> = {
  ro: flag.MS_RDONLY,
  nosuid: flag.MS_NOSUID,
  nodev: flag.MS_NODEV,
  noexec: flag.MS_NOEXEC,
  sync: flag.MS_SYNCHRONOUS,
  mand: flag.MS_MANDLOCK,
  dirsync: flag.MS_DIRSYNC,
  nosymfollow: flag.MS_NOSYMFOLLOW,
  noatime: flag.MS_NOATIME,
  nodiratime: flag.MS_NODIRATIME,
  relatime: flag.MS_RELATIME,
  strictatime: flag.MS_STRICTATIME,
  silent: flag.MS_SILENT,
  iversion: MS_I_VERSION,
  lazytime: MS_LAZYTIME,
}

const clearing: Record<string, number> = {
  rw: flag.MS_RDONLY,
  suid: flag.MS_NOSUID,
  dev: flag.MS_NODEV,
  exec: flag.MS_NOEXEC,
  async: flag.MS_SYNCHRONOUS,
  nomand: flag.MS_MANDLOCK,
  symfollow: flag.MS_NOSYMFOLLOW,
  atime: flag.MS_NOATIME,
  diratime: flag.MS_NODIRATIME,
  norelatime: flag.MS_RELATIME,
  nostrictatime: flag.MS_STRICTATIME,
  loud: flag.MS_SILENT,
  noiversion: MS_I_VERSION,
  nolazytime: MS_LAZYTIME,
}

const propagating: Record<string, number> = {
  private: flag.MS_PRIVATE,
  shared: flag.MS_SHARED,
  slave: flag.MS_SLAVE,
  unbindable: flag.MS_UNBINDABLE,
}

const treeSetting: Record<string, number> = {
  rro: MOUNT_ATTR_RDONLY,
  rnosuid: MOUNT_ATTR_NOSUID,
  rnodev: MOUNT_ATTR_NODEV,
  rnoexec: MOUNT_ATTR_NOEXEC,
  rnodiratime: MOUNT_ATTR_NODIRATIME,
  rnosymfollow: MOUNT_ATTR_NOSYMFOLLOW,
}

const treeClearing: Record<string, number> = {
  rrw: MOUNT_ATTR_RDONLY,
  rsuid: MOUNT_ATTR_NOSUID,
  rdev: MOUNT_ATTR_NODEV,
  rexec: MOUNT_ATTR_NOEXEC,
  rdiratime: MOUNT_ATTR_NODIRATIME,
  rsymfollow: MOUNT_ATTR_NOSYMFOLLOW,
}

// An access time mode replaces the whole field, so it always clears it first.
const treeAtime: Record<string, number> = {
  rnoatime: MOUNT_ATTR_NOATIME,
  rrelatime: MOUNT_ATTR_RELATIME,
  ratime: MOUNT_ATTR_RELATIME,
  rnostrictatime: MOUNT_ATTR_RELATIME,
  rstrictatime: MOUNT_ATTR_STRICTATIME,
  rnorelatime: MOUNT_ATTR_STRICTATIME,
}

/**
 * What the option words of one mount mean, a later word over an earlier one (config.md, Linux mount options; mount(8)).
 * Words that are no flag go to the file system. Throws UNSUPPORTED for idmap.
 */
export function planMountFlags(options: readonly string[] = []): MountFlags {
  const plan: MountFlags = {
    flags: 0,
    clear: 0,
    bind: false,
    recursive: false,
    remount: false,
    propagation: [],
    data: '',
    copyUp: false,
    tree: undefined,
  }
  const data: string[] = []
  for (const word of options) if (!takeFlag(plan, word) && !takeTree(plan, word) && word !== '') data.push(word)
  plan.data = data.join(',')
  return plan
}

function takeFlag(plan: MountFlags, word: string): boolean {
  const set = setting[word]
  const clear = clearing[word]
  const propagation = propagating[word] ?? propagating[word.slice(1)]
  if (set !== undefined) {
    if ((set & atimeFlags) !== 0) plan.flags &= ~atimeFlags
    plan.flags |= set
    plan.clear &= ~set
  } else if (clear !== undefined) {
    plan.flags &= ~clear
    plan.clear |= clear
  } else if (word === 'bind' || word === 'rbind') {
    plan.bind = true
    plan.recursive = word === 'rbind'
  } else if (propagation !== undefined && (word in propagating || word.startsWith('r'))) {
    plan.propagation.push(propagation | (word in propagating ? 0 : flag.MS_REC))
  } else if (word === 'remount') plan.remount = true
  else if (word === 'tmpcopyup' || word === 'notmpcopyup') plan.copyUp = word === 'tmpcopyup'
  else if (word === 'idmap' || word === 'ridmap')
    throw new TspodError(
      'UNSUPPORTED',
      `mount option "${word}": idmapped mounts need privilege over the file system itself`,
    )
  else return word === 'defaults'
  return true
}

function takeTree(plan: MountFlags, word: string): boolean {
  const set = treeSetting[word]
  const clear = treeClearing[word]
  const atime = treeAtime[word]
  if (set === undefined && clear === undefined && atime === undefined) return false
  const tree = plan.tree ?? { set: 0, clear: 0 }
  if (atime !== undefined) tree.set = (tree.set & ~MOUNT_ATTR__ATIME) | atime
  if (atime !== undefined) tree.clear |= MOUNT_ATTR__ATIME
  tree.set = (tree.set | (set ?? 0)) & ~(clear ?? 0)
  tree.clear = (tree.clear | (clear ?? 0)) & ~(set ?? 0)
  plan.tree = tree
  return true
}

/** The 32 bytes of `struct mount_attr` for mount_setattr(2). */
export function encodeMountAttributes(tree: { set: number; clear: number }): Uint8Array {
  const view = new DataView(new ArrayBuffer(32))
  view.setBigUint64(0, BigInt(tree.set), true)
  view.setBigUint64(8, BigInt(tree.clear), true)
  return new Uint8Array(view.buffer)
}
