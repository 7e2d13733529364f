// The mounts of a spec, in order (config.md, Mounts). What is bound is opened by the stager, in the user's namespace; process 1 only
// moves it into place, so it needs no way to the source of its own. Pure.
import { TspodError } from '#errors.ts'
import type { MountSpec } from '#oci/runtime-spec.ts'
import { FIRST_TREE, TARGET } from '#runtime/slots.ts'
import { joinCalls, type Step } from '#runtime/step.ts'
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_RECURSIVE,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_EMPTY_PATH,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_RELATIME,
  MS_SHARED,
  MS_SLAVE,
  MS_STRICTATIME,
  MS_UNBINDABLE,
  O_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
} from '#sys/flags.ts'
import { type Call, call } from '#sys/servant/batch.ts'
import { encodeMountAttributes, type MountFlags, planMountFlags } from './mounts.ts'
import { openBeneath, placeAt, quoted, targetCalls } from './paths.ts'

/** What the plan must know of this machine; looked up beforehand. */
export interface MountFacts {
  /** Whether a bind's source is a folder. */
  isFolder(source: string): boolean
  /** The descriptor of a source that is open as a tree already: a mount of another container. */
  openedTree?(source: string): number | undefined
}

/** The steps of one mount: some for the stager before process 1 exists, the rest for process 1. */
export interface MountPlan {
  stager: Step[]
  init: Step[]
}

/** Decides every mount, in order. */
export function planMounts(mounts: readonly MountSpec[], facts: MountFacts): MountPlan {
  const plans = mounts.map((mount, index) => planMount(mount, FIRST_TREE + index, facts))
  return { stager: plans.flatMap(plan => plan.stager), init: plans.flatMap(plan => plan.init) }
}

function planMount(mount: MountSpec, slot: number, facts: MountFacts): MountPlan {
  const flags = planMountFlags(mount.options)
  return flags.bind || mount.type === 'bind' ? planBind(mount, flags, slot, facts) : planFileSystem(mount, flags)
}

function planBind(mount: MountSpec, flags: MountFlags, slot: number, facts: MountFacts): MountPlan {
  const source = mount.source ?? ''
  const isFolder = facts.isFolder(source)
  const make = isFolder ? makeFolderText(mount.destination) : makeFileText(mount.destination)
  const verb = flags.recursive ? '--rbind' : '--bind'
  const shell = `${make}; mount ${verb}${optionText(mount)} ${quoted(source)} .${quoted(mount.destination)}`
  const doing = `binding "${source}" to "${mount.destination}"`
  const recursive = flags.recursive ? AT_RECURSIVE : 0
  const tree = facts.openedTree?.(source)
  const open: Call[] =
    tree === undefined
      ? [call('open_tree', AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | recursive), ...placeAt(0, slot)]
      : [call('dup3', tree, slot, O_CLOEXEC)]
  // private unless asked otherwise: what the host mounts later, or the container, stays where it is (podman-run(1), --volume)
  const propagation = flags.propagation.length === 0 ? [MS_PRIVATE | MS_REC] : flags.propagation
  for (const kind of propagation)
    open.push(setAttributes(slot, (kind & MS_REC) !== 0 ? AT_RECURSIVE : 0, 0n, 0n, BigInt(kind & PROPAGATION)))
  const { set, clear } = attributesOf(flags)
  if (set !== 0n || clear !== 0n) open.push(setAttributes(slot, 0, set, clear))
  if (flags.tree !== undefined)
    open.push(
      call('mount_setattr', slot, '', AT_EMPTY_PATH | AT_RECURSIVE, { memory: encodeMountAttributes(flags.tree) }, 32),
    )
  return {
    stager: [
      { actor: 'stager', doing, shell: '', calls: open, ...(!flags.recursive && { hints: sourceHints(source) }) },
    ],
    init: [
      {
        actor: 'init',
        doing,
        shell,
        hints: kindHints(source, mount.destination, isFolder),
        target: { path: mount.destination, kind: isFolder ? 'folder' : 'file' },
        calls: [...targetCalls(mount.destination, isFolder ? 'folder' : 'file'), moveTo(slot)],
      },
    ],
  }
}

/** A user namespace may not see what mounts made outside of it cover (mount_namespaces(7)). */
function sourceHints(source: string): Record<string, string> {
  if (source.startsWith('/usr/share/zoneinfo/'))
    return { ENOENT: 'there is no such time zone here: `ls /usr/share/zoneinfo` shows them (package tzdata)' }
  return { EINVAL: `what is mounted below "${source}" cannot be left out: bind it recursively, which is the default` }
}

/** What the kernel means when file and folder do not go together. */
function kindHints(source: string, destination: string, isFolder: boolean): Record<string, string> {
  return isFolder
    ? { ENOTDIR: `"${source}" is a folder, and what the container has at "${destination}" is none` }
    : { EINVAL: `"${source}" is no folder, and what the container has at "${destination}" is one` }
}

