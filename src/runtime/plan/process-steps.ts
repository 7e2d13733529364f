// From a prepared root to the image's program: identity, limits, capabilities, the system call filter, execve. Pure.
import type { LinuxSpec, ProcessSpec, RuntimeSpec } from '#oci/runtime-spec.ts'
import type { SeccompPlan } from '#runtime/seccomp/plan.ts'
import type { Step } from '#runtime/step.ts'
import {
  PR_CAP_AMBIENT,
  PR_CAP_AMBIENT_CLEAR_ALL,
  PR_CAP_AMBIENT_RAISE,
  PR_CAPBSET_DROP,
  PR_SET_KEEPCAPS,
  PR_SET_NO_NEW_PRIVS,
  SIG_SETMASK,
} from '#sys/flags.ts'
import { type Call, call, tolerate } from '#sys/servant/batch.ts'
import { closeOnExecFrom } from '#sys/servant/close-on-exec.ts'
import { planCapabilities } from './capabilities.ts'
import { planIdentity } from './identity.ts'
import { quoted, targetCalls, writeFileCalls } from './paths.ts'
import { planRlimits } from './rlimits.ts'
import { planSysctls } from './sysctls.ts'

const SECCOMP_SET_MODE_FILTER = 1
const KEYCTL_JOIN_SESSION_KEYRING = 1
const LAST_STANDARD_SIGNAL = 31

/** Facts of this machine and this run that identity and capabilities depend on. */
export interface ProcessFacts {
  /** setgroups(2) is denied (one mapped id), or the caller's groups are kept on purpose */
  keepGroups: boolean
  /** /proc/sys/kernel/cap_last_cap */
  lastCapability: number
  seccomp: SeccompPlan | undefined
}

/** Things that need the host's /proc or the container's mounts, before the root changes. */
export function planSettings(spec: RuntimeSpec): Step[] {
  const steps: Step[] = []
  const { process, linux, hostname, domainname } = spec
  if (hostname !== undefined && hostname !== '')
    steps.push({
      actor: 'init',
      doing: `setting the host name "${hostname}"`,
      shell: `hostname ${quoted(hostname)}`,
      calls: [call('sethostname', hostname, Buffer.byteLength(hostname))],
    })
  if (domainname !== undefined && domainname !== '')
    steps.push({
      actor: 'init',
      doing: `setting the domain name "${domainname}"`,
      shell: `domainname ${quoted(domainname)}`,
      calls: [call('setdomainname', domainname, Buffer.byteLength(domainname))],
    })
  for (const { path, value } of planSysctls(linux ?? {}))
    steps.push({
      actor: 'init',
      doing: `setting the sysctl "${path.replace('/proc/sys/', '').replaceAll('/', '.')}" to "${value}"`,
      hints: { ENOENT: 'this kernel has no such setting', EINVAL: 'the kernel does not take this value' },
      shell: `echo ${quoted(value)} > ${path}`,
      calls: writeFileCalls(path, value),
    })
  if (process?.oomScoreAdj !== undefined)
    steps.push({
      actor: 'init',
      doing: `setting the OOM score adjustment ${process.oomScoreAdj}`,
      shell: `echo ${process.oomScoreAdj} > /proc/self/oom_score_adj`,
      calls: writeFileCalls('/proc/self/oom_score_adj', String(process.oomScoreAdj)),
    })
  if (process !== undefined && process.cwd !== '/')
    steps.push({
      actor: 'init',
      doing: `making the working folder "${process.cwd}"`,
      shell: `mkdir -p .${quoted(process.cwd)}`,
      calls: targetCalls(process.cwd, 'folder'),
      target: { path: process.cwd, kind: 'folder' },
      isForProgram: true,
    })
  return steps
}

const AF_INET = 2
const SOCK_DGRAM = 2
const SIOCSIFFLAGS = 0x8914
const IFF_UP = 1

