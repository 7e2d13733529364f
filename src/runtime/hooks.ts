// Hooks of a container (runtime-spec, config.md, POSIX-platform Hooks; runtime.md, Lifecycle): programs that run at points of its life,
// with its state on standard input. Host namespaces; createContainer hooks run in those of the container, startContainer hooks inside it.
import { TspodError } from '#errors.ts'
import { log } from '#log.ts'
import { capabilityNames } from '#oci/capability.ts'
import type { HookSpec, HooksSpec, ProcessSpec, RuntimeSpec } from '#oci/runtime-spec.ts'
import { openFile } from '#sys/fd.ts'
import { O_DIRECTORY, O_PATH } from '#sys/flags.ts'
import type { ProcessIdentity } from '#sys/process.ts'
import type { CreatedProcess } from './create.ts'
import { type ExecRequest, joinProcess } from './exec.ts'
import { awaitHook, type HookFiles, openHookFiles, startOnHost } from './run-hook.ts'
import type { SeccompPlan } from './seccomp/plan.ts'

export type HookStage = keyof HooksSpec

/** What a hook reads (runtime.md, State). */
export interface HookState {
  ociVersion: string
  id: string
  status: 'creating' | 'created' | 'running' | 'stopped'
  /** As the host sees it; absent when the process has ended. */
  pid?: number
  bundle: string
  annotations?: Record<string, string>
}

/** Hooks to run when the container has ended; JSON-serialisable, for whoever watches it. */
export interface PoststopHooks {
  hooks: HookSpec[]
  state: HookState
}

export interface HookFacts {
  id: string
  /** The container's folder, with its config.json. */
  bundle: string
  /** The container's root as the host's paths name it, until the root changes. */
  rootPath: string
  /** setgroups(2) is denied in the container's user namespace, or the caller's groups are kept. */
  keepGroups: boolean
  seccomp: SeccompPlan | undefined
}

/** The hooks of one container that is being started. */
export class ContainerHooks {
  readonly #spec: RuntimeSpec
  readonly #facts: HookFacts

  constructor(spec: RuntimeSpec, facts: HookFacts) {
    this.#spec = spec
    this.#facts = facts
  }

  /** For whoever sees the container end; `undefined` where there is nothing to run. */
  get poststop(): PoststopHooks | undefined {
    const hooks = this.#hooks('poststop')
    return hooks.length === 0 ? undefined : { hooks, state: this.#state('stopped') }
  }

  /**
   * Prepares the container, with all hooks that come before its program: prestart, createRuntime and createContainer once its
   * namespaces and mounts exist and `connect` has returned, startContainer after the change of root. Throws where one fails.
   */
  async prepare(created: CreatedProcess, meanwhile: () => Promise<void>, connect: () => void): Promise<void> {
    const { identity } = created
    await created.prepare(meanwhile, () => {
      connect()
      for (const stage of ['prestart', 'createRuntime'] as const)
        for (const hook of this.#hooks(stage)) this.#runOnHost(stage, hook, this.#state('creating', identity.pid))
      this.#createContainer(created)
    })
    this.#startContainer(created)
  }

  /** poststart, once the program runs. A hook that fails is warned of. */
  afterStart({ pid }: ProcessIdentity): void {
    for (const hook of this.#hooks('poststart'))
      try {
        this.#runOnHost('poststart', hook, this.#state('running', pid))
      } catch (error) {
        log.warn(error instanceof Error ? error.message : String(error))
      }
  }

  /** poststop, for a container that could not be started. */
  abandon(): void {
    if (this.poststop !== undefined) for (const fault of runPoststop(this.poststop)) log.warn(fault)
  }

  /** Programs of the image: before the first one runs, process 1, which has memory in common with us, is closed to it. */
  #startContainer(created: CreatedProcess): void {
    using resources = new DisposableStack()
    const state = this.#state('created', created.identity.pid)
    const ready = this.#hooks('startContainer').map(hook => {
      const files = resources.use(openHookFiles(state))
      const request = this.#joining(created.identity, hook, this.#imageProcess(hook), files)
      const joined = resources.use(joinProcess({ ...request, seccomp: this.#facts.seccomp }))
      return { hook, files, joined }
    })
    if (ready.length > 0) created.hide()
    for (const { hook, files, joined } of ready) awaitHook('startContainer', hook, files, () => joined.start())
  }

  #runOnHost(stage: HookStage, hook: HookSpec, state: HookState): void {
    using files = openHookFiles(state)
    awaitHook(stage, hook, files, () => startOnHost(hook, state.bundle, files))
  }

  /** Programs of the host in the container's namespaces, where the host's files are still the root. */
  #createContainer(created: CreatedProcess): void {
    const hooks = this.#hooks('createContainer')
    if (hooks.length === 0) return
    const { identity } = created
    created.showRoot(this.#facts.rootPath)
    using root = openFile(`/proc/${identity.pid}/root`, O_PATH | O_DIRECTORY)
    for (const hook of hooks) {
      using files = openHookFiles(this.#state('creating', identity.pid))
      const request = this.#joining(identity, hook, this.#hostProcess(hook), files)
      awaitHook('createContainer', hook, files, () => {
        using joined = joinProcess({ ...request, root: root.number })
        return joined.start()
      })
    }
  }

  #joining(target: ProcessIdentity, hook: HookSpec, process: ProcessSpec, files: HookFiles): ExecRequest {
    const { keepGroups } = this.#facts
    const linux = this.#spec.linux ?? {}
    const streams = { kind: 'descriptors', ...files.streams } as const
    return { target, process, linux, streams, keepGroups, preservedFds: 0, executable: hook.path }
  }

  /** A program of the host in the container's namespaces, before the change of root: it may do there what its root can. */
  #hostProcess(hook: HookSpec): ProcessSpec {
    const all = [...capabilityNames]
    const capabilities = { bounding: all, effective: all, permitted: all }
    return { ...calling(hook), cwd: this.#facts.rootPath, user: { uid: 0, gid: 0 }, capabilities }
  }

  /** A program of the image: root of the container, as confined as its own program. */
  #imageProcess(hook: HookSpec): ProcessSpec {
    const own = this.#spec.process
    const bounding = own?.capabilities?.bounding ?? []
    const capabilities = { bounding, effective: bounding, permitted: bounding }
    return { ...own, ...calling(hook), terminal: false, cwd: '/', user: { uid: 0, gid: 0 }, capabilities }
  }

  #hooks(stage: HookStage): HookSpec[] {
    return this.#spec.hooks?.[stage] ?? []
  }

  #state(status: HookState['status'], pid?: number): HookState {
    const { ociVersion, annotations } = this.#spec
    const { id, bundle } = this.#facts
    return { ociVersion, id, status, ...(pid !== undefined && { pid }), bundle, ...(annotations && { annotations }) }
  }
}

function calling({ path, args, env }: HookSpec): { args: string[]; env: string[] } {
  return { args: args === undefined || args.length === 0 ? [path] : args, env: env ?? [] }
}

/** Runs hooks of a container that has ended, all of them. What went wrong, in words: nothing stops for it. */
export function runPoststop({ hooks, state }: PoststopHooks): string[] {
  return hooks.flatMap(hook => {
    try {
      using files = openHookFiles(state)
      awaitHook('poststop', hook, files, () => startOnHost(hook, state.bundle, files))
      return []
    } catch (error) {
      if (error instanceof TspodError) return [error.message]
      throw error
    }
  })
}
