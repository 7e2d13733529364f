// Starts a container that exists on disk: monitor, network helper and process at the same time, each waited for where it is needed.
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { PendingCgroup } from '#cgroup/manager.ts'
import type { SoftLimits } from '#cgroup/soft-limits.ts'
import { type ContainerRecord, containerDir } from '#container/record.ts'
import { notifySocketPath } from '#container/service-manager.ts'
import { clearState } from '#container/state.ts'
import { errnoOf, TspodError } from '#errors.ts'
import { frugalEnvironment } from '#host/bun.ts'
import { selfCommand } from '#host/executable.ts'
import { hostIdsRecord, hostIdsVariable, hostUser } from '#host/user.ts'
import { log } from '#log.ts'
import { awaitHelper, type HelperPipes, openHelperPipes } from '#network/await-helper.ts'
import type { NetworkConnection, NetworkDriver, NetworkHelper } from '#network/driver.ts'
import type { PortMapping } from '#network/ports/mapping.ts'
import type { RuntimeSpec } from '#oci/runtime-spec.ts'
import { formatTimestamp } from '#oci/timestamp.ts'
import { createProcess, type HelperRequest, helperRequest, keepsGroups } from '#runtime/create.ts'
import type { ContainerHooks } from '#runtime/hooks.ts'
import type { RootSetup } from '#runtime/root-setup.ts'
import type { SeccompPlan } from '#runtime/seccomp/plan.ts'
import { wallClockNs } from '#sys/clock.ts'
import { openDatagramSocket } from '#sys/datagram.ts'
import { duplicate, type Fd, openFile, openSocketPair, writeFully } from '#sys/fd.ts'
import { O_RDONLY, SOCK_STREAM } from '#sys/flags.ts'
import type { Program } from '#sys/servant/program.ts'
import type { Servant } from '#sys/servant/servant.ts'
import type { UserNamespace } from '#userns/user-namespace.ts'
import { awaitMonitor } from './await-monitor.ts'
import { childMessage, recordState } from './launch-record.ts'
import { type OpenStreams, openStreams, outputReleaser, takeStreams } from './launch-streams.ts'
import type { StreamDescriptors } from './monitor.ts'
import { type ChildMessage, encodeMessage } from './protocol.ts'
import { helperFolder, notifyFolder, runFolder } from './run-folder.ts'

/** A container whose program runs. */
export interface Launched {
  pid: number
  /** its monitor's pid; absent where this process watches it */
  monitorPid: number | undefined
  /** The command line's end of the monitor's control socket: the caller is its first client. */
  control: Fd
  /** Where this process watches the container itself; disposed, it leaves that to a monitor of its own. */
  attended: Attended | undefined
}

/** What watching a container from the command line takes. */
export interface Attended {
  child: ChildMessage
  /** The parent of the container's process, which becomes the monitor when it is closed or this process is gone. */
  launcher: Servant
  streams: StreamDescriptors
  /** Has the launcher let go of its end of a stream. */
  releaseOutput: (stream: 'stdout' | 'stderr') => void
}

export interface LaunchRequest {
  graphRoot: string
  runRoot: string
  namespace: UserNamespace
  record: ContainerRecord
  spec: RuntimeSpec
  /** Files that the container gets, by their name in its folder: texts, and bytes of a program. */
  files: Readonly<Record<string, string | Uint8Array>>
  network: NetworkDriver | undefined
  /** Its place on networks of the user, reserved. */
  connection?: NetworkConnection | undefined
  root: RootSetup
  /** Its control group to be; absent: that of the caller. */
  cgroup: PendingCgroup | undefined
  /** What holds instead of limits that cannot be enforced. */
  softLimits: SoftLimits | undefined
  /** How often its policy has started it again. */
  restarts: number
  /** This is such a restart, after so long a pause. */
  restartPauseMs?: number | undefined
  /** The engine's, for restarts by the monitor. */
  engineSettings: object
  /** Whether events are written to the journal. */
  hasJournal: boolean
  /** This process stays and watches the container: no monitor is started unless it has to take over. */
  isAttended: boolean
  /** The service manager's socket, for what the container tells it: its folder is bound by the spec. */
  notifyManager?: string
  /** Listening sockets from descriptor 3 on, before those of --preserve-fds. */
  listenFds?: number
  /** Done while the kernel mounts what the container sees. */
  meanwhile: () => Promise<void>
}

