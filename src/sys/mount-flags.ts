// The flags of a mount as fstatfs(2) tells them (f_flags), in the numbers of mount(2).
import { MS_NOATIME, MS_NODIRATIME, MS_NOSYMFOLLOW, MS_RELATIME, MS_STRICTATIME } from './flags.ts'
import { call } from './servant/batch.ts'
import type { Servant } from './servant/servant.ts'

/** struct statfs on 64-bit processors: f_flags is its eleventh word. */
const STATFS_BYTES = 120
const FLAGS_OFFSET = 80

const ST_NOATIME = 1024
const ST_NODIRATIME = 2048
const ST_RELATIME = 4096
const ST_NOSYMFOLLOW = 8192
/** MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_SYNCHRONOUS: the same bits in both. */
const SAME = 31

/** MS_… of the mount that a servant's descriptor lies on. Throws a SystemCallError. */
export function mountFlagsIn(servant: Servant, fd: number): number {
  const facts = servant.fill(STATFS_BYTES, address => call('fstatfs', fd, address))
  const found = Number(facts.readBigUInt64LE(FLAGS_OFFSET))
  const has = (flag: number): boolean => (found & flag) !== 0
  const atime = has(ST_NOATIME) ? MS_NOATIME : has(ST_RELATIME) ? MS_RELATIME : MS_STRICTATIME
  return (found & SAME) | atime | (has(ST_NODIRATIME) ? MS_NODIRATIME : 0) | (has(ST_NOSYMFOLLOW) ? MS_NOSYMFOLLOW : 0)
}
