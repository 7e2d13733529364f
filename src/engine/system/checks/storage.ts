// Checks: overlay, FUSE, and the file system that holds the store.

import type { StorageSettings } from '#config/storage.ts'
import type { Check } from '#engine/contracts/system.ts'
import type { FilesystemFacts } from '#host/filesystem.ts'
import { type KernelRelease, kernelFeatures, kernelHas } from '#host/kernel.ts'
import type { Obstacle } from '#host/obstacle.ts'
import { administrator, checking, you } from './check.ts'

/** What came of mounting overlay in the user's namespace. */
export type OverlayProbe = { works: true } | { works: false; reason: string } | { works: 'untried'; reason: string }

/** Kernel overlay, as tried; by version alone where nobody tried. */
export function checkOverlay(kernel: KernelRelease, probe: OverlayProbe | undefined): Check {
  const check = checking('kernel overlay', "it makes a container's root file system from layers without copying them")
  const byVersion = kernelHas('overlayInUserNamespace', kernel)
  const since = kernelFeatures.overlayInUserNamespace.since.join('.')
  const newer = administrator(`boot kernel ${since} or later; until then fuse-overlayfs serves`)
  if (probe === undefined)
    return byVersion
      ? check.skip(`kernel ${kernel.text} should have it; it was not tried`)
      : check.warn(`kernel ${kernel.text} is older than ${since}, the first with overlay in user namespaces`, newer)
  if (probe.works === 'untried') return check.skip(`not tried: ${probe.reason}`)
  if (probe.works) return check.ok(`kernel ${kernel.text} mounts it in your user namespace`)
  return check.warn(`mounting it failed: ${probe.reason}`, byVersion ? undefined : newer)
}

/** /dev/fuse and fuse-overlayfs: needed only where the kernel's overlay does not serve. */
export function checkFuse(
  device: Obstacle | undefined,
  program: string | undefined,
  install: string,
  isNeeded: boolean,
): [Check, Check] {
  const deviceCheck = checking('/dev/fuse', 'fuse-overlayfs serves where the kernel cannot mount overlay for you')
  const programCheck = checking('fuse-overlayfs', 'it serves where the kernel cannot mount overlay for you')
  const lacking = isNeeded ? 'fail' : 'warn'
  return [
    device === undefined ? deviceCheck.ok('opens') : deviceCheck[lacking](device.found, device.mend),
    program === undefined ? programCheck[lacking]('not found', administrator(install)) : programCheck.ok(program),
  ]
}

const fewBytes = 2 * 2 ** 30
const fewInodes = 100_000

/** The file system of the store: its kind, its room. */
export function checkStore(
  storage: StorageSettings,
  facts: FilesystemFacts,
  { isWritable, localFolder }: { isWritable: boolean; localFolder: string | undefined },
): Check {
  const { graphRoot, graphRootReason, avoidedFilesystem } = storage
  const check = checking('store', 'images, containers and volumes lie there, with files of your subordinate ids')
  const elsewhere = you(
    localFolder === undefined || graphRootReason !== undefined
      ? 'put graphroot = "/a/local/folder" under [storage] into ~/.config/containers/storage.conf'
      : `mkdir -m 0700 ${localFolder}; test -O ${localFolder} && export XDG_DATA_HOME=${localFolder}`,
  )
  if (!isWritable) return check.fail(`"${graphRoot}" (${facts.kind}) cannot be written by you`, elsewhere)
  if (facts.isNetwork)
    return check.fail(`"${graphRoot}" is on ${facts.kind}: a file server does not know your subordinate ids`, elsewhere)
  if (avoidedFilesystem !== undefined)
    return check.warn(`"${graphRoot}", since ${graphRootReason}; what is there is on this machine only`, elsewhere)
  if (facts.kind === 'tmpfs' || facts.kind === 'ramfs')
    return check.warn(`"${graphRoot}" is on ${facts.kind}: it takes memory, and a restart empties it`, elsewhere)
  if (facts.freeBytes < fewBytes)
    return check.warn(`"${graphRoot}" (${facts.kind}) has ${gib(facts.freeBytes)} free`, you('tspod system prune'))
  if (facts.totalInodes > 0 && facts.freeInodes < fewInodes)
    return check.warn(
      `"${graphRoot}" (${facts.kind}) has room for ${facts.freeInodes} files only (inodes)`,
      you('tspod system prune'),
    )
  return check.ok(`"${graphRoot}" (${facts.kind}), ${gib(facts.freeBytes)} free`)
}

function gib(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`
}
