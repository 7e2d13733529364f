// The options of a tmpfs mount (tmpfs(5)), checked; podman's defaults where nothing was said.
import type { MountRequest } from '#container/request.ts'
import type { TspodError } from '#errors.ts'

const kinds: RegExp[] = [
  /^(ro|rw)$/,
  /^(no)?suid$/,
  /^(no)?dev$/,
  /^(no)?exec$/,
  /^(no)?sync$|^async$/,
  /^(strict|no|rel)?atime$/,
  /^(no)?diratime$/,
  /^r?(private|shared|slave)$/,
  /^size=[0-9]+[kmgtKMGT%]?$/,
  /^mode=[0-7]{1,5}$/,
  /^uid=[0-9]+$/,
  /^gid=[0-9]+$/,
  /^nr_inodes=[0-9]+[kmgKMG]?$/,
  /^nr_blocks=[0-9]+[kmgKMG]?$/,
  /^huge=(never|always|within_size|advise)$/,
]

/** A tmpfs request: at most one word of each kind, nosuid and nodev unless said otherwise. */
export function tmpfsRequest(destination: string, words: string[], refuse: (why: string) => TspodError): MountRequest {
  const chosen = new Map<RegExp, string>()
  let copyUp = true
  for (const word of words) {
    if (word === 'tmpcopyup' || word === 'notmpcopyup') {
      copyUp = word === 'tmpcopyup'
      continue
    }
    const kind = kinds.find(each => each.test(word))
    if (kind === undefined) throw refuse(`unknown option "${word}" for type tmpfs`)
    const before = chosen.get(kind)
    if (before !== undefined && before !== word) throw refuse(`"${before}" and "${word}" contradict each other`)
    chosen.set(kind, word)
  }
  const options = [...chosen.values()]
  if (!options.some(word => word === 'suid' || word === 'nosuid')) options.push('nosuid')
  if (!options.some(word => word === 'dev' || word === 'nodev')) options.push('nodev')
  return { type: 'tmpfs', destination, options, copyUp }
}