/** The loopback interface of a new network namespace, which is down at first (netdevice(7)). */
export function planLoopback(): Step {
  const request = Buffer.alloc(40) // struct ifreq: the name, then at 16 the flags
  request.write('lo')
  request.writeInt16LE(IFF_UP, 16)
  return {
    actor: 'init',
    doing: 'bringing up the loopback interface',
    shell: 'ip link set lo up',
    calls: [
      call('socket', AF_INET, SOCK_DGRAM, 0),
      call('ioctl', { resultOf: 0 }, SIOCSIFFLAGS, { memory: request }),
      call('close', { resultOf: 0 }),
    ],
  }
}

/** Everything that every program starts from: limits, security labels, session, signals, no stray descriptors. */
export function planSurroundings(process: ProcessSpec, firstClosed: number): Step[] {
  const steps: Step[] = planRlimits(process.rlimits).map(({ type, resource, limits, text }) => ({
    actor: 'init',
    doing: `setting the limit ${type}`,
    shell: `prlimit --pid $$ --${type.slice('RLIMIT_'.length).toLowerCase()}=${text}`,
    calls: [call('prlimit64', 0, resource, { memory: limits }, 0)],
  }))
  if (process.apparmorProfile !== undefined && process.apparmorProfile !== '')
    steps.push(
      labelStep('AppArmor profile', '/proc/self/attr/exec', `exec ${process.apparmorProfile}`, process.apparmorProfile),
    )
  if (process.selinuxLabel !== undefined && process.selinuxLabel !== '')
    steps.push(labelStep('SELinux label', '/proc/self/attr/exec', process.selinuxLabel, process.selinuxLabel))
  const noAction = { memory: new BigUint64Array(4) }
  steps.push({
    actor: 'init',
    doing: 'clearing signals and descriptors',
    shell: '',
    calls: [
      tolerate('any', call('keyctl', KEYCTL_JOIN_SESSION_KEYRING, null)), // the keys of the caller's session stay outside
      ...Array.from({ length: LAST_STANDARD_SIGNAL }, (_, index) =>
        tolerate('EINVAL', call('rt_sigaction', index + 1, noAction, 0, 8)),
      ),
      call('rt_sigprocmask', SIG_SETMASK, { memory: new BigUint64Array(1) }, 0, 8),
      ...closeOnExecFrom(firstClosed),
    ],
  })
  return steps
}

function labelStep(what: string, path: string, text: string, name: string): Step {
  return {
    actor: 'init',
    doing: `setting the ${what} "${name}"`,
    shell: `echo ${quoted(text)} > ${path}`,
    calls: writeFileCalls(path, text),
  }
}

/** Ids, capabilities, the filter: in the order that lets each still be allowed (runtime-spec; capabilities(7); seccomp(2)). */
export function planIdentitySteps(process: ProcessSpec, linux: LinuxSpec, facts: ProcessFacts): Step[] {
  const identity = planIdentity(process, linux, { keepGroups: facts.keepGroups })
  const capabilities = planCapabilities(process.capabilities, facts.lastCapability)
  const { uid, gid } = identity
  const ids: Call[] = []
  if (identity.groups !== undefined)
    ids.push(call('setgroups', identity.groups.count, { memory: identity.groups.list }))
  if (identity.keepCapabilities) ids.push(call('prctl', PR_SET_KEEPCAPS, 1, 0, 0, 0))
  ids.push(call('setresgid', gid, gid, gid), call('setresuid', uid, uid, uid))
  if (identity.umask !== undefined) ids.push(call('umask', identity.umask))

  const drop: Step = {
    actor: 'init',
    doing: 'dropping capabilities from the bounding set',
    shell: '',
    calls: capabilities.dropFromBounding.map(number => call('prctl', PR_CAPBSET_DROP, number, 0, 0, 0)),
  }
  const become: Step = {
    actor: 'init',
    doing: `becoming user ${uid}:${gid}`,
    shell: identity.umask === undefined ? '' : `umask ${identity.umask.toString(8).padStart(4, '0')}`,
    calls: ids,
  }
  const setCapabilities: Step = {
    actor: 'init',
    doing: 'setting capabilities',
    shell: '',
    calls: [
      call('capset', { memory: capabilities.header }, { memory: capabilities.data }),
      tolerate('EINVAL', call('prctl', PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)),
      ...capabilities.raiseAmbient.map(number => call('prctl', PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0)),
    ],
  }
  const changeFolder: Step = {
    actor: 'init',
    doing: `changing to the working folder "${process.cwd}"`,
    shell: `cd ${quoted(process.cwd)}`,
    calls: [call('chdir', process.cwd)],
    isForProgram: true,
  }
  const filter = facts.seccomp === undefined ? [] : [planFilter(facts.seccomp)]
  if (process.noNewPrivileges === true) {
    const noNewPrivileges: Step = {
      actor: 'init',
      doing: 'forbidding new privileges',
      shell: '',
      calls: [call('prctl', PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)],
    }
    return [changeFolder, drop, become, setCapabilities, noNewPrivileges, ...filter]
  }
  // without no_new_privs the filter needs CAP_SYS_ADMIN, which the container's own set may lack: it comes before the last drop
  const regain: Step = {
    actor: 'init',
    doing: 'keeping capabilities for the system call filter',
    shell: '',
    calls: [call('capset', { memory: capabilities.header }, { memory: allCapabilities(facts.lastCapability) })],
  }
  return [
    changeFolder,
    drop,
    become,
    ...(filter.length > 0 && identity.keepCapabilities ? [regain] : []),
    ...filter,
    setCapabilities,
  ]
}

