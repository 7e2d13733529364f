// The user's namespace: one user namespace that the first command makes and a tiny process keeps; later commands' servants join it.
// Runs in the host's namespaces.
import { closeSync, openSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf, TspodError } from '#errors.ts'
import { privilegesOf } from '#host/helper-programs.ts'
import { hasNoNewPrivileges } from '#host/kernel.ts'
import { mapHelperObstacle } from '#host/map-helpers.ts'
import { obstacleHint } from '#host/obstacle.ts'
import { runProgramSync } from '#host/run-program.ts'
import { log } from '#log.ts'
import { syscall, trySyscall } from '#sys/call.ts'
import { type Fd, openFile } from '#sys/fd.ts'
import { CLONE_NEWNS, CLONE_NEWUSER, MS_REC, MS_SLAVE, O_RDONLY, O_RDWR, SIG_SETMASK } from '#sys/flags.ts'
import { withFileLock } from '#sys/lock.ts'
import { isAlive, type ProcessIdentity, readProcessStat } from '#sys/process.ts'
import { type Call, call } from '#sys/servant/batch.ts'
import { Seat, Servant } from '#sys/servant/servant.ts'
import { openStub, stubCalls } from '#sys/servant/stub.ts'
import { formatIdMap, type IdMapping, type IdMappings, readIdMap, sameIdMap } from './id-mapping.ts'

export interface UserNamespace extends Disposable {
  /** `full`: subordinate ids are mapped; `single`: the caller's id alone. */
  mode: 'full' | 'single'
  mappings: IdMappings
  keeper: ProcessIdentity
  /** The namespace, open; servants inherit it. */
  fd: Fd
}

/** What the namespace should be: decided from subordinate ids and helpers. */
export interface NamespaceWish {
  mode: 'full' | 'single'
  mappings: IdMappings
  /** Who writes the maps: the set-uid programs, the namespace itself (one id), or this process as root. */
  writer: { kind: 'helpers'; newuidmap: string; newgidmap: string } | { kind: 'self' } | { kind: 'root' }
}

export interface OpenOptions {
  /** Whether a running container needs the one with other mappings. */
  isInUse: () => boolean
  /** Takes a keeper that has just been made out of what the caller belongs to. */
  detach?: (pid: number) => Promise<void>
}

/**
 * Opens the user's namespace: the kept one where its mappings are as wished (or a container still runs in it), a new one
 * otherwise.
 */
export async function openUserNamespace(
  runRoot: string,
  wish: NamespaceWish,
  { isInUse, detach }: OpenOptions,
): Promise<UserNamespace> {
  const kept = openKept(runRoot, wish, isInUse)
  if (kept !== undefined) return kept
  return await withFileLock(join(runRoot, 'lock'), async () => {
    const meanwhile = openKept(runRoot, wish, isInUse)
    if (meanwhile !== undefined) return meanwhile
    const title = keeperTitle(runRoot)
    const lost = findKeeper(title)
    if (lost !== undefined) {
      recordKeeper(runRoot, lost)
      const found = openKept(runRoot, wish, isInUse)
      if (found !== undefined) return found
    }
    const keeper = await startKeeper(wish, title, async identity => {
      await detach?.(identity.pid)
      recordKeeper(runRoot, identity)
    })
    return {
      mode: wish.mode,
      mappings: wish.mappings,
      keeper,
      fd: openFile(`/proc/${keeper.pid}/ns/user`, O_RDONLY),
      ...disposable,
    }
  })
}

const disposable = {
  [Symbol.dispose](this: UserNamespace): void {
    this.fd.close()
  },
}

