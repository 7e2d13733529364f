// A `.container` file as a service (podman-systemd.unit(5), Container units). Pure.
import { parseCsv, writeCsv } from '#systemd/csv.ts'
import { splitOnce } from '#systemd/unit-file.ts'
import {
  absolutePath,
  addCommand,
  baseCommand,
  type Draft,
  flagOptions,
  imageSource,
  listOptions,
  networkOptions,
  pairOptions,
  storageSource,
  textOptions,
  volumeOptions,
  wordOptions,
  wrong,
} from './draft.ts'
import { identityOptions } from './identity.ts'

const texts = {
  Timezone: '--tz',
  PidsLimit: '--pids-limit',
  ShmSize: '--shm-size',
  Entrypoint: '--entrypoint',
  WorkingDir: '--workdir',
  IP: '--ip',
  IP6: '--ip6',
  HostName: '--hostname',
  StopSignal: '--stop-signal',
  StopTimeout: '--stop-timeout',
  Pull: '--pull',
  Memory: '--memory',
  Retry: '--retry',
  RetryDelay: '--retry-delay',
}

const lists = {
  NetworkAlias: '--network-alias',
  Ulimit: '--ulimit',
  DNS: '--dns',
  DNSOption: '--dns-option',
  DNSSearch: '--dns-search',
  GroupAdd: '--group-add',
  AddHost: '--add-host',
  Tmpfs: '--tmpfs',
}

const health = {
  HealthCmd: '--health-cmd',
  HealthInterval: '--health-interval',
  HealthOnFailure: '--health-on-failure',
  HealthLogDestination: '--health-log-destination',
  HealthMaxLogCount: '--health-max-log-count',
  HealthMaxLogSize: '--health-max-log-size',
  HealthRetries: '--health-retries',
  HealthStartPeriod: '--health-start-period',
  HealthTimeout: '--health-timeout',
  HealthStartupCmd: '--health-startup-cmd',
  HealthStartupInterval: '--health-startup-interval',
  HealthStartupRetries: '--health-startup-retries',
  HealthStartupSuccess: '--health-startup-success',
  HealthStartupTimeout: '--health-startup-timeout',
}

/** Fills in the draft. Throws INVALID for what cannot be. */
export function draftContainer(draft: Draft): void {
  const { source, group, service } = draft
  const { unit } = source
  const image = imageOf(draft)
  const name = containerName(source.name, unit.text(group, 'ContainerName'))
  service.add('Service', 'Environment', 'PODMAN_SYSTEMD_UNIT=%n')
  requireKillMode(draft)
  const remove = [...baseCommand(draft), 'rm', '-v', '-f', '-i', name]
  addCommand(draft, 'ExecStop', remove)
  // where the monitor was killed, ExecStop= is passed over
  addCommand(draft, 'ExecStopPost', [`-${remove[0]}`, ...remove.slice(1)])
  addReload(draft, name)
  service.add('Service', 'Delegate', 'yes')
  const start = [
    ...baseCommand(draft),
    'run',
    '--name',
    name,
    '--replace',
    '--rm',
    ...textOptions(draft, { LogDriver: '--log-driver' }),
    ...wordOptions(draft, { LogOpt: '--log-opt' }),
    ...cgroupsOption(draft),
    ...textOptions(draft, texts),
    ...listOptions(draft, lists),
    ...flagOptions(draft, {
      RunInit: '--init',
      EnvironmentHost: '--env-host',
      HttpProxy: '--http-proxy',
      ReadOnlyTmpfs: '--read-only-tmpfs',
    }),
    ...networkOptions(draft),
    ...notifyOptions(draft),
    ...securityOptions(draft),
    ...identityOptions(draft),
    ...volumeOptions(draft),
    ...autoUpdateLabel(draft),
    ...exposeOptions(draft),
    ...listOptions(draft, { PublishPort: '--publish' }),
    ...pairOptions(draft, { Environment: '--env', Label: '--label', Annotation: '--annotation' }),
    ...unit.words(group, 'Mask').flatMap(path => ['--security-opt', `mask=${path}`]),
    ...unit.words(group, 'Unmask').flatMap(path => ['--security-opt', `unmask=${path}`]),
    ...unit.words(group, 'EnvironmentFile').flatMap(path => ['--env-file', absolutePath(draft, path)]),
    ...unit.words(group, 'Secret').flatMap(secret => ['--secret', secret]),
    ...unit.words(group, 'Mount').flatMap(mount => ['--mount', resolveMount(draft, mount)]),
    ...textOptions(draft, health),
    ...podOption(draft),
    ...unit.words(group, 'PodmanArgs'),
    ...image,
    ...unit.words(group, 'Exec'),
  ]
  addCommand(draft, 'ExecStart', start)
}

/** What the container is called; `systemd-%N` where its file does not say. */
export function containerName(file: string, asked: string | undefined): string {
  return asked ?? (file.includes('@') ? 'systemd-%p_%i' : 'systemd-%N')
}

function imageOf(draft: Draft): string[] {
  const { source, group } = draft
  const image = source.unit.text(group, 'Image')
  const rootfs = source.unit.text(group, 'Rootfs')
  if (image !== undefined && rootfs !== undefined) throw wrong('Image= and Rootfs= cannot both be set')
  if (image !== undefined) return [imageSource(draft, image)]
  if (rootfs !== undefined) return ['--rootfs', rootfs]
  throw wrong('neither Image= nor Rootfs= is set')
}

/** The monitor is told to end, and ends the container. */
function requireKillMode({ service }: Draft): void {
  const mode = service.last('Service', 'KillMode')
  if (mode === undefined) service.set('Service', 'KillMode', 'mixed')
  else if (mode !== 'mixed' && mode !== 'control-group') throw wrong(`KillMode=${mode}: must be mixed or control-group`)
}

