// The keys of containers.conf(5) that tspod knows, typed. A key without a default is absent where no file sets it.
import {
  absolutePath,
  byteSize,
  flag,
  list,
  oneOf,
  type Rule,
  subnetPools,
  tableOfLists,
  text,
  textOrAbsent,
  userFilesOnly,
  wholeNumber,
} from './rules.ts'

const containers = {
  /** `name=value` each */
  annotations: list('annotations'),
  apparmorProfile: textOrAbsent('apparmor_profile'),
  /** a path, `image`, `none`; empty: /etc/hosts */
  baseHostsFile: text('base_hosts_file'),
  cgroupns: oneOf('cgroupns', ['private', 'host']),
  /** names with or without CAP_ */
  defaultCapabilities: list('default_capabilities'),
  /** `name=value` each */
  defaultSysctls: list('default_sysctls'),
  /** `nofile=1024:2048` each */
  defaultUlimits: list('default_ulimits'),
  /** as --device takes them */
  devices: list('devices'),
  dnsOptions: list('dns_options'),
  dnsSearches: list('dns_searches'),
  /** the one entry `none`: no /etc/resolv.conf is made */
  dnsServers: list('dns_servers'),
  /** `NAME=value` each, or as --env takes them */
  env: list('env'),
  envHost: flag('env_host'),
  /** an address, `none`; empty: chosen */
  hostContainersInternalIp: text('host_containers_internal_ip'),
  httpProxy: flag('http_proxy'),
  init: flag('init'),
  initPath: absolutePath('init_path'),
  ipcns: oneOf('ipcns', ['host', 'none', 'private', 'shareable']),
  /** separation by SELinux labels */
  label: flag('label'),
  /** other engines' journald counts as the default: tspod keeps logs in files */
  logDriver: oneOf('log_driver', ['k8s-file', 'json-file', 'none', 'passthrough'], {
    journald: 'k8s-file',
    '': 'k8s-file',
  }),
  /** negative: no limit */
  logSizeMaxBytes: wholeNumber('log_size_max', -1),
  logTag: textOrAbsent('log_tag'),
  /** as --mount takes them */
  mounts: list('mounts'),
  /** as --network takes it */
  netns: text('netns'),
  noHosts: flag('no_hosts'),
  oomScoreAdj: wholeNumber('oom_score_adj', -1000, 1000),
  pidns: oneOf('pidns', ['private', 'host']),
  /** 0: no limit */
  pidsLimit: wholeNumber('pids_limit', 0),
  privileged: flag('privileged'),
  readOnly: flag('read_only'),
  seccompProfile: absolutePath('seccomp_profile'),
  shmSizeBytes: byteSize('shm_size'),
  /** an IANA name, or `local`; empty: the image's */
  tz: text('tz'),
  /** octal digits */
  umask: text('umask'),
  /** as --userns takes it; empty: tspod's default */
  userns: text('userns'),
  utsns: oneOf('utsns', ['private', 'host']),
  /** as --volume takes them */
  volumes: list('volumes'),
}

const network = {
  /** what `--network bridge` stands for */
  defaultNetwork: text('default_network'),
  defaultSubnet: text('default_subnet'),
  /** `10.89.0.0/16 24` each: where subnets are chosen from, and how long their prefixes are */
  defaultSubnetPools: subnetPools('default_subnet_pools'),
  defaultRootlessNetworkCmd: oneOf('default_rootless_network_cmd', ['slirp4netns', 'pasta']),
  pastaOptions: list('pasta_options'),
}

const engine = {
  cgroupManager: oneOf('cgroup_manager', ['systemd', 'cgroupfs', 'none']),
  /** empty: attaching cannot be left */
  detachKeys: text('detach_keys'),
  /** `NAME=value` each, for tspod itself */
  env: list('env'),
  /** journald counts as file: tspod keeps a journal of its own */
  eventsLogger: oneOf('events_logger', ['file', 'none'], { journald: 'file' }),
  /** searched before PATH */
  helperBinariesDirs: list('helper_binaries_dir'),
  hooksDirs: list('hooks_dir'),
  imageCopyTmpDir: textOrAbsent('image_copy_tmp_dir'),
  imageDefaultTransport: text('image_default_transport'),
  /** 0: tspod's default */
  imageParallelCopies: wholeNumber('image_parallel_copies', 0),
  imageVolumeMode: oneOf('image_volume_mode', ['anonymous', 'tmpfs', 'ignore'], { bind: 'anonymous', '': 'anonymous' }),
  networkCmdOptions: list('network_cmd_options'),
  networkCmdPath: absolutePath('network_cmd_path'),
  pullPolicy: oneOf('pull_policy', ['always', 'missing', 'never', 'newer']),
  /** times a failed transfer is tried again */
  retry: wholeNumber('retry', 0),
  /** a name in `runtimes` or a path; absent: tspod's own. The system's files choose it for engines that have none */
  runtime: userFilesOnly(textOrAbsent('runtime')),
  runtimes: tableOfLists('runtimes'),
  stopTimeoutSeconds: wholeNumber('stop_timeout', 0),
  /** absent: `volumes` in the store */
  volumePath: absolutePath('volume_path'),
}

/** The rules of each table; the generated defaults and the reader of files go by them. */
export const tables = { containers, network, engine }

type Values<T> = { readonly [K in keyof T]: T[K] extends Rule<infer V> ? Readonly<V> : never }

type Absent =
  | 'apparmorProfile'
  | 'initPath'
  | 'logTag'
  | 'seccompProfile'
  | 'runtime'
  | 'networkCmdPath'
  | 'cgroupManager'
  | 'oomScoreAdj'
  | 'imageCopyTmpDir'
  | 'volumePath'

type WithAbsent<T> = { readonly [K in keyof T as K extends Absent ? never : K]: T[K] } & {
  readonly [K in keyof T as K extends Absent ? K : never]?: T[K]
}

export type ContainersTable = WithAbsent<Values<typeof containers>>
export type NetworkTable = WithAbsent<Values<typeof network>>
export type EngineTable = WithAbsent<Values<typeof engine>>

export interface ConfigTables {
  readonly containers: ContainersTable
  readonly network: NetworkTable
  readonly engine: EngineTable
}
