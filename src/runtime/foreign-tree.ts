// A mount of a running container, for another container: open_tree(2) copies mounts of one's own namespace only, so a servant joins the
// container's namespaces, copies there, and sends the descriptor back. Runs in the host's namespaces.
import { TspodError } from '#errors.ts'
import { type Fd, openSocketPair } from '#sys/fd.ts'
import {
  AT_FDCWD,
  AT_RECURSIVE,
  CLONE_NEWNS,
  CLONE_NEWUSER,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
  PR_SET_DUMPABLE,
  SOCK_STREAM,
} from '#sys/flags.ts'
import { openPidFd, waitProcess } from '#sys/process.ts'
import { call } from '#sys/servant/batch.ts'
import { Seat, Servant } from '#sys/servant/servant.ts'
import { openStub, stubCalls } from '#sys/servant/stub.ts'
import { descriptorMessage, receiveDescriptor } from '#sys/socket.ts'

/** `/proc/PID/root/PATH`: a path as the process sees it. */
export function parseForeignPath(source: string): { pid: number; path: string } | undefined {
  const [, pid, path] = /^\/proc\/(\d+)\/root(\/.+)$/.exec(source) ?? []
  return pid === undefined || path === undefined ? undefined : { pid: Number(pid), path }
}

/** The mount at a path of another process's mount namespace, as a tree of its own. */
export function fetchTree(pid: number, path: string): Fd {
  using pidFd = openPidFd(pid)
  if (pidFd === undefined) throw new TspodError('CONFLICT', `sharing "${path}" of process ${pid}: it has ended`)
  const [ours, theirs] = openSocketPair(SOCK_STREAM)
  using _ours = ours
  using _theirs = theirs
  const seat = new Seat()
  using stub = openStub(seat)
  using servant = Servant.startStub(seat, [], stubCalls(stub, seat, 'tspod: share', [pidFd.number, theirs.number]))
  const { header, vector, control, data } = descriptorMessage(-1)
  try {
    servant.do([
      call('prctl', PR_SET_DUMPABLE, 0, 0, 0, 0),
      call('setns', pidFd.number, CLONE_NEWUSER | CLONE_NEWNS),
      call('open_tree', AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE),
      call(
        'sendmsg',
        theirs.number,
        {
          memory: header,
          pointers: [
            { offset: 16, to: { memory: vector, pointers: [{ offset: 0, to: { memory: data } }] } },
            { offset: 32, to: { memory: control, patch: { offset: 16, resultOf: 2 } } },
          ],
        },
        0,
      ),
    ])
    const tree = receiveDescriptor(ours.number)
    if (tree === undefined) throw new TspodError('INTERNAL', `the mount "${path}" of process ${pid} did not arrive`)
    return tree
  } finally {
    servant.close()
    waitProcess(servant.pid)
  }
}
