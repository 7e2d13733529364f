// What a test needs of this machine. `needs('userns', 'tun')` is bun's `test`, or a skip that says which need is not met and why.
// scripts/test.sh promises what it has set up in TSPOD_TEST_PROMISED; a promised need that is not met fails instead of skipping.
import { test } from 'bun:test'
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'

/** The executable under test. */
export const tspodPath = process.env.TSPOD_TEST_EXECUTABLE ?? join(import.meta.dir, '../dist/tspod')

const promised = new Set((process.env.TSPOD_TEST_PROMISED ?? '').split(/[ ,]+/).filter(word => word !== ''))
const missing = (found: boolean, reason: string) => (found ? undefined : reason)
const onPath = (program: string) => Bun.which(program, { PATH: `${process.env.PATH}:/usr/sbin:/sbin` }) !== null
const installed = (program: string) => () => missing(onPath(program), `no ${program} on PATH`)
const runs = (...cmd: string[]) =>
  onPath(cmd[0] ?? '') && Bun.spawnSync({ cmd, stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' }).exitCode === 0

function isOpen(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK)
    return true
  } catch {
    return false
  }
}

function hasIpv6Loopback(): boolean {
  const path = '/proc/net/if_inet6'
  return existsSync(path) && /^0{31}1 /m.test(readFileSync(path, 'utf8'))
}

function hasSubordinateIds(): boolean {
  const { username, uid } = userInfo()
  const listed = (file: string) =>
    existsSync(file) &&
    readFileSync(file, 'utf8')
      .split('\n')
      .some(line => line.startsWith(`${username}:`) || line.startsWith(`${uid}:`))
  return listed('/etc/subuid') && listed('/etc/subgid')
}

/** Each need → what is missing here, or undefined. */
const facts = {
  tspod: () => missing(existsSync(tspodPath), 'dist/tspod is not built: npm run build'),
  'tiny-disk': () =>
    missing(process.env.TSPOD_TEST_TINY_DISK !== undefined, 'no tiny file system: scripts/test.sh mounts one as root'),
  root: () => missing(process.getuid?.() === 0, 'not root'),
  user: () => missing(process.getuid?.() !== 0, 'must not be root'),
  userns: () => missing(runs('unshare', '--user', '--map-root-user', 'true'), 'user namespaces are refused'),
  subids: () =>
    missing(hasSubordinateIds() && onPath('newuidmap'), 'no subordinate ids in /etc/subuid, or no newuidmap'),
  overlay: () =>
    missing(
      runs(
        'unshare',
        '-rm',
        'sh',
        '-c',
        'mount -t tmpfs t /mnt && cd /mnt && mkdir l u w m && mount -t overlay o -o userxattr,lowerdir=l,upperdir=u,workdir=w m',
      ),
      'overlay cannot be mounted in a user namespace',
    ),
  tun: () => missing(isOpen('/dev/net/tun'), '/dev/net/tun is closed or not there'),
  fuse: () => missing(isOpen('/dev/fuse') && onPath('fuse-overlayfs'), '/dev/fuse is closed, or no fuse-overlayfs'),
  slirp4netns: installed('slirp4netns'),
  pasta: installed('pasta'),
  // a container's network namespace has none unless its network helper makes it so
  ipv6: () => missing(hasIpv6Loopback(), 'there is no ::1 here'),
  registry: () =>
    missing(process.env.TSPOD_TEST_REGISTRY !== undefined, 'no test registry: scripts/test.sh starts one'),
  'registry-program': installed('docker-registry'),
  'registry-auth': () => missing(process.env.TSPOD_TEST_REGISTRY_AUTH !== undefined, 'no test registry with passwords'),
  'registry-tls': () => missing(process.env.TSPOD_TEST_REGISTRY_TLS !== undefined, 'no test registry with TLS'),
  python: () =>
    missing(
      existsSync(join(process.env.TSPOD_TEST_FIXTURES ?? '', 'python.tar')) &&
        process.env.TSPOD_TEST_FLASK_PACKAGES !== undefined,
      'no image with Python and no packages of Flask: scripts/test.sh makes them as root',
    ),
  debian: () =>
    missing(
      existsSync(join(process.env.TSPOD_TEST_FIXTURES ?? '', 'debian.tar')),
      'no Debian image: scripts/test.sh makes it',
    ),
  fixtures: () =>
    missing(process.env.TSPOD_TEST_FIXTURES !== undefined, 'no fixture images: scripts/test.sh makes them'),
  podman: installed('podman'),
  git: installed('git'),
  'ssh-agent': installed('ssh-agent'),
  skopeo: installed('skopeo'),
  buildah: installed('buildah'),
  runc: installed('runc'),
  crun: installed('crun'),
  perl: installed('perl'),
  strace: installed('strace'),
  lsof: installed('lsof'),
  tmux: installed('tmux'),
  mmdebstrap: installed('mmdebstrap'),
  gcc: installed('gcc'),
  binutils: installed('x86_64-linux-gnu-as'),
  'binutils-arm64': installed('aarch64-linux-gnu-as'),
  'qemu-arm64': installed('qemu-aarch64'),
  x64: () => missing(process.arch === 'x64', `this processor is ${process.arch}`),
  systemd: () => missing(runs('systemctl', '--user', 'show-environment'), 'no systemd user manager on this bus'),
  'cgroup2-tree': () =>
    missing(/ cgroup2 /.test(readFileSync('/proc/self/mounts', 'utf8')), 'no cgroup2 tree is mounted'),
  'cgroup-v2': () => missing(existsSync('/sys/fs/cgroup/cgroup.controllers'), 'no unified cgroup v2 hierarchy'),
} satisfies Record<string, () => string | undefined>

export type Need = keyof typeof facts

const known = new Map<Need, string | undefined>()
function unmet(need: Need): string | undefined {
  if (!known.has(need)) known.set(need, facts[need]())
  return known.get(need)
}

type Body = () => void | Promise<unknown>

/** What is missing here of these needs, in words; undefined where all are met. */
export function whatIsMissing(...wanted: Need[]): string | undefined {
  const reasons = wanted.flatMap(need => unmet(need) ?? [])
  return reasons.length === 0 ? undefined : reasons.join('; ')
}

/** bun's `test` for a machine that has all of these; elsewhere a skip whose name says what is missing. */
export function needs(...wanted: Need[]): (name: string, body: Body, timeoutMs?: number) => void {
  return (name, body, timeoutMs) => {
    const reason = whatIsMissing(...wanted)
    if (reason === undefined) return test(name, async () => void (await body()), timeoutMs)
    const broken = wanted.filter(need => promised.has(need) && unmet(need) !== undefined)
    if (broken.length === 0) return test.skip(`${name} [${reason}]`, () => {})
    test(name, () => {
      throw new Error(`the test set-up promised "${broken.join('", "')}": ${reason}`)
    })
  }
}