function openKept(runRoot: string, wish: NamespaceWish, isInUse: () => boolean): UserNamespace | undefined {
  const keeper = readKeeper(runRoot)
  if (keeper === undefined) return undefined
  try {
    const fd = openFile(`/proc/${keeper.pid}/ns/user`, O_RDONLY)
    const mappings = { uid: readIdMap(keeper.pid, 'uid'), gid: readIdMap(keeper.pid, 'gid') }
    if (!isAlive(keeper)) {
      fd.close()
      return undefined
    }
    if (sameIdMap(mappings.uid, wish.mappings.uid) && sameIdMap(mappings.gid, wish.mappings.gid))
      return { mode: wish.mode, mappings, keeper, fd, ...disposable }
    if (isInUse()) {
      log.warn('the subordinate ids have changed; running containers keep the old ones, and so does this command')
      return { mode: mappings.uid.length > 1 ? 'full' : 'single', mappings, keeper, fd, ...disposable }
    }
    fd.close()
    process.kill(keeper.pid, 'SIGKILL')
    return undefined
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ESRCH') return undefined
    throw error
  }
}

/** The kept namespace, whatever its mappings are; `undefined` where nobody keeps one any more. */
export function openKeptNamespace(runRoot: string): UserNamespace | undefined {
  const keeper = readKeeper(runRoot)
  if (keeper === undefined) return undefined
  const mappings = { uid: readIdMap(keeper.pid, 'uid'), gid: readIdMap(keeper.pid, 'gid') }
  const fd = openFile(`/proc/${keeper.pid}/ns/user`, O_RDONLY)
  return { mode: mappings.uid.length > 1 ? 'full' : 'single', mappings, keeper, fd, ...disposable }
}

/** The recorded keeper, if exactly that process lives. */
export function readKeeper(runRoot: string): ProcessIdentity | undefined {
  let text: string
  try {
    text = readFileSync(join(runRoot, 'userns'), 'utf8')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
  const [pid = 0, startTime = 0] = text.trim().split(' ').map(Number)
  const identity = { pid, startTime }
  return pid > 1 && isAlive(identity) ? identity : undefined
}

/** The keeper's argv[0]: it says whose runtime folder it is recorded in. */
const keeperTitle = (runRoot: string): string => `tspod: keeps the user namespace of ${runRoot}`

/** The runtime folder vanishes at logout, and its record with it; containers that live on are in that namespace. */
function findKeeper(title: string): ProcessIdentity | undefined {
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry) || !isTitled(entry, title)) continue
    const stat = readProcessStat(Number(entry))
    // a process of another user could be called so too; its namespace could not be opened
    if (stat !== undefined && isAlive(stat) && canOpen(`/proc/${entry}/ns/user`))
      return { pid: stat.pid, startTime: stat.startTime }
  }
  return undefined
}

function isTitled(pid: string, title: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8') === `${title}\0`
  } catch {
    return false // gone, or not for us to see
  }
}

function canOpen(path: string): boolean {
  try {
    openFile(path, O_RDONLY).close()
    return true
  } catch {
    return false
  }
}

