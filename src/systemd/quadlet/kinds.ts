// The kinds of Quadlet files and the keys each may have (podman-systemd.unit(5)). Pure.

export interface Kind {
  /** `[Container]`, kept in the service as `[X-Container]` */
  group: string
  /** what is added to the file's name for the service */
  suffix: string
  keys: ReadonlySet<string>
}

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/))

const containerKeys = words(`AddCapability AddDevice AddHost Annotation AutoUpdate CgroupsMode ContainerName
  ContainersConfModule DNS DNSOption DNSSearch DropCapability Entrypoint Environment EnvironmentFile EnvironmentHost Exec
  ExposeHostPort GIDMap GlobalArgs Group GroupAdd HealthCmd HealthInterval HealthLogDestination HealthMaxLogCount
  HealthMaxLogSize HealthOnFailure HealthRetries HealthStartPeriod HealthStartupCmd HealthStartupInterval
  HealthStartupRetries HealthStartupSuccess HealthStartupTimeout HealthTimeout HostName HttpProxy IP IP6 Image Label
  LogDriver LogOpt Mask Memory Mount Network NetworkAlias NoNewPrivileges Notify PidsLimit Pod PodmanArgs PublishPort
  Pull ReadOnly ReadOnlyTmpfs ReloadCmd ReloadSignal RemapGid RemapUid RemapUidSize RemapUsers Retry RetryDelay Rootfs
  RunInit SeccompProfile Secret SecurityLabelDisable SecurityLabelFileType SecurityLabelLevel SecurityLabelNested
  SecurityLabelType ServiceName ShmSize StartWithPod StopSignal StopTimeout SubGIDMap SubUIDMap Sysctl Timezone Tmpfs
  UIDMap Ulimit Unmask User UserNS VolatileTmp Volume WorkingDir`)

const buildKeys = words(`Annotation Arch AuthFile BuildArg ContainersConfModule DNS DNSOption DNSSearch Environment File
  ForceRM GlobalArgs GroupAdd IgnoreFile ImageTag Label Network PodmanArgs Pull Retry RetryDelay Secret ServiceName
  SetWorkingDirectory Target TLSVerify Variant Volume`)

const kindTable = {
  container: { group: 'Container', suffix: '', keys: containerKeys },
  volume: {
    group: 'Volume',
    suffix: '-volume',
    keys: words(`ContainersConfModule Copy Device Driver GlobalArgs Group Image Label Options PodmanArgs ServiceName Type
      User VolumeName`),
  },
  network: {
    group: 'Network',
    suffix: '-network',
    keys: words(`ContainersConfModule DisableDNS DNS Driver Gateway GlobalArgs Internal InterfaceName IPAMDriver IPRange
      IPv6 Label NetworkDeleteOnStop NetworkName Options PodmanArgs ServiceName Subnet`),
  },
  image: {
    group: 'Image',
    suffix: '-image',
    keys: words(`AllTags Arch AuthFile CertDir ContainersConfModule Creds DecryptionKey GlobalArgs Image ImageTag OS
      PodmanArgs Policy Retry RetryDelay ServiceName TLSVerify Variant`),
  },
  build: { group: 'Build', suffix: '-build', keys: buildKeys },
  pod: {
    group: 'Pod',
    suffix: '-pod',
    keys: words(`AddHost ContainersConfModule DNS DNSOption DNSSearch ExitPolicy GIDMap GlobalArgs HostName IP IP6 Label
      Network NetworkAlias PodmanArgs PodName PublishPort RemapGid RemapUid RemapUidSize RemapUsers ServiceName ShmSize
      StopTimeout SubGIDMap SubUIDMap UIDMap UserNS Volume`),
  },
  kube: {
    group: 'Kube',
    suffix: '',
    keys: words(`AutoUpdate ConfigMap ContainersConfModule ExitCodePropagation GlobalArgs KubeDownForce LogDriver LogOpt
      Network PodmanArgs PublishPort RemapGid RemapUid RemapUidSize RemapUsers ServiceName SetWorkingDirectory UserNS
      Yaml`),
  },
} satisfies Record<string, Kind>

export type KindName = keyof typeof kindTable
export const kinds: Readonly<Record<KindName, Kind>> = kindTable

/** The kind of a file by the end of its name; `undefined` for what is no Quadlet file. */
export function kindOf(name: string): KindName | undefined {
  const extension = /\.([a-z]+)$/.exec(name)?.[1]
  return extension !== undefined && Object.hasOwn(kindTable, extension) ? (extension as KindName) : undefined
}
