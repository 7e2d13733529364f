// A command inside the user's namespace with a mount namespace of its own, on this process's own streams. Host namespaces; the command
// is a child of this process.
import { accessSync, constants, statSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf, TspodError } from '#errors.ts'
import { hostIdsRecord, hostIdsVariable, hostUser } from '#host/user.ts'
import { SIGHUP, SIGINT, SIGKILL, SIGTERM } from '#sys/flags.ts'
import { Poller, READABLE } from '#sys/poll.ts'
import { killProcess, openPidFd, waitProcess } from '#sys/process.ts'
import { programCalls } from '#sys/servant/program.ts'
import { Servant } from '#sys/servant/servant.ts'
import { SignalRelay } from '#sys/signal-relay.ts'
import { isTerminal } from '#sys/terminal.ts'
import { enterCalls, type UserNamespace } from './user-namespace.ts'

const SIGQUIT = 3
const SIGUSR1 = 10
const SIGUSR2 = 12
/** What a terminal sends to the command as well as to us. */
const fromTerminal = [SIGINT, SIGQUIT]
const forwarded = [SIGTERM, SIGHUP, SIGUSR1, SIGUSR2]

/** Runs it to its end; its exit status, 128 + signal where one killed it. Throws with exit code 126 or 127 where it cannot run. */
export function runInNamespace(namespace: UserNamespace, command: readonly string[], env: NodeJS.ProcessEnv): number {
  const [name = ''] = command
  const executable = findExecutable(name)
  const variables = { ...env, [hostIdsVariable]: hostIdsRecord(hostUser()) }
  // before the command runs: a signal must not find nobody to hand it on
  using relay = new SignalRelay([...fromTerminal, ...forwarded])
  const servant = Servant.start([], enterCalls(namespace))
  try {
    servant.exec(
      programCalls({
        executable,
        argv: command,
        env: Object.entries(variables).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`])),
        descriptors: new Map([0, 1, 2].map(fd => [fd, fd])),
      }),
    )
  } catch (error) {
    killProcess(servant.pid, SIGKILL)
    waitProcess(servant.pid)
    throw cannotRun(name, error)
  } finally {
    servant.close()
  }
  return awaitCommand(servant.pid, relay)
}

/** Hands signals on until the command has ended. */
function awaitCommand(pid: number, relay: SignalRelay): number {
  using pidFd = openPidFd(pid)
  using poller = new Poller()
  if (pidFd !== undefined) {
    poller.watch(pidFd.number, READABLE, () => poller.unwatch(pidFd.number))
    poller.watch(relay.fd, READABLE, () => {
      for (const signal of relay.take()) if (forwarded.includes(signal) || !isTerminal(0)) killProcess(pid, signal)
    })
    while (poller.size > 1) poller.wait() // until only the relay is left
  }
  return waitProcess(pid)?.status.code ?? 125
}

/** The file that a shell would execute: $PATH for a name without a slash. */
function findExecutable(name: string): string {
  if (name.includes('/')) return name
  let isThere = false
  for (const folder of (process.env['PATH'] ?? '/usr/bin:/bin').split(':')) {
    const path = join(folder, name)
    if (name === '' || !isFile(path)) continue
    isThere = true
    if (isExecutable(path)) return path
  }
  if (isThere) throw new TspodError('DENIED', `executing "${name}": permission denied`, { exitCode: 126 })
  throw new TspodError('NOT_FOUND', `executing "${name}": executable file not found in $PATH`, { exitCode: 127 })
}

/** A folder of $PATH that is not for us has nothing for us: root's own, where the containers' root runs the command. */
function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true
  } catch (error) {
    if (errnoOf(error) === 'EACCES') return false
    throw error
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false // not for us; another folder may have one that is
  }
}

function cannotRun(name: string, error: unknown): unknown {
  const errno = errnoOf(error)
  if (errno === 'ENOENT')
    return new TspodError('NOT_FOUND', `executing "${name}": no such file or directory`, {
      exitCode: 127,
      cause: error,
    })
  if (errno === 'EACCES' || errno === 'ENOEXEC' || errno === 'EISDIR')
    return new TspodError('DENIED', `executing "${name}": ${errno}`, { exitCode: 126, cause: error })
  return error
}
