// Creates a container's process from its spec: launcher, stager, process 1 (docs/internals.md, Processes), up to the point where
// only execve(2) of the image's program is left. Runs in the host's namespaces; every effect inside happens in servants.
import { readFileSync, statSync } from 'node:fs'
import type { PendingCgroup } from '#cgroup/manager.ts'
import { errnoOf, SystemCallError } from '#errors.ts'
import type { RuntimeSpec } from '#oci/runtime-spec.ts'
import { Fd } from '#sys/fd.ts'
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_RECURSIVE,
  CLONE_NEWTIME,
  CLONE_PARENT,
  MOVE_MOUNT_F_EMPTY_PATH,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
  PR_SET_CHILD_SUBREAPER,
  PR_SET_DUMPABLE,
  SIGKILL,
} from '#sys/flags.ts'
import { killProcess, type ProcessIdentity, readProcessStat, waitProcess } from '#sys/process.ts'
import { type Call, call, tolerate } from '#sys/servant/batch.ts'
import { type Program, programCalls } from '#sys/servant/program.ts'
import { Seat, Servant } from '#sys/servant/servant.ts'
import { openStub, stubCalls } from '#sys/servant/stub.ts'
import { enterCalls, type UserNamespace } from '#userns/user-namespace.ts'
import { performMounts } from './copy-up.ts'
import { delegationCalls } from './delegate-cgroup.ts'
import { executeProgram } from './exec-error.ts'
import { type KernelFeatures, kernelFeatures } from './features.ts'
import { fetchTree, parseForeignPath } from './foreign-tree.ts'
import { joinNamespaces, openJoinedNamespaces } from './joined-namespaces.ts'
import { MountEmulation } from './mount-emulation.ts'
import { type CreatePlan, planCreate } from './plan/create.ts'
import { planTerminalStreams } from './plan/device-steps.ts'
import { planMask, planMaskLookup, readMaskTarget } from './plan/mask-steps.ts'
import { formatMappings } from './plan/namespaces.ts'
import { writeFileCalls } from './plan/paths.ts'
import {
  type ProcessFacts,
  planExecve,
  planIdentitySteps,
  planStreams,
  planSurroundings,
} from './plan/process-steps.ts'
import { planSysctls } from './plan/sysctls.ts'
import { performStages, type RootSetup, serverCount } from './root-setup.ts'
import type { SeccompPlan } from './seccomp/plan.ts'
import { ROOT } from './slots.ts'
import { joinCalls, type Perform, performSteps, type Step } from './step.ts'

/** What the process's descriptors 0 to 2 are. */
export type ProcessStreams =
  | { kind: 'descriptors'; stdin: number; stdout: number; stderr: number }
  /** a terminal of its own; its master is sent over this unix socket */
  | { kind: 'terminal'; socket: number }

export interface CreateRequest {
  spec: RuntimeSpec
  namespace: UserNamespace
  root: RootSetup
  streams: ProcessStreams
  /** What the launcher becomes once it has cloned the others: the parent of the container's process. */
  monitor: Program
  /**
   * This process watches the container itself. The launcher stays what it is, the parent of the container's process, and becomes the
   * monitor only when this process is gone or closes it.
   */
  isAttended: boolean
  seccomp?: SeccompPlan
  /** The control group to be; absent: that of the caller */
  cgroup?: PendingCgroup
  /** Descriptors from 3 up to hand on to the program (`--preserve-fds`). */
  preservedFds: number
  helper?: HelperRequest | undefined
}

/** The network helper beside a container: a program outside that serves its network namespace. */
export interface HelperRequest {
  /** The program for a container whose process 1 is `pid`. */
  program: (target: { pid: number }) => Program
  /** Those of our descriptors that it is given. */
  descriptors: readonly number[]
}

/** A helper whose descriptors 0, 1, … are `fds`; `more` is what else its program wants. */
export function helperRequest(
  path: string,
  argv: (pid: number) => string[],
  fds: readonly Fd[],
  more: Pick<Program, 'umask' | 'folder'> = {},
): HelperRequest {
  const descriptors = fds.map(fd => fd.number)
  return {
    descriptors,
    program: ({ pid }) => ({
      executable: path,
      argv: argv(pid),
      env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'],
      descriptors: new Map(descriptors.entries()),
      ...more,
    }),
  }
}