function addReload(draft: Draft, name: string): void {
  const { source, group } = draft
  const signal = source.unit.text(group, 'ReloadSignal')
  const command = source.unit.words(group, 'ReloadCmd')
  if (signal !== undefined && command.length > 0) throw wrong('ReloadCmd= and ReloadSignal= cannot both be set')
  if (command.length > 0) addCommand(draft, 'ExecReload', [...baseCommand(draft), 'exec', name, ...command])
  else if (signal !== undefined)
    addCommand(draft, 'ExecReload', [...baseCommand(draft), 'kill', '--signal', signal, name])
}

/** Both stay in the service's own group; where that cannot be parted, its monitor does, where systemd looks for it. */
function cgroupsOption({ source, group, canSplit }: Draft): string[] {
  const mode = source.unit.text(group, 'CgroupsMode')
  return mode === undefined ? [canSplit ? '--cgroups=split' : '--cgroups=no-conmon'] : ['--cgroups', mode]
}

/** Who tells systemd that the service is there, and that nobody waits at the terminal. */
function notifyOptions({ source, group, service }: Draft): string[] {
  if (service.last('Service', 'SyslogIdentifier') === undefined) service.set('Service', 'SyslogIdentifier', '%N')
  const type = service.last('Service', 'Type')
  if (type === 'oneshot') return []
  if (type !== undefined && type !== 'notify') throw wrong(`Type=${type}: must be notify or oneshot`)
  service.set('Service', 'Type', 'notify')
  service.set('Service', 'NotifyAccess', 'all')
  const isHealthy = source.unit.text(group, 'Notify')?.toLowerCase() === 'healthy'
  const isContainer = !isHealthy && source.unit.boolean(group, 'Notify') === true
  return [`--sdnotify=${isHealthy ? 'healthy' : isContainer ? 'container' : 'conmon'}`, '-d']
}

function securityOptions(draft: Draft): string[] {
  const { source, group, exists } = draft
  const { unit } = source
  const label = (key: string, word: string) => {
    const value = unit.text(group, key)
    return value === undefined ? [] : ['--security-opt', `label=${word}:${value}`]
  }
  const devices = unit.words(group, 'AddDevice', 'raw').flatMap(word => {
    if (!word.startsWith('-')) return ['--device', word]
    return exists(word.slice(1).split(':')[0] ?? '') ? ['--device', word.slice(1)] : []
  })
  const profile = unit.text(group, 'SeccompProfile')
  const capabilities = (key: string, option: string) =>
    unit.words(group, key, 'raw').flatMap(name => [option, name.toLowerCase()])
  return [
    ...(unit.boolean(group, 'NoNewPrivileges') === true ? ['--security-opt=no-new-privileges'] : []),
    ...(unit.boolean(group, 'SecurityLabelDisable') === true ? ['--security-opt', 'label=disable'] : []),
    ...(unit.boolean(group, 'SecurityLabelNested') === true ? ['--security-opt', 'label=nested'] : []),
    ...label('SecurityLabelType', 'type'),
    ...label('SecurityLabelFileType', 'filetype'),
    ...label('SecurityLabelLevel', 'level'),
    ...devices,
    ...(profile === undefined ? [] : ['--security-opt', `seccomp=${profile}`]),
    ...capabilities('DropCapability', '--cap-drop'),
    ...capabilities('AddCapability', '--cap-add'),
    ...wordOptions(draft, { Sysctl: '--sysctl' }),
    ...flagOptions(draft, { ReadOnly: '--read-only' }),
    ...(unit.boolean(group, 'VolatileTmp') === true && unit.boolean(group, 'ReadOnly') !== true
      ? ['--tmpfs', '/tmp:rw,size=512M,mode=1777']
      : []),
  ]
}

function autoUpdateLabel({ source, group }: Draft): string[] {
  const policy = source.unit.text(group, 'AutoUpdate')
  return policy === undefined ? [] : ['--label', `io.containers.autoupdate=${policy}`]
}

function exposeOptions({ source, group }: Draft): string[] {
  return source.unit.all(group, 'ExposeHostPort').flatMap(port => {
    if (/^\d+(?:-\d+)?(?:\/(?:udp|tcp))?$/.test(port)) return ['--expose', port]
    throw wrong(`ExposeHostPort=${port}: must be a port or a range of ports, such as 80-90/udp`)
  })
}

/** Files, volumes and images are looked up; everything else is left as it is. */
function resolveMount(draft: Draft, mount: string): string {
  const fields = parseCsv(mount)
  const type = fields.map(field => splitOnce(field, '=')).find(([key]) => key === 'type')?.[1] ?? 'volume'
  if (!['volume', 'bind', 'glob', 'image'].includes(type)) return mount
  const resolved = fields
    .filter(field => !field.startsWith('type='))
    .map(field => {
      const [key, value] = splitOnce(field, '=')
      if (key !== 'source' && key !== 'src') return field
      if (value === undefined || value === '') throw wrong(`Mount=${mount}: the source is empty`)
      return `source=${storageSource(draft, value, true)}`
    })
  return writeCsv([`type=${type}`, ...resolved])
}

/** The pod by its name; its service goes before this one's, and this one's does not go on without it. */
function podOption({ source, group, known, service }: Draft): string[] {
  const pod = source.unit.text(group, 'Pod')
  if (pod === undefined) return []
  if (!pod.endsWith('.pod')) throw wrong(`Pod=${pod}: must be a .pod file`)
  const info = known.get(pod)
  if (info === undefined) throw wrong(`Pod=${pod}: there is no Quadlet file "${pod}"`)
  service.add('Unit', 'BindsTo', info.service)
  service.add('Unit', 'After', info.service)
  return ['--pod', info.resource ?? '']
}
