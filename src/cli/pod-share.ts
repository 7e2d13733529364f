// `--share` of pod create. Pure.
import { type PodNamespace, podNamespaces } from '#container/pod/request.ts'
import { TspodError } from '#errors.ts'

export const sharedByDefault: readonly PodNamespace[] = ['ipc', 'net', 'uts']

/** `ipc,net`; `none` or nothing; `+pid` adds to what is shared by default. Throws INVALID, in podman's words. */
export function parseShare(text: string): PodNamespace[] {
  const isMore = text.startsWith('+')
  const words = (isMore ? text.slice(1) : text).split(',').filter(word => word !== '' && word !== 'none')
  const named = words.map(word => {
    const found = podNamespaces.find(each => each === word)
    if (found === undefined)
      throw new TspodError(
        'INVALID',
        `invalid kernel namespace to share: ${word}. Options are: cgroup, ipc, net, pid, uts or none`,
      )
    return found
  })
  return [...new Set([...(isMore ? sharedByDefault : []), ...named])]
}
