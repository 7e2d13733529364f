// One RUN: a container's process whose output goes through this program, and that ends with it. Host namespaces.
//
// Nothing watches it from outside: its parent is the launcher, which becomes a copy of this program that kills it when this process is
// gone (worker:end-run), so that a killed build leaves nothing running.
import type { PendingCgroup } from '#cgroup/manager.ts'
import { TspodError } from '#errors.ts'
import { selfCommand } from '#host/executable.ts'
import { pipeChunks } from '#host/read-pipe.ts'
import { awaitHelper, openHelperPipes } from '#network/await-helper.ts'
import type { NetworkDriver } from '#network/driver.ts'
import type { RuntimeSpec } from '#oci/runtime-spec.ts'
import { type CreatedProcess, type CreateRequest, createProcess, helperRequest } from '#runtime/create.ts'
import type { RootSetup } from '#runtime/root-setup.ts'
import { type Fd, openFile, openPipe, writeFully } from '#sys/fd.ts'
import { O_RDONLY, O_RDWR, SIGKILL } from '#sys/flags.ts'
import { type ExitStatus, killProcess, type ProcessIdentity, signalProcess, waitProcess } from '#sys/process.ts'

export interface RunRequest {
  spec: RuntimeSpec
  namespace: CreateRequest['namespace']
  root: RootSetup
  network: NetworkDriver | undefined
  /** the control group that it is to run in; absent: the caller's */
  cgroup: PendingCgroup | undefined
  /** a private folder for the network helper's socket; its path is short */
  sockets: string
  onOutput: (stream: 'stdout' | 'stderr', chunk: Uint8Array) => void
  signal: AbortSignal
}

/** Runs it to its end. Throws with exit code 126 or 127 where its program cannot be executed. */
export async function runProcess(request: RunRequest): Promise<ExitStatus> {
  const { spec, signal } = request
  signal.throwIfAborted()
  using resources = new DisposableStack()
  const nullFd = resources.use(openFile('/dev/null', O_RDWR))
  const [outReader, outWriter] = openPair(resources)
  const [errReader, errWriter] = openPair(resources)
  const [orderReader, orderWriter] = openPair(resources)
  const helper = request.network?.helper
  const pipes = openHelperPipes(request.sockets, resources)
  const { ready, exit, alive } = pipes
  const seccomp =
    spec.linux?.seccomp === undefined
      ? undefined
      : await (await import('#runtime/seccomp/plan.ts')).planSeccomp(spec.linux.seccomp, process.arch)
  const executable = resources.use(openFile('/proc/self/exe', O_RDONLY))
  const created = resources.use(
    createProcess({
      spec,
      namespace: request.namespace,
      root: request.root,
      streams: { kind: 'descriptors', stdin: nullFd.number, stdout: outWriter.number, stderr: errWriter.number },
      monitor: {
        executable: executable.number,
        argv: selfCommand('worker:end-run').argv,
        env: [],
        descriptors: new Map([
          [0, nullFd.number],
          [1, nullFd.number],
          [2, nullFd.number],
          [3, nullFd.number],
          [4, orderReader.number],
          [8, alive.number],
        ]),
      },
      helper:
        helper &&
        helperRequest(
          helper.path,
          pid => helper.argv({ pid, ports: [], descriptors: { ready: 3, exit: 4, folder: 5 } }),
          [nullFd, nullFd, pipes.words, ready, exit, pipes.folder],
        ),
      seccomp,
      ...(request.cgroup && { cgroup: request.cgroup }),
      isAttended: true,
      preservedFds: 0,
    }),
  )
  // the current folder may be gone by then, and nothing starts in a folder that is gone
  created.launcher?.call('chdir', '/')
  writeFully(orderWriter.number, Buffer.from(JSON.stringify(created.identity)))
  orderWriter.close()
  const { helperPid } = created
  await created.prepare(async () => {})
  if (helper !== undefined && helperPid !== undefined) {
    created.awaitHelper()
    awaitHelper(helper.name, helperPid, pipes)
  }
  created.start()
  for (const fd of [outWriter, errWriter, exit, alive, ready, orderReader]) fd.close()
  const kill = (): void => void signalProcess(created.identity, SIGKILL)
  signal.addEventListener('abort', kill, { once: true })
  try {
    const forward = async (fd: Fd, stream: 'stdout' | 'stderr'): Promise<void> => {
      for await (const chunk of pipeChunks(fd)) request.onOutput(stream, chunk)
    }
    await Promise.all([forward(outReader, 'stdout'), forward(errReader, 'stderr')])
    const status = await ended(created, helperPid)
    if (created.cgroupFolder !== undefined) await removeGroup(created.cgroupFolder)
    return status
  } finally {
    signal.removeEventListener('abort', kill)
  }
}

/** systemd removes a scope by itself. */
async function removeGroup(folder: string): Promise<void> {
  if (!folder.endsWith('.scope')) await (await import('#cgroup/files.ts')).removeCgroup(folder)
}

function openPair(resources: DisposableStack): [Fd, Fd] {
  const [reader, writer] = openPipe()
  resources.use(reader)
  resources.use(writer)
  return [reader, writer]
}

/** Its streams are closed: it has ended, or is about to, unless it closed them itself. */
async function ended(created: CreatedProcess, helperPid: number | undefined): Promise<ExitStatus> {
  const { launcher, identity } = created
  if (launcher === undefined) throw new TspodError('INTERNAL', 'the build step has no parent')
  let status = launcher.peekChild(identity.pid)
  for (let pauseMs = 0.2; status === undefined; pauseMs = Math.min(20, pauseMs * 2)) {
    await new Promise(resolve => setTimeout(resolve, pauseMs))
    status = launcher.peekChild(identity.pid)
  }
  launcher.disinherit()
  launcher.awaitChild(identity.pid)
  // servers of file systems keep their own mounts alive; what was written reached them when the files were closed
  for (const pid of [...created.storagePids, ...(helperPid === undefined ? [] : [helperPid])]) {
    killProcess(pid, SIGKILL)
    launcher.awaitChild(pid)
  }
  launcher.close()
  waitProcess(launcher.pid)
  return status
}

/** worker:end-run: the build is gone, so its step ends. Runs as the launcher, whose child it is. */
export function endRunWorker(identity: ProcessIdentity): void {
  signalProcess(identity, SIGKILL)
  // the network helper ends when this process has: it holds the last end of that one's lifeline
  waitProcess(identity.pid)
}
