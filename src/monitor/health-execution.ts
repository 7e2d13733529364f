// A health check as a process in a running container: like `exec` without a user of its own, with all of its output in one pipe. Runs in
// the monitor, or in the command line; the process is a child of either.
import { readFileSync } from 'node:fs'
import { groupOf, readCgroupFile, writeCgroupFile } from '#cgroup/files.ts'
import { CGROUP_ROOT } from '#cgroup/manager.ts'
import type { SoftLimits } from '#cgroup/soft-limits.ts'
import { healthArguments } from '#container/healthcheck.ts'
import { keepGroupsAnnotation } from '#container/spec.ts'
import { TspodError } from '#errors.ts'
import { parseOwnGroup } from '#host/cgroup.ts'
import type { RuntimeSpec } from '#oci/runtime-spec.ts'
import { parseRuntimeSpec } from '#oci/runtime-spec-parser.ts'
import { type ExecRequest, execProcess } from '#runtime/exec.ts'
import { ProgramSpawner } from '#runtime/program-spawner.ts'
import { planSeccomp, type SeccompPlan } from '#runtime/seccomp/plan.ts'
import { type Fd, openFile, openPipe } from '#sys/fd.ts'
import { O_RDWR } from '#sys/flags.ts'
import type { ProcessIdentity } from '#sys/process.ts'
import { setNonBlocking } from './nonblocking.ts'

/** A container, as far as a check needs to know it. */
export interface CheckedContainer extends ProcessIdentity {
  folder: string
  cgroupFolder?: string | undefined
  softLimits?: SoftLimits | undefined
}

/** The exit code of a check that took too long, as docker has it, and of one that could not be executed. */
export const TIMED_OUT = -1
export const CANNOT_RUN = 125

/** A check under way. */
export interface RunningCheck {
  pid: number
  /** Standard output and error, not waiting; whoever has it closes it. */
  output: Fd
}

/** Starts checks of one container; its description is read and its filter compiled once. */
export class CheckStarter {
  readonly #container: CheckedContainer
  readonly #spec: RuntimeSpec
  readonly #seccomp: SeccompPlan | undefined
  readonly #keepGroups: boolean
  readonly #enterCgroup: ((pid: number) => void) | undefined

  private constructor(
    container: CheckedContainer,
    spec: RuntimeSpec,
    seccomp: SeccompPlan | undefined,
    isSingle: boolean,
    enterCgroup: ((pid: number) => void) | undefined,
  ) {
    this.#container = container
    this.#enterCgroup = enterCgroup
    this.#spec = spec
    this.#seccomp = seccomp
    this.#keepGroups = isSingle || spec.annotations?.[keepGroupsAnnotation] === '1'
  }

  /** `isSingle`: the user's namespace maps one id. */
  static async open(container: CheckedContainer, isSingle: boolean): Promise<CheckStarter> {
    const spec = parseRuntimeSpec(readFileSync(`${container.folder}/config.json`, 'utf8'))
    const { seccomp } = spec.linux ?? {}
    const filter = seccomp && (await planSeccomp(seccomp, process.arch))
    return new CheckStarter(container, spec, filter, isSingle, await entryOf(container))
  }

  /** Throws where the test cannot be executed. */
  start(test: readonly string[]): RunningCheck {
    const { made: pid, output } = this.#withStreams(test, execProcess)
    return { pid, output }
  }

  /** For one check after the other, of which none can be waited for here. Throws where the container has ended. */
  stand(): StandingStarter {
    const { made, output } = this.#withStreams([], request => new ProgramSpawner(request))
    return new StandingStarter(made, output)
  }

  #withStreams<T>(test: readonly string[], make: (request: ExecRequest) => T): { made: T; output: Fd } {
    const [reader, writer] = openPipe()
    using _writer = writer
    using nullFd = openFile('/dev/null', O_RDWR)
    try {
      setNonBlocking(reader.number)
      return { made: make(this.#requestOf(test, nullFd.number, writer.number)), output: reader }
    } catch (error) {
      reader.close()
      throw error
    }
  }

  #requestOf(test: readonly string[], input: number, output: number): ExecRequest {
    const { process: base, linux = {} } = this.#spec
    return {
      target: this.#container,
      process: {
        ...base,
        cwd: base?.cwd ?? '/',
        user: base?.user ?? { uid: 0, gid: 0 },
        args: healthArguments(test),
        terminal: false,
      },
      linux,
      streams: { kind: 'descriptors', stdin: input, stdout: output, stderr: output },
      ...(this.#seccomp && { seccomp: this.#seccomp }),
      keepGroups: this.#keepGroups,
      preservedFds: 0,
      ...(this.#enterCgroup && { enterCgroup: this.#enterCgroup }),
    }
  }
}

/** A process in the container that starts checks; all of them write to the same pipe. */
export class StandingStarter implements Disposable {
  readonly #spawner: ProgramSpawner
  /** Of the pipe, not waiting; whoever has this object closes it. */
  readonly output: Fd

  constructor(spawner: ProgramSpawner, output: Fd) {
    this.#spawner = spawner
    this.output = output
  }

  /** Readable when a test could not be executed: its process is to be killed, and `CheckStarter.start` says why. */
  get failures(): number {
    return this.#spawner.failures
  }

  hasFailed(): boolean {
    return this.#spawner.hasFailed()
  }

  start(test: readonly string[]): number {
    return this.#spawner.start(healthArguments(test))
  }

  [Symbol.dispose](): void {
    this.#spawner[Symbol.dispose]()
  }
}

/** What a process goes through on its way in; `undefined`: nothing. */
async function entryOf(container: CheckedContainer): Promise<((joining: number) => void) | undefined> {
  const enter = await cgroupEntry(container)
  const { softLimits } = container
  if (softLimits === undefined) return enter
  const { applySoftLimits } = await import('#cgroup/soft-limits.ts')
  return joining => {
    applySoftLimits(joining, softLimits)
    enter?.(joining)
  }
}

/**
 * What puts a process into the container's group. A monitor lives in the user manager's tree, or the subtree that is the user's, and may
 * put its children anywhere in it; a command line of a login session has systemd do it.
 */
async function cgroupEntry({ cgroupFolder, pid }: CheckedContainer): Promise<((joining: number) => void) | undefined> {
  if (cgroupFolder === undefined) return undefined
  const folder = groupOf(pid, cgroupFolder)
  const [, tree] = /^(.*\/user@\d+\.service\/)/.exec(folder) ?? []
  const own = `${CGROUP_ROOT}${parseOwnGroup(readCgroupFile('/proc/self', 'cgroup') ?? '') ?? ''}/`
  if (tree === undefined || own.startsWith(tree))
    return joining => writeCgroupFile(folder, 'cgroup.procs', String(joining))
  const { connectSystemd } = await import('#cgroup/systemd.ts')
  const manager = connectSystemd()
  if (typeof manager === 'string')
    throw new TspodError('UNSUPPORTED', `entering the control group "${folder}": nobody can do that now: ${manager}`)
  return joining => manager.join(folder, joining)
}