function recordKeeper(runRoot: string, { pid, startTime }: ProcessIdentity): void {
  const file = join(runRoot, 'userns')
  writeFileSync(`${file}.new`, `${pid} ${startTime}\n`, { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

/**
 * Clones the keeper, gives it a user namespace with the wished mappings, and leaves it sleeping in the stub. It is recorded before it
 * is left alone: until then it ends with this process.
 */
async function startKeeper(
  wish: NamespaceWish,
  title: string,
  record: (keeper: ProcessIdentity) => Promise<void>,
): Promise<ProcessIdentity> {
  const nullFd = openSync('/dev/null', 'r+')
  const seat = new Seat()
  using stub = openStub(seat)
  using servant = Servant.startIn(
    seat,
    [],
    [call('setsid'), call('chdir', '/'), ...[0, 1, 2].map(fd => call('dup3', nullFd, fd, 0))],
  )
  closeSync(nullFd)
  try {
    // root's containers belong to the mapped root, who therefore must own the namespace
    if (wish.writer.kind === 'root') becomeCalls(wish.mappings).forEach(one => servant.do([one]))
    unshareUser(servant)
    writeMaps(servant, wish)
    servant.become(stubCalls(stub, seat, title))
    const keeper = { pid: servant.pid, startTime: readProcessStat(servant.pid)?.startTime ?? 0 }
    await record(keeper)
    // for ever, or until somebody ends it
    servant.post([
      call('rt_sigprocmask', SIG_SETMASK, { memory: new BigUint64Array(1) }, 0, 8),
      call('ppoll', 0, 0, 0, 0, 0),
    ])
    return keeper
  } catch (error) {
    process.kill(servant.pid, 'SIGKILL')
    syscall('wait4', servant.pid, 0, 0, 0)
    throw error
  }
}

function writeMaps(servant: Servant, { writer, mappings }: NamespaceWish): void {
  switch (writer.kind) {
    case 'helpers':
      runMapHelper(writer.newuidmap, servant.pid, mappings.uid)
      runMapHelper(writer.newgidmap, servant.pid, mappings.gid)
      return
    case 'self':
      return writeMapsFromInside(servant, mappings)
    case 'root':
      writeFileSync(`/proc/${servant.pid}/uid_map`, formatIdMap(mappings.uid))
      writeFileSync(`/proc/${servant.pid}/gid_map`, formatIdMap(mappings.gid))
  }
}

function becomeCalls({ uid, gid }: IdMappings): Call[] {
  const [uidOutside, gidOutside] = [uid[0]?.outsideId ?? -1, gid[0]?.outsideId ?? -1]
  return [
    call('setgroups', 0, null),
    call('setresgid', gidOutside, gidOutside, gidOutside),
    call('setresuid', uidOutside, uidOutside, uidOutside),
  ]
}

function unshareUser(servant: Servant): void {
  try {
    servant.call('unshare', CLONE_NEWUSER)
  } catch (error) {
    const errno = errnoOf(error)
    throw new TspodError(
      'DENIED',
      `creating a user namespace: ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
        hint:
          errno === 'ENOSPC' || errno === 'EUSERS'
            ? 'the limit on user namespaces is reached: an administrator raises the sysctl user.max_user_namespaces'
            : '`tspod doctor` says what forbids user namespaces here, and what an administrator can do',
      },
    )
  }
}

function runMapHelper(program: string, pid: number, mappings: readonly IdMapping[]): void {
  const args = [
    String(pid),
    ...mappings.flatMap(({ insideId, outsideId, count }) => [insideId, outsideId, count].map(String)),
  ]
  const { status, stderr } = runProgramSync(program, args, { timeoutMs: 10_000 })
  if (status === 0) return
  throw new TspodError(
    'DENIED',
    `mapping subordinate ids: ${program} ${args.join(' ')}: ${stderr.trim() || `it ended with ${status}`}`,
    {
      hint: mapHelperHint(program),
    },
  )
}

/** What it lacks, where that can be seen. */
function mapHelperHint(program: string): string {
  const name = program.endsWith('newgidmap') ? 'newgidmap' : 'newuidmap'
  const privileges = privilegesOf(program, (path, attribute, value) =>
    trySyscall('getxattr', path, attribute, value, value.byteLength),
  )
  const obstacle = mapHelperObstacle(name, { path: program, privileges }, hasNoNewPrivileges())
  if (obstacle !== undefined) return obstacleHint(obstacle)
  return `\`tspod doctor\` checks /etc/sub${name === 'newuidmap' ? 'uid' : 'gid'} and ${name}`
}

function writeMapsFromInside(servant: Servant, { uid, gid }: IdMappings): void {
  const write = (path: string, text: string): Call[] => [
    call('openat', -100, path, O_RDWR, 0),
    call('write', { resultOf: 0 }, text, Buffer.byteLength(text)),
    call('close', { resultOf: 0 }),
  ]
  servant.do(write('/proc/self/setgroups', 'deny'))
  servant.do(write('/proc/self/uid_map', formatIdMap(uid)))
  servant.do(write('/proc/self/gid_map', formatIdMap(gid)))
}

/** The calls by which a servant that inherited `namespace.fd` joins the user's namespace, with a mount namespace of its own. */
export function enterCalls(namespace: UserNamespace): Call[] {
  return [
    call('setns', namespace.fd.number, CLONE_NEWUSER),
    call('unshare', CLONE_NEWNS),
    call('mount', null, '/', null, MS_REC | MS_SLAVE, null),
    call('setresgid', 0, 0, 0),
    call('setresuid', 0, 0, 0),
  ]
}
