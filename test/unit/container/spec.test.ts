import { describe, expect, test } from 'bun:test'
import type { PlanInputs } from '#container/inputs.ts'
import type { ContainerRequest } from '#container/request.ts'
import { type ContainerPlan, planContainer } from '#container/spec.ts'

const request: ContainerRequest = {
  command: ['sh'],
  env: [],
  envFiles: [],
  envHost: false,
  envMerge: [],
  unsetEnv: [],
  unsetEnvAll: false,
  httpProxy: true,
  groupAdd: [],
  labels: {},
  annotations: {},
  interactive: false,
  tty: false,
  remove: false,
  detach: false,
  init: false,
  privileged: false,
  readOnly: false,
  readOnlyTmpfs: true,
  capAdd: [],
  capDrop: [],
  securityOpts: [],
  sysctls: {},
  ulimits: [],
  devices: [],
  mounts: [],
  volumesFrom: [],
  imageVolumes: 'anonymous',
  userns: { kind: 'default' },
  uidMap: [],
  gidMap: [],
  pid: { kind: 'private' },
  ipc: { kind: 'private' },
  uts: { kind: 'private' },
  cgroupns: { kind: 'private' },
  network: { kind: 'default' },
  dns: [],
  dnsSearch: [],
  dnsOptions: [],
  addHosts: [],
  noHosts: false,
  noHostname: false,
  publish: [],
  publishAll: false,
  portFallback: false,
  expose: [],
  logOpts: {},
  replace: false,
  pull: 'missing',
  hooksDirs: [],
  preserveFds: 0,
  passwd: true,
  hostUsers: [],
  unsaid: [],
}

const mappings = [
  { containerID: 0, hostID: 0, size: 1 },
  { containerID: 1, hostID: 1, size: 65536 },
]

function inputs(change: Partial<ContainerRequest> = {}, others: Partial<PlanInputs> = {}): PlanInputs {
  return {
    id: 'c'.repeat(64),
    name: 'web',
    request: { ...request, ...change },
    image: {},
    defaults: {
      capabilities: ['CHOWN', 'KILL', 'SYS_CHROOT'],
      sysctls: { 'net.ipv4.ping_group_range': '0 0' },
      ulimits: [],
      env: [],
      devices: [],
      shmSizeBytes: 65536000,
      umask: '0022',
      stopSignal: 'TERM',
    },
    host: {
      arch: 'x64',
      kernelRelease: '6.1.0',
      lastCapability: 40,
      env: {},
      rlimits: [{ type: 'RLIMIT_NOFILE', soft: 1024, hard: 4096 }],
      oomScoreAdj: 0,
      cgroupVersion: 2,
      hasMqueue: true,
      apparmor: false,
      deviceNodes: ['/dev/null', '/dev/kvm', '/dev/tty7', '/dev/pts/1', '/dev/dri/card0'],
      hostname: 'laptop',
    },
    userNamespace: { kind: 'new', uidMappings: mappings, gidMappings: mappings },
    joined: {},
    network: 'own',
    mounts: [],
    accounts: { passwd: 'root:x:0:0::/root:/bin/sh\n', group: 'root:x:0:\n' },
    caller: { uid: 1000, gid: 1000, name: 'me', groupName: 'us' },
    hostUserEntries: [],
    envFileEntries: [],
    seccomp: 'unconfined',
    hooks: [],
    paths: {
      rootfs: '/r',
      hosts: '/c/hosts',
      resolvConf: '/c/resolv.conf',
      hostname: '/c/hostname',
      containerEnv: '/c/containerenv',
      passwd: '/c/passwd',
      group: '/c/group',
    },
    ...others,
  }
}

const plan = (change?: Partial<ContainerRequest>, others?: Partial<PlanInputs>) => planContainer(inputs(change, others))
const mountAt = ({ spec }: ContainerPlan, path: string) => spec.mounts?.find(({ destination }) => destination === path)
const typesOf = ({ spec }: ContainerPlan) =>
  spec.linux?.namespaces?.map(({ type, path }) => (path ? `${type}=${path}` : type))

