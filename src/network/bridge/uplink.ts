// The way out of the user's network namespace: slirp4netns(1) on a tap device in it. It takes packets from any source address, as long as
// something answers its questions for that address: the namespace does so for all containers (proxy_arp), and nothing is translated.
// A child of the service, in the host's network; it outlives the service, whose successor goes on with it.
import { existsSync } from 'node:fs'
import { TspodError } from '#errors.ts'
import { installCommand, readDistribution } from '#host/distribution.ts'
import { DEFAULT_MTU } from '#network/definition.ts'
import { type Fd, openFile, openPipe } from '#sys/fd.ts'
import { O_DIRECTORY, O_PATH, O_RDWR } from '#sys/flags.ts'
import { isAlive, openPidFd, type ProcessIdentity, readProcessStat } from '#sys/process.ts'
import { programCalls } from '#sys/servant/program.ts'
import { Seat, Servant } from '#sys/servant/servant.ts'
import { openStub, stubCalls } from '#sys/servant/stub.ts'
import { UPLINK, uplinkAddresses } from './plumbing.ts'

/** Its API socket below the runtime folder (slirp4netns(1)): for published ports. */
export const UPLINK_SOCKET = 'network-uplink'

/** A program that is about to be, or is, the way out. */
export interface UplinkProcess {
  identity: ProcessIdentity
  pidFd: Fd | undefined
  /** Readable when the network works; closed after that. */
  ready?: Fd
}

/** Starts the program. `exit` is the reading end of the lifeline, `folder` where its API socket is. Throws where it cannot be executed. */
export function startUplink(path: string, namespace: Fd, exit: Fd, folder: string): UplinkProcess {
  const seat = new Seat()
  // at logout the folder vanishes, and ports cannot be published until it is back
  using folderFd = existsSync(folder) ? openFile(folder, O_PATH | O_DIRECTORY) : undefined
  using stub = openStub(seat)
  using nullFd = openFile('/dev/null', O_RDWR)
  const [ready, theirReady] = openPipe()
  const keep = [
    namespace.number,
    exit.number,
    theirReady.number,
    nullFd.number,
    ...(folderFd === undefined ? [] : [folderFd.number]),
  ]
  const servant = Servant.startStub(seat, [], stubCalls(stub, seat, 'tspod: uplink', keep))
  try {
    servant.exec(
      programCalls({
        executable: path,
        argv: uplinkArguments({
          readyFd: 3,
          exitFd: 4,
          namespaceFd: 5,
          ...(folderFd !== undefined && { folderFd: 6 }),
        }),
        env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'],
        descriptors: new Map([
          ...[0, 1, 2].map(fd => [fd, nullFd.number] as const),
          [3, theirReady.number],
          [4, exit.number],
          [5, namespace.number],
          ...(folderFd === undefined ? [] : [[6, folderFd.number] as const]),
        ]),
      }),
    )
  } catch (error) {
    ready.close()
    throw new TspodError('NOT_FOUND', `starting the way out of the networks: "${path}" cannot be executed`, {
      cause: error,
      hint: `an administrator can mend it: ${installCommand('slirp4netns', readDistribution())}; a network made with --internal does without it`,
    })
  } finally {
    servant.close()
    theirReady.close()
  }
  const identity = { pid: servant.pid, startTime: readProcessStat(servant.pid)?.startTime ?? 0 }
  return { identity, pidFd: openPidFd(servant.pid), ready }
}

/** Goes on with the one that a service before this one has started; `undefined` where it has ended. */
export function adoptUplink(identity: ProcessIdentity): UplinkProcess | undefined {
  const pidFd = openPidFd(identity.pid)
  if (isAlive(identity)) return { identity, pidFd }
  pidFd?.close()
  return undefined
}

/** The command line (slirp4netns(1)). Its sandbox and system call filter are on. */
export function uplinkArguments(options: {
  readyFd: number
  exitFd: number
  namespaceFd: number
  folderFd?: number
}): string[] {
  return [
    'slirp4netns',
    '--configure',
    `--mtu=${DEFAULT_MTU}`,
    `--cidr=${uplinkAddresses.cidr}`,
    '--disable-host-loopback',
    '--enable-ipv6',
    '--enable-sandbox',
    '--enable-seccomp',
    ...(options.folderFd === undefined ? [] : [`--api-socket=/proc/self/fd/${options.folderFd}/${UPLINK_SOCKET}`]),
    `--ready-fd=${options.readyFd}`,
    `--exit-fd=${options.exitFd}`,
    '--netns-type=path',
    `/proc/self/fd/${options.namespaceFd}`,
    UPLINK,
  ]
}
