// exec: another program in a running container. It is a child of this process, which copies its streams; no monitor takes part.
import { readFileSync } from 'node:fs'
import { arch } from 'node:os'
import { join } from 'node:path'
import { awaitStarted } from '#container/end-waiting.ts'
import { takeEntry } from '#container/environment.ts'
import { readEnvFile } from '#container/options/key-value.ts'
import { isMapped, keepGroupsAnnotation } from '#container/spec.ts'
import { requireAllowed } from '#container/state.ts'
import { type Accounts, resolveUser } from '#container/users.ts'
import type { ClientStreams, ContainerName, ExecOutcome, ExecRequest } from '#engine/contracts/container.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { terminalSize } from '#host/limits.ts'
import { type Execution, execAttached, execDetached, newSessionId } from '#monitor/exec.ts'
import { capabilityNames } from '#oci/capability.ts'
import type { ProcessSpec, RuntimeSpec } from '#oci/runtime-spec.ts'
import { parseRuntimeSpec } from '#oci/runtime-spec-parser.ts'
import { planSeccomp } from '#runtime/seccomp/plan.ts'
import { cgroupEntry } from './cgroup.ts'
import { readAccounts } from './read-accounts.ts'
import { findOne } from './select.ts'
import { type SeenContainer, seeContainer } from './survey.ts'

/** The verb: runs it, attached unless `detach`. Exit codes 126 and 127 come as errors. */
export async function execContainer(
  name: ContainerName,
  request: ExecRequest,
  streams: ClientStreams,
): Promise<ExecOutcome> {
  const engine = await openEngine()
  const seen = seeContainer(engine, findOne(engine, name))
  const execution = await planExecution(engine, seen, request)
  const { id, name: called, image, labels } = seen.requireRecord()
  const journal = (status: string, exitCode?: number): void => {
    engine.journal({ type: 'container', status, id, name: called, image: image?.name, exitCode, attributes: labels })
  }
  if (request.detach) {
    execDetached(execution)
    journal('exec')
    return { kind: 'started', sessionId: newSessionId() }
  }
  const detachKeys = streams.detachKeys ?? engine.config.engine.detachKeys
  journal('exec')
  const wanted = { ...streams, stdin: request.interactive }
  const outcome = execAttached(execution, wanted, { tty: request.tty, detachKeys })
  if (outcome.kind === 'exited') journal('exec_died', outcome.exitCode)
  return outcome
}

/** How long a container may take to start before an exec gives up on it. */
const STARTING_MS = 30_000

/** Decides what will run, how, and beside which process. Throws CONFLICT for a container that does not run. */
export async function planExecution(
  engine: Engine,
  { id, folder, report }: SeenContainer,
  request: ExecRequest,
): Promise<Execution> {
  requireAllowed('exec', id, report)
  if (report.state === undefined) throw new TspodError('INTERNAL', `container ${id} has no record of its process`)
  if (!(await awaitStarted(report.state, STARTING_MS)))
    throw new TspodError('CONFLICT', `container ${id} is still starting after ${STARTING_MS / 1000} s`)
  const spec = parseRuntimeSpec(readFileSync(join(folder, 'config.json'), 'utf8'))
  const accounts =
    request.user === undefined ? { passwd: '', group: '' } : await readAccounts(engine, id, report.state.pid)
  const { mode } = await engine.namespace()
  const process = planProcess(spec, request, accounts, mode)
  const enterCgroup = await cgroupEntry(engine, report.state)
  const isFiltered = spec.linux?.seccomp !== undefined && !request.privileged
  return {
    target: report.state,
    process,
    linux: spec.linux ?? {},
    seccomp: isFiltered && spec.linux?.seccomp ? await planSeccomp(spec.linux.seccomp, arch()) : undefined,
    keepGroups: mode === 'single' || spec.annotations?.[keepGroupsAnnotation] === '1',
    preservedFds: request.preserveFds,
    ...(enterCgroup && { enterCgroup }),
  }
}

/** The container's own process spec with what exec changes: program, environment, user, folder, terminal. */
function planProcess(
  spec: RuntimeSpec,
  request: ExecRequest,
  accounts: Accounts,
  mode: 'full' | 'single',
): ProcessSpec {
  const base = spec.process
  if (base === undefined) throw new TspodError('INVALID', 'the container has no process in its config.json')
  const env = new Map((base.env ?? []).map(entry => splitOnce(entry)))
  const host = globalThis.process.env
  for (const entry of request.envFiles.flatMap(readEnvFile)) takeEntry(env, entry, host, '--env-file')
  for (const entry of request.env) takeEntry(env, entry, host, '--env')
  let user = base.user
  let capabilities = base.capabilities
  if (request.user !== undefined) {
    const { gidMappings } = spec.linux ?? {}
    const hasGroup = (gid: number): boolean =>
      gidMappings === undefined ? mode === 'full' : isMapped(gidMappings, gid)
    const resolved = resolveUser(request.user, [], accounts, hasGroup)
    user = { ...base.user, uid: resolved.uid, gid: resolved.gid, additionalGids: resolved.additionalGids }
    if (resolved.entry?.home !== undefined) env.set('HOME', resolved.entry.home)
    const bounding = base.capabilities?.bounding ?? []
    capabilities = resolved.uid === 0 ? { bounding, effective: bounding, permitted: bounding } : { bounding }
  }
  if (request.privileged) {
    const all = [...capabilityNames]
    capabilities = user.uid === 0 ? { bounding: all, effective: all, permitted: all } : { bounding: all }
  }
  if (request.tty && !env.has('TERM')) env.set('TERM', 'xterm')
  const consoleSize = terminalSize()
  return {
    ...base,
    args: request.command,
    env: [...env].map(([key, value]) => `${key}=${value}`),
    user,
    capabilities,
    cwd: request.workdir ?? base.cwd,
    terminal: request.tty,
    ...(request.tty && consoleSize !== undefined && { consoleSize }),
    noNewPrivileges: base.noNewPrivileges === true && !request.privileged,
  }
}

function splitOnce(text: string): [string, string] {
  const equals = text.indexOf('=')
  return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)]
}