/** Attaches the tree in `slot` at TARGET and closes it. */
export function moveTo(slot: number): Call {
  return call('move_mount', slot, '', TARGET, '', MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH)
}

function planFileSystem(mount: MountSpec, flags: MountFlags): MountPlan {
  const type = mount.type === 'cgroup' ? 'cgroup2' : (mount.type ?? 'none')
  const source = mount.source ?? type
  const calls = joinCalls([
    targetCalls(mount.destination, 'folder'),
    [call('fchdir', TARGET), call('mount', source, '.', type, flags.flags, flags.data === '' ? null : flags.data)],
    ...flags.propagation.map(kind => propagate(mount.destination, kind)),
  ])
  const target = `.${quoted(mount.destination)}`
  const shell = `${makeFolderText(mount.destination)}; mount -t ${type}${optionText(mount)} ${quoted(source)} ${target}`
  const step: Step = {
    actor: 'init',
    doing: `mounting ${type} on "${mount.destination}"`,
    shell,
    calls,
    target: { path: mount.destination, kind: 'folder' },
  }
  if (!flags.copyUp) return { stager: [], init: [step] }
  if (type !== 'tmpfs')
    throw new TspodError('INVALID', `mounting ${type} on "${mount.destination}": "tmpcopyup" is for tmpfs only`)
  const copyUp = { destination: mount.destination, flags }
  return { stager: [], init: [{ ...step, shell: copyUpText(mount), copyUp }] }
}

/** Propagation of a new file system: reached through a fresh descriptor, since TARGET is what lies beneath it. */
function propagate(destination: string, kind: number): Call[] {
  return [
    openBeneath(destination, O_PATH | O_DIRECTORY),
    ...placeAt(0, TARGET),
    call('fchdir', TARGET),
    call('mount', null, '.', null, kind, null),
  ]
}

const PROPAGATION = MS_PRIVATE | MS_SLAVE | MS_SHARED | MS_UNBINDABLE

/** MOUNT_ATTR_… of mount_setattr(2) for MS_… */
const attributes: readonly (readonly [number, bigint])[] = [
  [MS_RDONLY, 1n],
  [MS_NOSUID, 2n],
  [MS_NODEV, 4n],
  [MS_NOEXEC, 8n],
  [MS_NODIRATIME, 0x80n],
  [MS_NOSYMFOLLOW, 0x200000n],
]
const ATIME_FIELD = 0x70n

function attributesOf({ flags, clear }: MountFlags): { set: bigint; clear: bigint } {
  let setBits = 0n
  let clearBits = 0n
  for (const [flag, bit] of attributes) {
    if ((flags & flag) !== 0) setBits |= bit
    if ((clear & flag) !== 0 && flag !== MS_RDONLY) clearBits |= bit // a read-only source stays so
  }
  if ((flags & (MS_NOATIME | MS_STRICTATIME | MS_RELATIME)) !== 0) {
    clearBits |= ATIME_FIELD
    if ((flags & MS_NOATIME) !== 0) setBits |= 0x10n
    if ((flags & MS_STRICTATIME) !== 0) setBits |= 0x20n
  }
  return { set: setBits, clear: clearBits }
}

/** mount_setattr(2) (Linux 5.12) on the tree in a slot. */
function setAttributes(slot: number, recursive: number, set: bigint, clear: bigint, propagation = 0n): Call {
  return call(
    'mount_setattr',
    slot,
    '',
    AT_EMPTY_PATH | recursive,
    { memory: new BigUint64Array([set, clear, propagation, 0n]) },
    32,
  )
}

/** Words that mount(8) has no use for. */
const ownWords = ['bind', 'rbind', 'tmpcopyup', 'notmpcopyup', 'newinstance']

function optionText({ options = [] }: MountSpec): string {
  const words = options.filter(word => !ownWords.includes(word))
  return words.length === 0 ? '' : ` -o ${quoted(words.join(','))}`
}

function makeFolderText(path: string): string {
  return `mkdir -p .${quoted(path)}`
}

function makeFileText(path: string): string {
  const folder = path.slice(0, path.lastIndexOf('/'))
  return `${folder === '' ? '' : `mkdir -p .${quoted(folder)}; `}touch .${quoted(path)}`
}

/** What lies beneath stays in sight elsewhere until it is copied. */
function copyUpText(mount: MountSpec): string {
  const target = `.${quoted(mount.destination)}`
  const writable: MountSpec = { ...mount, options: (mount.options ?? []).filter(word => word !== 'ro') }
  const isReadOnly = mount.options?.includes('ro') === true
  return [
    makeFolderText(mount.destination),
    `mkdir -p /tmp/beneath; mount --bind ${target} /tmp/beneath`,
    `mount -t tmpfs${optionText(writable)} tmpfs ${target}`,
    `cp -a /tmp/beneath/. ${target}; umount /tmp/beneath`,
    ...(isReadOnly ? [`mount -o remount,ro ${target}`] : []),
  ].join('; ')
}