/** A container whose process is ready to execute its program. Disposing it before `start` ends everything. */
export class CreatedProcess implements Disposable {
  readonly identity: ProcessIdentity
  /** The parent of the container's process. */
  readonly monitor: ProcessIdentity
  /** Programs that serve file systems of the container; they are children of the monitor. */
  readonly storagePids: readonly number[]
  /** The parent of the container's process, where this process watches it: whoever takes it over closes it. */
  readonly launcher: Servant | undefined
  /** Its control group, where it has one of its own. */
  readonly cgroupFolder: string | undefined
  /** The network helper, a child of the monitor. */
  readonly helperPid: number | undefined
  readonly #init: Servant
  readonly #helper: Servant | undefined
  readonly #plan: CreatePlan
  readonly #namespace: UserNamespace
  readonly #final: readonly Step[]
  readonly #perform: Perform
  #isStarted = false

  constructor(parts: {
    init: Servant
    helper: Servant | undefined
    plan: CreatePlan
    namespace: UserNamespace
    final: readonly Step[]
    perform: Perform
    monitorPid: number
    storagePids: readonly number[]
    launcher: Servant | undefined
    cgroupFolder: string | undefined
  }) {
    this.#init = parts.init
    this.helperPid = parts.helper?.pid
    this.#helper = parts.helper
    this.#plan = parts.plan
    this.#namespace = parts.namespace
    this.#final = parts.final
    this.#perform = parts.perform
    this.identity = identify(parts.init.pid)
    this.monitor = identify(parts.monitorPid)
    this.storagePids = parts.storagePids
    this.launcher = parts.launcher
    this.cgroupFolder = parts.cgroupFolder
  }

  /** Waits until the helper's program runs. Throws where it cannot be executed. */
  awaitHelper(): void {
    this.#helper?.awaitExec()
    this.#helper?.close()
  }