/** The two data structures of capset(2) with every capability effective and permitted, none inheritable. */
function allCapabilities(last: number): Uint8Array {
  const all = (1n << BigInt(last + 1)) - 1n
  const [low, high] = [Number(all & 0xffff_ffffn), Number(all >> 32n)]
  return new Uint8Array(Uint32Array.of(low, low, 0, high, high, 0).buffer)
}

function planFilter({ filter, flags }: SeccompPlan): Step {
  const header = Buffer.alloc(16)
  header.writeUInt16LE(filter.byteLength / 8, 0)
  return {
    actor: 'init',
    doing: 'installing the system call filter',
    shell: `# seccomp filter, ${filter.byteLength / 8} instructions`,
    calls: [
      call('seccomp', SECCOMP_SET_MODE_FILTER, flags, {
        memory: header,
        pointers: [{ offset: 8, to: { memory: filter } }],
      }),
    ],
  }
}

/** execve(2) of the program: where it has no slash, once for each folder of its own PATH (execvp(3)). */
export function planExecve(process: ProcessSpec, program = process.args[0] ?? ''): Step {
  const env = process.env ?? []
  const candidates = program.includes('/') ? [program] : searchPath(env).map(folder => `${folder}/${program}`)
  return {
    actor: 'init',
    doing: `executing "${program}"`,
    shell: `exec ${process.args.map(quoted).join(' ')}`,
    calls: candidates.map((path, index) => {
      const attempt = call('execve', path, process.args, env)
      return index === candidates.length - 1 ? attempt : tolerate('any', attempt)
    }),
  }
}

/** The folders of PATH in an environment; the usual ones where it is not set. */
export function searchPath(env: readonly string[]): string[] {
  const path = env.findLast(entry => entry.startsWith('PATH='))?.slice('PATH='.length)
  return (path ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin')
    .split(':')
    .filter(folder => folder.startsWith('/'))
}

/** Descriptors 0 to 2 from descriptors of the servant. */
export function planStreams(
  streams: { stdin: number; stdout: number; stderr: number },
  user: { uid: number; gid: number },
): Step {
  const { stdin, stdout, stderr } = streams
  return {
    actor: 'init',
    doing: 'connecting the streams',
    shell: '',
    calls: [
      call('dup3', stdin, 300, 0),
      call('dup3', stdout, 301, 0),
      call('dup3', stderr, 302, 0),
      ...[0, 1, 2].flatMap(fd => [
        call('dup3', 300 + fd, fd, 0),
        tolerate('any', call('fchown', fd, user.uid, user.gid)), // so that /dev/stdout can be opened again by another user
      ]),
    ],
  }
}
