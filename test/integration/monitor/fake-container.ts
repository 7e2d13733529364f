// A monitor with a plain shell command in the place of a container's process: no namespaces, no image, everything else real.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ExitRecord, readExitRecord } from '#container/exit-record.ts'
import { type ChildMessage, encodeMessage, type FailureMessage } from '#monitor/protocol.ts'
import { nowTimestamp } from '#sys/clock.ts'
import { Fd, openFile, openPipe, openSocketPair, writeFully } from '#sys/fd.ts'
import { O_RDWR, PR_SET_CHILD_SUBREAPER, SIGKILL, SOCK_STREAM } from '#sys/flags.ts'
import { isAlive, killProcess, readProcessStat, waitProcess } from '#sys/process.ts'
import { call } from '#sys/servant/batch.ts'
import { programCalls } from '#sys/servant/program.ts'
import { Seat, Servant } from '#sys/servant/servant.ts'

const mainScript = join(import.meta.dir, '../../../src/main.ts')

export interface FakeOptions {
  child?: Partial<ChildMessage>
  /** A program other than Bun with main.ts, such as dist/tspod. */
  executable?: string
  /** Never tell the monitor what to watch. */
  silent?: boolean
}

/** A running fake container; disposing it ends monitor and child and removes its files. */
export class FakeContainer implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'tspod-monitor-'))
  readonly id = [...crypto.getRandomValues(new Uint8Array(32))].map(byte => byte.toString(16).padStart(2, '0')).join('')
  readonly folder = join(this.root, 'containers', this.id)
  readonly logPath = join(this.folder, 'ctr.log')
  readonly runRoot = join(this.root, 'run')
  readonly control: Fd
  readonly pid: number
  readonly monitorPid: number
  readonly #child: Servant
  readonly #startTime: number
  readonly #command: string

  constructor(command: string, options: FakeOptions = {}) {
    this.#command = command
    mkdirSync(this.folder, { recursive: true })
    mkdirSync(this.runRoot)
    const seat = new Seat()
    const [control, theirControl] = openSocketPair(SOCK_STREAM)
    const [outReader, outWriter] = openPipe()
    const [errReader, errWriter] = openPipe()
    const [inReader, inWriter] = openPipe()
    using nullFd = openFile('/dev/null', O_RDWR)
    using launcher = Servant.start([seat], [call('setsid'), call('prctl', PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)])
    this.monitorPid = launcher.pid
    this.#child = launcher.clone(seat)
    this.#child.do([
      call('dup3', options.child?.openStdin === true ? inReader.number : nullFd.number, 0, 0),
      call('dup3', outWriter.number, 1, 0),
      call('dup3', errWriter.number, 2, 0),
    ])
    this.pid = this.#child.pid
    this.#startTime = readProcessStat(this.pid)?.startTime ?? 0
    const { executable } = options
    launcher.exec(
      programCalls({
        executable: executable ?? process.execPath,
        argv: [...(executable === undefined ? ['bun', mainScript] : ['tspod']), `monitor:${this.id}`],
        env: ['BUN_JSC_useJIT=0', `HOME=${process.env.HOME ?? '/'}`, `PATH=${process.env.PATH ?? ''}`],
        descriptors: new Map([
          [0, nullFd.number],
          [1, nullFd.number],
          [2, 2],
          [3, theirControl.number],
          [4, outReader.number],
          [5, errReader.number],
          [6, inWriter.number],
        ]),
      }),
    )
    for (const fd of [theirControl, outReader, outWriter, errReader, errWriter, inReader, inWriter]) fd.close()
    this.control = control
    if (options.silent !== true) this.#sendChild(options.child ?? {})
  }

  #sendChild(changes: Partial<ChildMessage>): void {
    const child: ChildMessage = {
      id: this.id,
      name: 'fake',
      pid: this.pid,
      startTime: this.#startTime,
      folder: this.folder,
      graphRoot: this.root,
      runRoot: this.runRoot,
      tty: false,
      openStdin: false,
      stdinOnce: false,
      logDriver: 'k8s-file',
      logOpts: {},
      remove: false,
      anonymousVolumes: [],
      stopSignal: 15,
      stopTimeoutSeconds: 2,
      helpers: [],
      restarts: 0,
      engineSettings: {},
      journal: { image: 'none', attributes: {} },
      startedAt: nowTimestamp(),
      ...changes,
    }
    writeFully(this.control.number, encodeMessage('child', child))
  }

  /** Executes the command, as a command line does once everything is ready. */
  start(): void {
    this.#child.exec([
      call('chdir', this.root),
      call('close_range', 3, 0xffff_ffff, 4),
      call('rt_sigprocmask', 2, { memory: new BigUint64Array(1) }, 0, 8),
      call('execve', '/bin/bash', ['bash', '-c', this.#command], ['PATH=/usr/sbin:/usr/bin:/sbin:/bin']),
    ])
    writeFully(this.control.number, encodeMessage('started', { isTold: false }))
  }

  /** The command line dies before the command is executed. */
  abandon(): void {
    this.#child.close()
    this.control.close()
  }

  /** The command line cannot execute the command. */
  fail(failure: FailureMessage): void {
    writeFully(this.control.number, encodeMessage('failed', failure))
    this.#child.close()
    this.control.close()
  }

  get log(): string {
    return readFileSync(this.logPath, 'utf8')
  }

  /** Waits for the monitor's end. */
  waitForMonitor(timeoutMs = 15_000): void {
    const end = performance.now() + timeoutMs
    while (waitProcess(this.monitorPid, true) === undefined) {
      if (performance.now() > end) throw new Error('the monitor did not end')
      Bun.sleepSync(2)
    }
  }

  exit(timeoutMs = 15_000): ExitRecord {
    const end = performance.now() + timeoutMs
    for (;;) {
      const record = readExitRecord(this.folder)
      if (record !== undefined) return record
      if (performance.now() > end) throw new Error('no exit record came')
      Bun.sleepSync(2)
    }
  }

  get isChildAlive(): boolean {
    return isAlive({ pid: this.pid, startTime: this.#startTime })
  }

  [Symbol.dispose](): void {
    if (this.isChildAlive) killProcess(this.pid, SIGKILL)
    if (readProcessStat(this.monitorPid)?.parent === process.pid) {
      killProcess(this.monitorPid, SIGKILL)
      waitProcess(this.monitorPid)
    }
    this.#child.close()
    this.control.close()
    rmSync(this.root, { recursive: true, force: true })
  }
}