/** Starts it. Throws, with nothing left running, where its program cannot be executed. */
export async function launchContainer(request: LaunchRequest): Promise<Launched> {
  const { record, spec, root, namespace } = request
  const folder = containerDir(request.graphRoot, record.id)
  writeBundle(folder, request)
  using resources = new DisposableStack()
  const [control, theirControl] = openSocketPair(SOCK_STREAM)
  resources.use(theirControl)
  const streams = openStreams(record, resources)
  const notify =
    request.notifyManager === undefined
      ? undefined
      : resources.use(openNotifySocket(notifyFolder(request.runRoot, record.id)))
  const helper = request.network?.helper
  const { ports = [] } = record
  const sockets = helperFolder(request.runRoot, record.id)
  const helperPipes = helper === undefined ? undefined : openHelperPipes(sockets, resources)
  const seccomp =
    spec.linux?.seccomp === undefined
      ? undefined
      : await (await import('#runtime/seccomp/plan.ts')).planSeccomp(spec.linux.seccomp, process.arch)
  const hooks = spec.hooks && (await openHooks(folder, request, seccomp))
  let hasFailed = false
  resources.defer(() => {
    if (!hasFailed) return
    hooks?.abandon()
    // nobody else will
    if (request.isAttended) rmSync(runFolder(request.runRoot, record.id), { recursive: true, force: true })
  })
  const created = resources.use(
    createProcess({
      spec,
      namespace,
      root,
      streams: streams.process,
      monitor: monitorProgram(
        record.id,
        theirControl,
        streams,
        { lifeline: helperPipes?.alive, notify },
        resources,
        request.isAttended,
      ),
      helper: helper && helperPipes && networkHelper(helper, ports, streams.nullFd, helperPipes),
      seccomp,
      cgroup: request.cgroup,
      isAttended: request.isAttended,
      preservedFds: (request.listenFds ?? 0) + record.request.preserveFds,
    }),
  )
  theirControl.close()
  if (request.softLimits !== undefined)
    (await import('#cgroup/soft-limits.ts')).applySoftLimits(created.identity.pid, request.softLimits)
  request.connection?.attach(created.identity)
  const { helperPid } = created
  const startedAt = formatTimestamp(wallClockNs())
  if (hooks?.poststop !== undefined) (await import('./poststop.ts')).owePoststop(folder, hooks.poststop)
  recordState(folder, request, created, helperPid, startedAt)
  const child = childMessage(request, created, helperPid, startedAt, hooks?.poststop)
  const { launcher } = created
  try {
    // a monitor that takes over has no input to give: it ended with the command line
    writeFully(control.number, encodeMessage('child', launcher === undefined ? child : { ...child, openStdin: false }))
    const connect = (): void => {
      request.connection?.finish()
      if (helper !== undefined && helperPid !== undefined && helperPipes !== undefined) {
        created.awaitHelper()
        awaitHelper(helper.name, helperPid, helperPipes)
      }
      const { live } = request.network?.ports ?? {}
      for (const port of ports) live?.add(sockets, port)
    }
    if (hooks === undefined) {
      await created.prepare(request.meanwhile)
      connect()
    } else await hooks.prepare(created, request.meanwhile, connect)
    if (launcher === undefined) awaitMonitor(control)
    created.start()
    hooks?.afterStart(created.identity)
    writeFully(control.number, encodeMessage('started', { isTold: launcher !== undefined }))
    const attended = launcher && {
      child,
      launcher,
      streams: { ...takeStreams(streams), notify: notify && duplicate(notify.number) },
      releaseOutput: outputReleaser(launcher, streams),
    }
    const monitorPid = launcher === undefined ? created.monitor?.pid : undefined
    return { pid: created.identity.pid, monitorPid, control, attended }
  } catch (error) {
    hasFailed = true
    if (hooks?.poststop !== undefined) (await import('./poststop.ts')).settlePoststop(folder)
    clearState(folder)
    sayFailed(control, error)
    control.close()
    throw error
  }
}

