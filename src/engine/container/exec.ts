// exec: another program in a running container. It is a child of this process, which copies its streams; no monitor takes part.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { TspodError } from '#errors.ts'
import { capabilityNames } from '#oci/capability.ts'
import { readEnvFile } from '#container/options/key-value.ts'
import { containerDir } from '#container/record.ts'
import { resolveUser } from '#container/users.ts'
import { readStatus, requireAllowed, thisMachine } from '#container/state.ts'
import { keepGroupsAnnotation } from '#container/spec.ts'
import type { ProcessSpec, RuntimeSpec } from '#oci/runtime-spec.ts'
import { parseRuntimeSpec } from '#oci/runtime-spec-parser.ts'
import { execProcess } from '#runtime/exec.ts'
import { compileSeccomp } from '#runtime/seccomp/compile.ts'
import { openFile, openPipe, openSocketPair } from '#sys/fd.ts'
import { O_RDWR, SOCK_STREAM } from '#sys/flags.ts'
import { receiveDescriptor } from '#sys/socket.ts'
import { readWindowSize } from '#sys/terminal.ts'
import { readChainFile } from '#storage/chain-file.ts'
import type { ClientStreams, ContainerName, ExecOutcome, ExecRequest } from '../contracts/container.ts'
import { openEngine } from '../open.ts'
import { findOne } from './select.ts'

/** The verb: runs it, attached unless `detach`. Exit codes 126 and 127 come as errors. */
export async function execContainer(
  name: ContainerName,
  request: ExecRequest,
  streams: ClientStreams,
): Promise<ExecOutcome> {
  const engine = await openEngine()
  const id = findOne(engine, name)
  const folder = containerDir(engine.graphRoot, id)
  const report = readStatus(folder, thisMachine({ sharedStore: false }))
  requireAllowed('exec', id, report)
  if (report.state === undefined) throw new TspodError('INTERNAL', `container ${id} has no record of its process`)
  const spec = parseRuntimeSpec(readFileSync(join(folder, 'config.json'), 'utf8'))
  const process_ = planProcess(spec, request, `/proc/${report.state.pid}/root`)
  using resources = new DisposableStack()
  const common = {
    target: report.state,
    process: process_,
    linux: spec.linux ?? {},
    seccompFilter:
      spec.linux?.seccomp === undefined || request.privileged
        ? undefined
        : compileSeccomp(spec.linux.seccomp, process.arch),
    keepGroups: (await engine.namespace()).mode === 'single' || spec.annotations?.[keepGroupsAnnotation] === '1',
    preservedFds: request.preserveFds,
  }
  const { attachTerminal, attachPipes } = await import('#monitor/client/process-session.ts')
  if (request.tty && !request.detach) {
    const [ours, theirs] = openSocketPair(SOCK_STREAM)
    resources.use(ours)
    resources.use(theirs)
    const pid = execProcess({ ...common, streams: { kind: 'terminal', socket: theirs.number } })
    const master = receiveDescriptor(ours.number)
    if (master === undefined) throw new TspodError('INTERNAL', 'the terminal of the new process did not arrive')
    return attachTerminal({ pid, master: resources.use(master), streams })
  }
  const nullFd = resources.use(openFile('/dev/null', O_RDWR))
  if (request.detach) {
    execProcess({
      ...common,
      streams: { kind: 'descriptors', stdin: nullFd.number, stdout: nullFd.number, stderr: nullFd.number },
    })
    return { kind: 'started', sessionId: Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex') }
  }
  const [outReader, outWriter] = openPipe()
  const [errReader, errWriter] = openPipe()
  const stdin = request.interactive ? openPipe() : undefined
  for (const fd of [outReader, outWriter, errReader, errWriter, ...(stdin ?? [])]) resources.use(fd)
  const pid = execProcess({
    ...common,
    streams: {
      kind: 'descriptors',
      stdin: stdin?.[0].number ?? nullFd.number,
      stdout: outWriter.number,
      stderr: errWriter.number,
    },
  })
  for (const fd of [outWriter, errWriter, stdin?.[0]]) fd?.close()
  return attachPipes({ pid, stdin: stdin?.[1], stdout: outReader, stderr: errReader, streams })
}

/** The container's own process spec with what exec changes: program, environment, user, folder, terminal. */
function planProcess(spec: RuntimeSpec, request: ExecRequest, root: string): ProcessSpec {
  const base = spec.process
  if (base === undefined) throw new TspodError('INVALID', 'the container has no process in its config.json')
  const env = new Map((base.env ?? []).map(entry => splitOnce(entry)))
  for (const entry of [...request.envFiles.flatMap(readEnvFile), ...request.env]) {
    const [key, value] = splitOnce(entry)
    env.set(key, entry.includes('=') ? value : (process.env[key] ?? ''))
  }
  let user = base.user
  let capabilities = base.capabilities
  if (request.user !== undefined) {
    const resolved = resolveUser(request.user, [], {
      passwd: readChainFile([root], 'etc/passwd'),
      group: readChainFile([root], 'etc/group'),
    })
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
  const size = readWindowSize(0) ?? readWindowSize(1)
  return {
    ...base,
    args: request.command,
    env: [...env].map(([key, value]) => `${key}=${value}`),
    user,
    capabilities,
    cwd: request.workdir ?? base.cwd,
    terminal: request.tty,
    ...(request.tty && size !== undefined && { consoleSize: { height: size.rows, width: size.columns } }),
    noNewPrivileges: base.noNewPrivileges === true && !request.privileged,
  }
}

function splitOnce(text: string): [string, string] {
  const equals = text.indexOf('=')
  return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)]
}
