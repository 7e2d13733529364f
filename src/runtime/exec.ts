// Runs another program in a running container: a servant becomes the stub, joins the container's namespaces, and clones the process,
// which is a child of this process. Undumpable from before it joins until its execve, so that nobody inside can look into it
// (CVE-2016-9962). Runs in the host's namespaces.
import { readFileSync, readlinkSync } from 'node:fs'
import { TspodError } from '#errors.ts'
import type { LinuxSpec, NamespaceType, ProcessSpec } from '#oci/runtime-spec.ts'
import {
  AT_FDCWD,
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  CLONE_PARENT,
  O_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  PR_SET_DUMPABLE,
  SIGKILL,
} from '#sys/flags.ts'
import { isAlive, killProcess, openPidFd, type ProcessIdentity, waitProcess } from '#sys/process.ts'
import { call, tolerate } from '#sys/servant/batch.ts'
import { Seat, Servant } from '#sys/servant/servant.ts'
import { openStub, stubCalls } from '#sys/servant/stub.ts'
import type { ProcessStreams } from './create.ts'
import { executeProgram } from './exec-error.ts'
import { planTerminal, planTerminalStreams } from './plan/device-steps.ts'
import { placeAt } from './plan/paths.ts'
import { planExecve, planIdentitySteps, planStreams, planSurroundings } from './plan/process-steps.ts'
import type { SeccompPlan } from './seccomp/plan.ts'
import { ROOT } from './slots.ts'
import { performSteps, type Step } from './step.ts'

export interface ExecRequest {
  /** Process 1 of the container. */
  target: ProcessIdentity
  /** What to run: args, env, cwd, user, capabilities, terminal. */
  process: ProcessSpec
  linux: LinuxSpec
  streams: ProcessStreams
  seccomp?: SeccompPlan
  /** setgroups(2) is denied in the container's user namespace, or the caller's groups are kept */
  keepGroups: boolean
  /** Descriptors from 3 up to hand on (`--preserve-fds`). */
  preservedFds: number
  /** A folder that becomes its root, in the namespace it has joined; absent: the namespace's own root. */
  root?: number
  /** Puts a process of ours into the container's control group; absent: it has none. */
  enterCgroup?: (pid: number) => void
  /** The file to execute, where that is not looked up by the first argument. */
  executable?: string
}

const namespaceFlags: Record<Exclude<NamespaceType, 'network' | 'mount'> | 'net' | 'mnt', number> = {
  user: CLONE_NEWUSER,
  mnt: CLONE_NEWNS,
  pid: CLONE_NEWPID,
  net: CLONE_NEWNET,
  ipc: CLONE_NEWIPC,
  uts: CLONE_NEWUTS,
  cgroup: CLONE_NEWCGROUP,
  time: CLONE_NEWTIME,
}

/** The namespaces in which a process differs from this one, as flags of setns(2). */
function foreignNamespaces(pid: number): number {
  let flags = 0
  for (const [name, flag] of Object.entries(namespaceFlags)) {
    try {
      if (readlinkSync(`/proc/${pid}/ns/${name}`) !== readlinkSync(`/proc/self/ns/${name}`)) flags |= flag
    } catch {
      // a kind of namespace that this kernel does not have
    }
  }
  return flags
}

/** Starts the program; returns its pid, to be waited for by the caller. Throws with exit code 126 or 127 where it cannot run. */
export function execProcess(request: ExecRequest): number {
  using joined = joinProcess(request)
  return joined.start()
}

/** A process in a container that has yet to execute its program. Disposing it before `start` ends it. */
export class JoinedProcess implements Disposable {
  readonly #servant: Servant
  readonly #request: ExecRequest
  readonly #final: readonly Step[]
  #isStarted = false

  constructor(servant: Servant, request: ExecRequest, final: readonly Step[]) {
    this.#servant = servant
    this.#request = request
    this.#final = final
  }