describe('planContainer()', () => {
  test('mounts what every container has, parents first', () => {
    const { spec } = plan()
    expect(spec.mounts?.map(({ destination, type }) => `${destination} ${type}`)).toEqual([
      '/proc proc',
      '/dev tmpfs',
      '/sys sysfs',
      '/dev/pts devpts',
      '/dev/shm tmpfs',
      '/dev/mqueue mqueue',
      '/run/.containerenv bind',
      '/etc/hosts bind',
      '/etc/hostname bind',
      '/etc/resolv.conf bind',
      '/sys/fs/cgroup cgroup',
    ])
    expect(mountAt(plan(), '/sys')?.options).toEqual(['nosuid', 'noexec', 'nodev', 'ro'])
    expect(spec.linux?.maskedPaths).toContain('/proc/kcore')
    expect(spec.linux?.readonlyPaths).toContain('/proc/sys')
  })

  test('prepares a container for systemd, where that is its program', () => {
    const found = plan({ command: ['/sbin/init'] })
    expect(mountAt(found, '/sys/fs/cgroup')?.options).toContain('rw')
    expect(mountAt(found, '/run')?.type).toBe('tmpfs')
    expect(found.stopSignal).toBe(37)
    expect(found.spec.process?.env).toContain(`container_uuid=${'c'.repeat(32)}`)
    const without = plan({ command: ['/sbin/init'], systemd: 'never' })
    expect(mountAt(without, '/sys/fs/cgroup')?.options).toContain('ro')
    expect(without.stopSignal).toBe(15)
    expect(plan({ command: ['/sbin/init'] }, { image: { stopSignal: 'INT' } }).stopSignal).toBe(2)
  })

  test('makes every namespace, the user one first', () => {
    expect(typesOf(plan())).toEqual(['user', 'pid', 'network', 'ipc', 'uts', 'cgroup', 'mount'])
    expect(plan().spec.linux?.uidMappings).toEqual(mappings)
  })

  test('root holds the default capabilities, another user only what was added', () => {
    const names = ['CAP_CHOWN', 'CAP_KILL', 'CAP_SYS_CHROOT']
    expect(plan().spec.process?.capabilities).toMatchObject({
      bounding: names,
      effective: names,
      permitted: names,
      ambient: [],
    })
    expect(plan({ user: '5', capAdd: ['net_raw'] }).spec.process?.capabilities).toEqual({
      bounding: ['CAP_CHOWN', 'CAP_KILL', 'CAP_NET_RAW', 'CAP_SYS_CHROOT'],
      effective: ['CAP_NET_RAW'],
      permitted: ['CAP_NET_RAW'],
      inheritable: ['CAP_NET_RAW'],
      ambient: ['CAP_NET_RAW'],
    })
    expect(plan({ capDrop: ['all'], capAdd: ['KILL'] }).spec.process?.capabilities?.bounding).toEqual(['CAP_KILL'])
    expect(plan({ capAdd: ['ALL'], capDrop: ['CHOWN'] }).spec.process?.capabilities?.bounding?.length).toBe(40)
    expect(() => plan({ capAdd: ['KILL'], capDrop: ['kill'] })).toThrow(
      'capability "CAP_KILL" cannot be dropped and added',
    )
    expect(() => plan({ capAdd: ['FLY'] })).toThrow('parsing --cap-add "FLY": unknown capability')
  })

  test('--privileged has all capabilities and devices, and nothing masked', () => {
    const privileged = plan({ privileged: true })
    expect(privileged.spec.process?.capabilities?.bounding?.length).toBe(41)
    expect(privileged.spec.linux?.maskedPaths).toEqual([])
    expect(privileged.spec.linux?.readonlyPaths).toEqual([])
    expect(mountAt(privileged, '/sys')?.options).toContain('rw')
    expect(mountAt(privileged, '/sys/fs/cgroup')?.options).toContain('rw')
    const devices = privileged.spec.mounts?.filter(
      ({ type, destination }) => type === 'bind' && destination.startsWith('/dev/'),
    )
    expect(devices?.map(({ destination }) => destination)).toEqual(['/dev/kvm', '/dev/dri/card0'])
  })

  test('file systems of shared namespaces are bound from the host', () => {
    const shared = plan(
      {
        network: { kind: 'host' },
        pid: { kind: 'host' },
        ipc: { kind: 'host' },
        uts: { kind: 'host' },
        cgroupns: { kind: 'host' },
      },
      { network: 'host' },
    )
    expect(typesOf(shared)).toEqual(['user', 'mount'])
    for (const path of ['/proc', '/sys', '/dev/shm', '/dev/mqueue'])
      expect(mountAt(shared, path)).toMatchObject({
        type: 'bind',
        source: path,
        options: expect.arrayContaining(['rbind']),
      })
    // it comes along with /sys
    expect(mountAt(shared, '/sys/fs/cgroup')).toBeUndefined()
    expect(shared.spec.hostname).toBeUndefined()
    expect(shared.spec.process?.env).toContain('HOSTNAME=laptop')
    expect(shared.spec.linux?.sysctl).toBeUndefined()
    expect(mountAt(plan({ cgroupns: { kind: 'host' } }), '/sys/fs/cgroup')).toMatchObject({ type: 'bind' })
  })

  test('namespaces of another container are joined, with its /dev/shm', () => {
    const joined = plan(
      { network: { kind: 'container', container: 'x' }, ipc: { kind: 'container', container: 'x' } },
      {
        network: 'joined',
        joined: {
          user: '/proc/9/ns/user',
          network: '/proc/9/ns/net',
          ipc: '/proc/9/ns/ipc',
          shm: '/proc/9/root/dev/shm',
        },
        userNamespace: { kind: 'join', uidMappings: mappings, gidMappings: mappings },
      },
    )
    expect(typesOf(joined)).toEqual([
      'user=/proc/9/ns/user',
      'pid',
      'network=/proc/9/ns/net',
      'ipc=/proc/9/ns/ipc',
      'uts',
      'cgroup',
      'mount',
    ])
    expect(joined.spec.linux?.uidMappings).toBeUndefined()
    expect(mountAt(joined, '/sys')?.type).toBe('sysfs')
    expect(mountAt(joined, '/dev/shm')).toMatchObject({ type: 'bind', source: '/proc/9/root/dev/shm' })
  })

  test('without cgroup2 there is a namespace, and nothing to mount', () => {
    const plain = plan({}, { host: { ...inputs().host, cgroupVersion: 1 } })
    expect(typesOf(plain)).toContain('cgroup')
    expect(mountAt(plain, '/sys/fs/cgroup')).toBeUndefined()
  })

  test('where gid 5 is not mapped, terminals belong to no group', () => {
    const one = [{ containerID: 0, hostID: 0, size: 1 }]
    const single = plan({}, { userNamespace: { kind: 'new', uidMappings: one, gidMappings: one } })
    expect(mountAt(single, '/dev/pts')?.options).not.toContain('gid=5')
    expect(mountAt(plan(), '/dev/pts')?.options).toContain('gid=5')
  })

  test("the user's mounts replace the defaults and are ordered with them", () => {
    const mounts = [
      { destination: '/dev/shm/x', type: 'bind', source: '/y', options: ['rbind', 'rshared'] },
      { destination: '/etc/hosts', type: 'bind', source: '/my/hosts', options: ['bind'] },
    ]
    const own = plan({}, { mounts })
    expect(mountAt(own, '/etc/hosts')?.source).toBe('/my/hosts')
    expect(own.spec.mounts?.at(-1)?.destination).toBe('/dev/shm/x')
    expect(own.spec.linux?.rootfsPropagation).toBe('rshared')
  })

  test('--read-only leaves room to write unless told otherwise', () => {
    const readOnly = plan(
      { readOnly: true },
      { mounts: [{ destination: '/tmp', type: 'bind', source: '/t', options: [] }] },
    )
    expect(readOnly.spec.root.readonly).toBe(true)
    expect(mountAt(readOnly, '/run')?.type).toBe('tmpfs')
    expect(mountAt(readOnly, '/tmp')?.type).toBe('bind')
    expect(mountAt(readOnly, '/etc/hosts')?.options).toContain('ro')
    expect(mountAt(plan({ readOnly: true, readOnlyTmpfs: false }), '/run')).toBeUndefined()
  })

  test('keep-id runs as the caller and gives it a name', () => {
    const kept = plan({ userns: { kind: 'keep-id' } })
    expect(kept.spec.process?.user).toMatchObject({ uid: 1000, gid: 1000 })
    expect(kept.passwd).toContain('me:*:1000:1000:me:/:/bin/sh\n')
    expect(kept.group).toContain('us:x:1000:me\n')
    expect(mountAt(kept, '/etc/passwd')?.source).toBe('/c/passwd')
    expect(plan({ userns: { kind: 'keep-id' }, user: 'root' }).spec.process?.user).toMatchObject({ uid: 0, gid: 0 })
  })

  test('--group-add keep-groups is handed to the runtime', () => {
    const { spec } = plan({ groupAdd: ['keep-groups'] })
    expect(spec.annotations).toEqual({ 'run.oci.keep_original_groups': '1' })
    expect(spec.process?.user.additionalGids).toEqual([])
  })

  test('limits, labels and signals', () => {
    expect(plan().spec.process?.rlimits).toEqual([{ type: 'RLIMIT_NOFILE', soft: 4096, hard: 4096 }])
    expect(plan({ ulimits: ['host'] }).spec.process?.rlimits).toEqual([])
    expect(plan({ ulimits: ['nofile=5:6'] }).spec.process?.rlimits).toEqual([
      { type: 'RLIMIT_NOFILE', soft: 5, hard: 6 },
    ])
    expect(() => plan({ ulimits: ['nofile=5:5000'] })).toThrow('a hard limit of 5000 is above yours, 4096')
    expect(() => plan({ oomScoreAdj: -5 })).toThrow('--oom-score-adj -5: a user can only raise it')
    expect(plan({ oomScoreAdj: 5 }).spec.process?.oomScoreAdj).toBe(5)
    expect(plan({}, { image: { stopSignal: 'SIGQUIT' } }).stopSignal).toBe(3)
    expect(plan({ umask: '077' }).spec.process?.user.umask).toBe(0o77)
  })

  test('sysctls need a namespace of their own', () => {
    expect(plan({ sysctls: { 'net/ipv4/ip_forward': '1' } }).spec.linux?.sysctl).toEqual({
      'net.ipv4.ping_group_range': '0 0',
      'net.ipv4.ip_forward': '1',
    })
    expect(() => plan({ sysctls: { 'vm.swappiness': '1' } })).toThrow('holds for the whole machine')
    expect(() => plan({ sysctls: { 'kernel.hostname': 'x' } })).toThrow('use --hostname')
    expect(() => plan({ sysctls: { 'net.core.somaxconn': '1' } }, { network: 'host' })).toThrow(
      'network namespace of its own',
    )
    expect(() => plan({ sysctls: { 'kernel.msgmax': '1' }, ipc: { kind: 'host' } })).toThrow('ipc namespace of its own')
  })

  test('masks can be lifted and added', () => {
    const lifted = plan({ securityOpts: ['unmask=/proc/k*:/proc/sys', 'mask=/secret'] }).spec.linux
    expect(lifted?.maskedPaths).not.toContain('/proc/kcore')
    expect(lifted?.maskedPaths).not.toContain('/proc/keys')
    expect(lifted?.maskedPaths).toContain('/proc/acpi')
    expect(lifted?.maskedPaths).toContain('/secret')
    expect(lifted?.readonlyPaths).not.toContain('/proc/sys')
    expect(plan({ securityOpts: ['unmask=ALL'] }).spec.linux?.maskedPaths).toEqual([])
  })

  test('security modules: what is not there is said or refused', () => {
    expect(() => plan({ securityOpts: ['apparmor=mine'] })).toThrow('AppArmor is not enabled')
    expect(plan({ securityOpts: ['apparmor=unconfined'] }).warnings).toEqual([])
    expect(plan({ securityOpts: ['label=type:x_t'] }).warnings.length).toBe(1)
    const host = {
      ...inputs().host,
      apparmor: true,
      selinux: {
        processLabel: 'system_u:system_r:container_t:s0:c1,c2',
        mountLabel: 'system_u:object_r:container_file_t:s0:c1,c2',
      },
    }
    const labelled = plan({ securityOpts: ['apparmor=mine', 'label=type:x_t', 'label=level:s0:c9'] }, { host }).spec
    expect(labelled.process?.apparmorProfile).toBe('mine')
    expect(labelled.process?.selinuxLabel).toBe('system_u:system_r:x_t:s0:c9')
    expect(labelled.linux?.mountLabel).toBe('system_u:object_r:container_file_t:s0:c9')
    expect(plan({ securityOpts: ['label=disable'] }, { host }).spec.process?.selinuxLabel).toBeUndefined()
  })

  test('odd combinations are refused by name', () => {
    expect(() => plan({ shmSizeBytes: 5, ipc: { kind: 'host' } })).toThrow(
      '--shm-size: /dev/shm is shared with the host',
    )
    expect(() => plan({ pid: { kind: 'host' }, securityOpts: ['proc-opts=hidepid=2'] })).toThrow(
      "the host's /proc is shared",
    )
    expect(() => plan({ devices: ['/dev/fuse:r'] })).toThrow('the permissions "r" cannot be enforced')
    expect(() => plan({ timezone: '../../etc/shadow' })).toThrow('--tz "../../etc/shadow"')
  })

  test('--init, --tz, --device, proc-opts and dns none', () => {
    const asked: Partial<ContainerRequest> = {
      init: true,
      timezone: 'Europe/Berlin',
      devices: ['/dev/a:/dev/b'],
      securityOpts: ['proc-opts=hidepid=2,subset=pid', 'no-new-privileges'],
      dns: ['none'],
    }
    const odd = plan(asked, { paths: { ...inputs().paths, init: '/usr/bin/tini' } })
    expect(odd.spec.process?.args).toEqual(['/dev/init', '--', 'sh'])
    expect(mountAt(odd, '/dev/init')).toMatchObject({ source: '/usr/bin/tini', options: ['bind', 'rprivate', 'ro'] })
    expect(mountAt(odd, '/etc/localtime')?.source).toBe('/usr/share/zoneinfo/Europe/Berlin')
    expect(mountAt(odd, '/dev/b')?.source).toBe('/dev/a')
    expect(mountAt(odd, '/proc')?.options).toEqual(['nosuid', 'noexec', 'nodev', 'hidepid=2', 'subset=pid'])
    expect(odd.spec.process?.noNewPrivileges).toBe(true)
    expect(mountAt(odd, '/etc/resolv.conf')).toBeUndefined()
  })

  test('hooks are added where all their conditions hold', () => {
    const hook = (path: string, when: object) => ({
      version: '1.0.0',
      hook: { path },
      when,
      stages: ['poststop' as const],
    })
    const { spec } = plan(
      { annotations: { gpu: 'yes' } },
      {
        hooks: [
          hook('/always', { always: true }),
          hook('/never', {}),
          hook('/command', { commands: ['^s.$'], hasBindMounts: false }),
          hook('/bound', { always: true, hasBindMounts: true }),
          hook('/gpu', { annotations: { '^gpu$': '^y' } }),
          hook('/cpu', { annotations: { cpu: '.*' } }),
        ],
      },
    )
    expect(spec.hooks?.poststop?.map(({ path }) => path)).toEqual(['/always', '/command', '/gpu'])
  })
})