/** config.json and the files bound into the container. */
function writeBundle(folder: string, { spec, files }: LaunchRequest): void {
  writeFileSync(join(folder, 'config.json'), JSON.stringify(spec), { mode: 0o600 })
  for (const [name, content] of Object.entries(files)) writeForContainer(join(folder, name), content)
}

/** At an earlier start it may have been given to the container's root. */
function writeForContainer(path: string, content: string | Uint8Array): void {
  const mode = typeof content === 'string' ? 0o644 : 0o755
  try {
    writeFileSync(path, content, { mode })
  } catch (error) {
    if (errnoOf(error) !== 'EACCES') throw error
    rmSync(path)
    writeFileSync(path, content, { mode })
  }
}

async function openHooks(
  bundle: string,
  { record, spec, root, namespace }: LaunchRequest,
  seccomp: SeccompPlan | undefined,
): Promise<ContainerHooks> {
  const { ContainerHooks: Hooks } = await import('#runtime/hooks.ts')
  const keepGroups = keepsGroups(spec, namespace)
  return new Hooks(spec, { id: record.id, bundle, rootPath: root.path, keepGroups, seccomp })
}

/** In a folder of its own, which the container is given: everyone in there may write to it, and nobody else gets there. */
function openNotifySocket(folder: string): Fd {
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  chmodSync(folder, 0o755)
  const path = join(folder, basename(notifySocketPath))
  const socket = openDatagramSocket(path)
  chmodSync(path, 0o777)
  return socket
}

/** Its socket is to be ours too, whoever it is in the container's user namespace. */
function networkHelper(
  helper: NetworkHelper,
  ports: readonly PortMapping[],
  nullFd: Fd,
  { ready, exit, folder, words }: HelperPipes,
): HelperRequest {
  return helperRequest(
    helper.path,
    pid => helper.argv({ pid, ports, descriptors: { ready: 3, exit: 4, folder: 5 } }),
    [nullFd, nullFd, words, ready, exit, folder],
    { folder: '/', umask: 0 },
  )
}

/** Where the monitor keeps the network helper's lifeline; it never looks at it. */
const LIFELINE = 8
const NOTIFY_SOCKET = 9
const STDIN_PIPE = 6

function monitorProgram(
  id: string,
  control: Fd,
  streams: OpenStreams,
  { lifeline, notify }: { lifeline: Fd | undefined; notify: Fd | undefined },
  resources: DisposableStack,
  isAttended: boolean,
): Program {
  const { path, argv } = selfCommand(`monitor:${id}`)
  const executable = resources.use(openFile(path, O_RDONLY))
  // all of the caller's: a restart by the monitor finds what this start has found
  const env = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined || name === hostIdsVariable || name.startsWith('BUN_') ? [] : [`${name}=${value}`],
  )
  const { nullFd } = streams
  const descriptors = new Map([
    [0, nullFd.number],
    [1, nullFd.number],
    [2, nullFd.number],
    [3, control.number],
    ...streams.monitor,
  ])
  // an end of the input that the launcher kept would keep it open
  if (isAttended) descriptors.delete(STDIN_PIPE)
  if (lifeline !== undefined) descriptors.set(LIFELINE, lifeline.number)
  if (notify !== undefined) descriptors.set(NOTIFY_SOCKET, notify.number)
  return {
    executable: executable.number,
    argv,
    env: [...env, ...frugalEnvironment, `${hostIdsVariable}=${hostIdsRecord(hostUser())}`],
    descriptors,
    folder: '/',
  }
}

function sayFailed(control: Fd, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  const exitCode = error instanceof TspodError ? error.exitCode : undefined
  try {
    writeFully(control.number, encodeMessage('failed', { message, exitCode: exitCode ?? 125 }))
  } catch (failure) {
    log.debug(`telling the monitor: ${String(failure)}`) // it has ended itself: nothing is left to tell
  }
}