  /** Executes the program; its pid, to be waited for by the caller. */
  start(): number {
    const { process, executable } = this.#request
    executeProgram(this.#servant, process, this.#final, planExecve(process, executable))
    this.#isStarted = true
    return this.#servant.pid
  }

  [Symbol.dispose](): void {
    if (!this.#isStarted) {
      killProcess(this.#servant.pid, SIGKILL)
      waitProcess(this.#servant.pid)
    }
    this.#servant.close()
  }
}

/** Makes a process inside the container, up to where its program is executed. */
export function joinProcess(request: ExecRequest): JoinedProcess {
  using resources = new DisposableStack()
  const seat = resources.use(new Seat())
  const { joiner, final } = startJoiner(request, seat, resources)
  resources.defer(() => {
    joiner.close()
    waitProcess(joiner.pid)
  })
  const servant = joiner.clone(seat, CLONE_PARENT)
  const joined = new JoinedProcess(servant, request, final)
  try {
    performSteps(servant, [rootStep(request.root), ...terminalSteps(request)])
    return joined
  } catch (error) {
    joined[Symbol.dispose]()
    throw error
  }
}

/** A servant in the container's namespaces, but for the one of processes, in which its children are; it inherits `seat` for them. */
export function startJoiner(
  request: ExecRequest,
  seat: Seat,
  resources: DisposableStack,
): { joiner: Servant; final: readonly Step[] } {
  const { target, streams } = request
  const pidFd = openPidFd(target.pid)
  if (pidFd === undefined || !isAlive(target))
    throw new TspodError('CONFLICT', 'the container has ended', { hint: '`tspod start` starts it again' })
  resources.use(pidFd)
  const joinerSeat = new Seat()
  const stub = resources.use(openStub(joinerSeat))
  const preserved = Array.from({ length: request.preservedFds }, (_, index) => 3 + index)
  const keep = [
    seat.theirsNumber,
    pidFd.number,
    ...(streams.kind === 'terminal' ? [streams.socket] : [streams.stdin, streams.stdout, streams.stderr]),
    ...preserved,
    ...(request.root === undefined ? [] : [request.root]),
  ]
  const joiner = Servant.startStub(joinerSeat, [seat], stubCalls(stub, joinerSeat, 'tspod: exec', [...new Set(keep)]))
  try {
    const final = planFinal(request) // while the stub starts
    request.enterCgroup?.(joiner.pid)
    joiner.do([
      call('prctl', PR_SET_DUMPABLE, 0, 0, 0, 0),
      call('setns', pidFd.number, foreignNamespaces(target.pid)),
      call('close', pidFd.number),
    ])
    return { joiner, final }
  } catch (error) {
    joiner.close()
    waitProcess(joiner.pid)
    throw error
  }
}

/** Where the process is before it is whose program it executes. */
export function rootStep(root: number | undefined): Step {
  return {
    actor: 'init',
    doing: 'entering the container',
    shell: '',
    calls: [
      ...(root === undefined ? [] : [call('fchdir', root), call('chroot', '.')]),
      call('openat', AT_FDCWD, '/', O_PATH | O_DIRECTORY | O_CLOEXEC, 0),
      ...placeAt(root === undefined ? 0 : 2, ROOT),
      call('setsid'),
      tolerate('EINVAL', call('setresgid', 0, 0, 0)),
      tolerate('EINVAL', call('setresuid', 0, 0, 0)),
    ],
  }
}

function terminalSteps({ streams, process }: ExecRequest): Step[] {
  if (streams.kind !== 'terminal') return []
  const [open] = planTerminal(streams.socket, process.consoleSize, process.user.uid, 0)
  return open === undefined ? [] : [open]
}

/** What it becomes, before its program is executed. */
export function planFinal(request: ExecRequest): Step[] {
  const { streams, process, linux } = request
  const facts = {
    keepGroups: request.keepGroups,
    lastCapability: Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8')),
    seccomp: request.seccomp,
  }
  return [
    streams.kind === 'terminal' ? planTerminalStreams() : planStreams(streams, process.user),
    ...planSurroundings(process, 3 + request.preservedFds),
    ...planIdentitySteps(process, linux, facts),
  ]
}