  /**
   * Mounts, devices, masks, the new root: everything that does not need the network. `meanwhile` is done while the kernel mounts,
   * `beforeEnter` before the root changes.
   */
  async prepare(meanwhile: () => Promise<void>, beforeEnter?: () => void): Promise<void> {
    const init = this.#init
    const perform = this.#perform
    await performMounts(init, this.#plan.init, this.#namespace, perform, meanwhile)
    const masks = this.#plan.masks
    const found = perform(init, masks.map(planMaskLookup)).map(readMaskTarget)
    const steps = masks.flatMap((mask, index) => {
      const target = found[index] ?? 'absent'
      return target === 'absent' ? [] : [planMask(mask, target, this.#plan.freeSlot)]
    })
    if (beforeEnter === undefined) {
      perform(init, [...steps, ...this.#plan.enter])
      return
    }
    perform(init, steps)
    beforeEnter()
    perform(init, this.#plan.enter)
  }

  /** Shows the container's root with all its mounts at its path on the host too, in its own mount namespace, until the root changes. */
  showRoot(path: string): void {
    this.#init.do([
      call('open_tree', ROOT, '', OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE),
      call('move_mount', { resultOf: 0 }, '', AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH),
      call('close', { resultOf: 0 }),
    ])
  }

  /** Nobody inside can look into process 1 from here on until it executes its program; nor can its namespaces be joined. */
  hide(): void {
    this.#init.call('prctl', PR_SET_DUMPABLE, 0, 0, 0, 0)
  }

  /** Executes the image's program. Throws with exit code 126 or 127 where that cannot be (podman-run(1), Exit Status). */
  start(): void {
    executeProgram(this.#init, this.#plan.process, this.#final, planExecve(this.#plan.process))
    this.#isStarted = true
    this.#init.close()
  }

  [Symbol.dispose](): void {
    if (this.#isStarted) return
    this.#init.close()
    this.#helper?.close()
    killProcess(this.identity.pid, SIGKILL)
    this.launcher?.close()
  }
}

/** Steps as they are, or without the calls that the kernel does not have. */
function performer({ mountSetattr }: KernelFeatures): Perform {
  if (mountSetattr) return performSteps
  const emulation = new MountEmulation()
  return (servant, steps) => emulation.perform(servant, steps)
}

function identify(pid: number): ProcessIdentity {
  return { pid, startTime: readProcessStat(pid)?.startTime ?? 0 }
}

/** Creates the container's processes, and starts the network helper without waiting for it. The caller then calls `prepare` and `start`. */
export function createProcess(request: CreateRequest): CreatedProcess {
  const { spec, namespace, streams } = request
  const perform = performer(kernelFeatures())
  using resources = new DisposableStack()
  const launcherSeat = new Seat()
  const stagerSeat = resources.use(new Seat())
  const initSeat = resources.use(new Seat())
  const helperSeat = request.helper !== undefined ? resources.use(new Seat()) : undefined
  const storageSeats = Array.from({ length: serverCount(request.root) }, () => resources.use(new Seat()))
  const stub = resources.use(openStub(launcherSeat))
  const joined = openJoinedNamespaces(spec.linux ?? {}, resources)
  const trees = openForeignTrees(spec, resources)
  const seats = [stagerSeat, initSeat, helperSeat, ...storageSeats].filter(seat => seat !== undefined)
  const keep = [
    namespace.fd.number,
    ...seats.map(seat => seat.theirsNumber),
    ...joined.map(({ fd }) => fd.number),
    ...[...trees.values()].map(fd => fd.number),
    ...request.monitor.descriptors.values(),
    ...(request.helper?.descriptors ?? []),
    ...Array.from({ length: request.preservedFds }, (_, index) => 3 + index),
    ...(typeof request.monitor.executable === 'number' ? [request.monitor.executable] : []),
    ...(streams.kind === 'terminal' ? [streams.socket] : [streams.stdin, streams.stdout, streams.stderr]),
  ]
  const launcher = Servant.startStub(
    launcherSeat,
    seats,
    stubCalls(stub, launcherSeat, 'tspod: launcher', [...new Set(keep)]),
  )
  let stager: Servant | undefined
  let init: Servant | undefined
  let isDone = false
  resources.defer(() => {
    if (isDone) return
    init?.close()
    stager?.close()
    if (init !== undefined) killProcess(init.pid, SIGKILL)
    if (stager !== undefined) killProcess(stager.pid, SIGKILL)
    killProcess(launcher.pid, SIGKILL)
    launcher.close()
    waitProcess(launcher.pid)
  })
  const decide = (): { plan: CreatePlan; final: Step[] } => {
    const plan = planCreate(spec, request.root.path, {
      terminalSocket: streams.kind === 'terminal' ? streams.socket : undefined,
      isFolder,
      openedTree: source => trees.get(source)?.number,
    })
    return { plan, final: finalSteps(plan, request) }
  }
  const decided = request.isAttended ? decide() : undefined // while the stub starts
  launcher.do([call('setsid'), call('prctl', PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)])
  stager = launcher.clone(stagerSeat, 0, [initSeat, ...storageSeats])
  const helper = helperSeat === undefined ? undefined : launcher.clone(helperSeat)
  // while the launcher lives on with their other ends, nobody would see the servers execute
  if (storageSeats.length > 0) launcher.do(storageSeats.map(({ theirsNumber }) => call('close', theirsNumber)))
  const groups = { container: stager.pid, monitor: [launcher.pid, ...(helper === undefined ? [] : [helper.pid])] }
  // what serves the root file system is not of the container's account: it is cloned before the stager moves
  if (storageSeats.length === 0) request.cgroup?.begin(groups)
  if (request.isAttended) launcher.bequeath(programCalls(request.monitor))
  else launcher.postExec(programCalls(request.monitor))

  const { plan, final } = decided ?? decide() // while the monitor starts
  const [first, ...more] = request.root.stages
  const entered = {
    calls: joinCalls([enterCalls(namespace), first?.calls ?? []]),
    ...(first?.program && { program: first.program }),
  }
  const storagePids = performStages(stager, { ...request.root, stages: [entered, ...more] }, storageSeats)
  if (storageSeats.length > 0) request.cgroup?.begin({ ...groups, monitor: [...groups.monitor, ...storagePids] })
  perform(stager, plan.stager)
  joinNamespaces(stager, joined)
  if (plan.namespaces.hasNewTime) stager.do([call('unshare', CLONE_NEWTIME), ...timeOffsetCalls(spec)])
  // the namespace of control groups begins where the stager is: it must be in the container's own by now
  const cgroupFolder = request.cgroup?.finish()
  const delegation = cgroupFolder === undefined ? [] : delegationCalls(spec, cgroupFolder)
  if (delegation.length > 0) stager.do(delegation)
  init = stager.clone(initSeat, plan.namespaces.cloneFlags | CLONE_PARENT)
  if (plan.namespaces.hasNewUser) writeMaps(stager, init.pid, spec)
  stager.close()
  init.do([
    // not every mapping has a root
    tolerate('EINVAL', call('setresgid', 0, 0, 0)),
    tolerate('EINVAL', call('setresuid', 0, 0, 0)),
    // changed ids would make it undumpable, and its namespaces out of reach of the network helper
    call('prctl', PR_SET_DUMPABLE, 1, 0, 0, 0),
    call('setsid'),
  ])
  if (request.helper !== undefined) {
    setBeforeInterfaces(init, spec)
    helper?.postExec(programCalls({ ...request.helper.program({ pid: init.pid }), isDeafToTerm: true }))
  }
  if (request.isAttended) {
    launcher.awaitChild(stager.pid)
    launcher.do(foreignEnds(keep, seats, request.monitor).map(fd => tolerate('EBADF', call('close', fd))))
  } else {
    launcher.awaitExec()
    launcher.close()
  }
  isDone = true
  const parent = request.isAttended ? launcher : undefined
  return new CreatedProcess({
    init,
    helper,
    plan,
    namespace,
    final,
    perform,
    monitorPid: launcher.pid,
    storagePids,
    launcher: parent,
    cgroupFolder,
  })
}

/** What the launcher need not hold any more: with it, ends of pipes and sockets would seem open. */
function foreignEnds(kept: readonly number[], seats: readonly Seat[], monitor: Program): number[] {
  const needed = [...monitor.descriptors.values(), monitor.executable]
  return [...new Set([...kept, ...seats.map(seat => seat.theirsNumber)])].filter(fd => !needed.includes(fd))
}

/** What the helper's interface is born with must be set before; where it cannot be, the step for all parameters says so. */
function setBeforeInterfaces(init: Servant, { linux = {} }: RuntimeSpec): void {
  const early = planSysctls(linux).filter(({ path }) => path.includes('/conf/default/'))
  if (early.length === 0) return
  try {
    init.do(joinCalls(early.map(({ path, value }) => writeFileCalls(path, value))))
  } catch (error) {
    if (!(error instanceof SystemCallError)) throw error
  }
}

/** Mounts of other containers that this one shares, by their source in the spec. */
function openForeignTrees({ mounts = [] }: RuntimeSpec, resources: DisposableStack): Map<string, Fd> {
  const trees = new Map<string, Fd>()
  for (const { source = '' } of mounts) {
    const foreign = parseForeignPath(source)
    if (foreign !== undefined) trees.set(source, resources.use(fetchTree(foreign.pid, foreign.path)))
  }
  return trees
}

function writeMaps(stager: Servant, pid: number, spec: RuntimeSpec): void {
  const { uidMappings = [], gidMappings = [] } = spec.linux ?? {}
  stager.do(
    joinCalls([
      writeFileCalls(`/proc/${pid}/uid_map`, formatMappings(uidMappings)),
      writeFileCalls(`/proc/${pid}/gid_map`, formatMappings(gidMappings)),
    ]),
  )
}

function timeOffsetCalls(spec: RuntimeSpec): Call[] {
  const offsets = Object.entries(spec.linux?.timeOffsets ?? {})
  const text = offsets.map(([clock, { secs = 0, nanosecs = 0 }]) => `${clock} ${secs} ${nanosecs}\n`).join('')
  return text === '' ? [] : writeFileCalls('/proc/self/timens_offsets', text).map(one => one)
}

/** Whether a container's processes have the caller's groups: they cannot be changed, or the spec wants them (crun(1)). */
export function keepsGroups({ annotations }: RuntimeSpec, { mode }: Pick<UserNamespace, 'mode'>): boolean {
  return mode === 'single' || annotations?.['run.oci.keep_original_groups'] === '1'
}

function finalSteps(plan: CreatePlan, request: CreateRequest): Step[] {
  const { streams, namespace } = request
  const { process } = plan
  const linux = request.spec.linux ?? {}
  const facts: ProcessFacts = {
    keepGroups: keepsGroups(request.spec, namespace),
    lastCapability: Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8')),
    seccomp: request.seccomp,
  }
  return [
    streams.kind === 'terminal' ? planTerminalStreams() : planStreams(streams, process.user),
    ...planSurroundings(process, 3 + request.preservedFds),
    ...planIdentitySteps(process, linux, facts),
  ]
}

/** The /dev/shm of a container whose ids are not ours is for those to look at who are in its user namespace. */
function isFolder(source: string): boolean {
  try {
    return statSync(source, { throwIfNoEntry: false })?.isDirectory() ?? true
  } catch (error) {
    if (errnoOf(error) === 'EACCES' && source.startsWith('/proc/')) return true
    throw error
  }
}
