// The options of run and create, with the image and command, as the request the engine understands.
import { parseAddHost } from '#container/options/add-host.ts'
import { parseDetachKeys } from '#container/options/detach-keys.ts'
import { parseDeviceOption } from '#container/options/device.ts'
import { parseKeyValue, readLabelFile } from '#container/options/key-value.ts'
import { parseMountOption, parseTmpfsOption, parseVolumeOption } from '#container/options/mount.ts'
import {
  parseDnsServers,
  parseNamespaceMode,
  parseNetworkOption,
  parseUsernsMode,
} from '#container/options/namespaces.ts'
import { parseResources, withDefaultSwap } from '#container/options/resources.ts'
import { parseByteSize } from '#container/options/size.ts'
import { parseUlimit } from '#container/options/ulimit.ts'
import type { ContainerRequest, MountRequest } from '#container/request.ts'
import { parseRestartPolicy } from '#container/restart-policy.ts'
import { TspodError } from '#errors.ts'
import { parseExposed, parsePublish } from '#network/ports/parse.ts'
import { usageError } from './command.ts'
import type { createOptions } from './container-options.ts'
import { healthRequest } from './health-request.ts'
import { readIdFile } from './id-file.ts'
import type { Values } from './option.ts'
import { platformOf } from './pull-options.ts'
import { resourcesOf } from './resource-options.ts'

/** Throws INVALID or UNSUPPORTED, quoting the very text typed. Reads label files; resolves paths against `cwd`. */
export function createRequest(
  values: Values<typeof createOptions>,
  operands: readonly string[],
  cwd: string,
): ContainerRequest {
  const [source = '', ...command] = operands
  const isRootfs = values.rootfs === true
  checkConflicts(values)
  for (const text of values.addHost ?? []) parseAddHost(text)
  for (const text of values.device ?? []) parseDeviceOption(text)
  for (const text of values.ulimit ?? []) parseUlimit(text)
  if (values.detachKeys !== undefined) parseDetachKeys(values.detachKeys)
  return {
    unsaid: unsaidOf(values),
    name: values.name,
    ...(isRootfs ? { rootfs: absolute(source, cwd) } : { image: source }),
    platform: platformOf(values),
    command,
    entrypoint: parseEntrypoint(values.entrypoint),
    env: checkEnv(values.env ?? []),
    envFiles: (values.envFile ?? []).map(path => absolute(path, cwd)),
    envHost: values.envHost ?? false,
    envMerge: values.envMerge ?? [],
    unsetEnv: values.unsetenv ?? [],
    unsetEnvAll: values.unsetenvAll ?? false,
    httpProxy: values.httpProxy ?? true,
    workdir: values.workdir,
    hostname: values.hostname,
    user: values.user,
    groupAdd: values.groupAdd ?? [],
    labels: Object.assign(
      {},
      ...(values.labelFile ?? []).map(path => readLabelFile(absolute(path, cwd))),
      pairs('--label', values.label),
    ) as Record<string, string>,
    annotations: pairs('--annotation', values.annotation),
    interactive: values.interactive ?? false,
    tty: values.tty ?? false,
    remove: values.rm ?? false,
    detach: false,
    init: values.init ?? values.initPath !== undefined,
    initPath: values.initPath === undefined ? undefined : absolute(values.initPath, cwd),
    privileged: values.privileged ?? false,
    readOnly: values.readOnly ?? false,
    readOnlyTmpfs: values.readOnlyTmpfs ?? true,
    capAdd: values.capAdd ?? [],
    capDrop: values.capDrop ?? [],
    securityOpts: values.securityOpt ?? [],
    sysctls: pairs('--sysctl', values.sysctl),
    ulimits: values.ulimit ?? [],
    umask: values.umask,
    resources: withDefaultSwap(parseResources({ ...resourcesOf(values), cgroupConf: values.cgroupConf })),
    softLimits: values.softLimits === true ? true : undefined,
    cgroups: values.cgroups === 'enabled' ? undefined : values.cgroups,
    cgroupParent: values.cgroupParent === '' ? undefined : values.cgroupParent,
    oomScoreAdj: values.oomScoreAdj,
    devices: values.device ?? [],
    mounts: mountsOf(values, cwd),
    volumesFrom: values.volumesFrom ?? [],
    imageVolumes: values.imageVolume === 'bind' ? 'anonymous' : (values.imageVolume ?? 'anonymous'),
    shmSizeBytes: values.shmSize === undefined ? undefined : parseByteSize('--shm-size', values.shmSize),
    userns: parseUsernsMode(values.userns ?? ''),
    uidMap: values.uidmap ?? [],
    gidMap: values.gidmap ?? [],
    pid: parseNamespaceMode('--pid', values.pid ?? ''),
    ipc: parseNamespaceMode('--ipc', values.ipc ?? ''),
    uts: parseNamespaceMode('--uts', values.uts ?? ''),
    cgroupns: parseNamespaceMode('--cgroupns', values.cgroupns ?? ''),
    network: parseNetworkOption(values.network ?? [], {
      aliases: values.networkAlias,
      ip: values.ip,
      ip6: values.ip6,
      mac: values.macAddress,
    }),
    dns: parseDnsServers(values.dns ?? []),
    dnsSearch: values.dnsSearch ?? [],
    dnsOptions: values.dnsOption ?? [],
    addHosts: values.addHost ?? [],
    noHosts: values.noHosts ?? false,
    noHostname: values.noHostname ?? false,
    publish: (values.publish ?? []).map(text => parsePublish(text)),
    publishAll: values.publishAll ?? false,
    portFallback: values.portFallback ?? false,
    expose: checkExposed(values.expose ?? []),
    logDriver: values.logDriver,
    logOpts: pairs('--log-opt', values.logOpt),
    stopSignal: values.stopSignal,
    stopTimeoutSeconds: values.stopTimeout,
    timeoutSeconds: values.timeout === 0 ? undefined : values.timeout,
    health: healthRequest(values),
    restart: parseRestartPolicy(values.restart ?? ''),
    sdnotify: values.sdnotify,
    systemd: values.systemd,
    systemdTmpfsBytes:
      values.shmSizeSystemd === undefined ? undefined : parseByteSize('--shm-size-systemd', values.shmSizeSystemd),
    timezone: values.tz,
    replace: values.replace ?? false,
    pull: pullPolicy(values.pull),
    cidFile: values.cidfile === undefined ? undefined : absolute(values.cidfile, cwd),
    pidFile: values.pidfile === undefined ? undefined : absolute(values.pidfile, cwd),
    hooksDirs: [],
    preserveFds: values.preserveFds ?? 0,
    detachKeys: values.detachKeys,
    passwd: values.passwd ?? true,
    passwdEntry: values.passwdEntry,
    groupEntry: values.groupEntry,
    hostUsers: values.hostuser ?? [],
    pod: podOf(values),
  }
}

/** The fields containers.conf may decide, since no option does. */
function unsaidOf(values: Values<typeof createOptions>): ContainerRequest['unsaid'] {
  const open: ContainerRequest['unsaid'] = []
  if (values.envHost === undefined) open.push('envHost')
  if (values.httpProxy === undefined) open.push('httpProxy')
  if (values.init === undefined && values.initPath === undefined) open.push('init')
  if (values.noHosts === undefined && values.addHost === undefined) open.push('noHosts')
  if (values.privileged === undefined) open.push('privileged')
  if (values.readOnly === undefined) open.push('readOnly')
  if (values.pid === undefined) open.push('pid')
  if (values.ipc === undefined) open.push('ipc')
  if (values.uts === undefined) open.push('uts')
  if (values.cgroupns === undefined) open.push('cgroupns')
  return open
}

function checkConflicts(values: Values<typeof createOptions>): void {
  const isNewPod = values.pod?.startsWith('new:') === true
  if ((values.pod ?? values.podIdFile) !== undefined && values.userns !== undefined && !isNewPod)
    throw usageError('--userns and --pod cannot be set together')
  const ofNetwork = values.ip ?? values.ip6 ?? values.macAddress ?? values.networkAlias
  if (values.pod !== undefined && !isNewPod && ofNetwork !== undefined && values.network === undefined)
    throw usageError(
      'networks must be defined when the pod is created: network cannot be configured when it is shared with a pod',
    )
  if (values.replace === true && values.name === undefined)
    throw usageError('cannot replace container without --name being set')
  if (values.noHosts === true && values.addHost !== undefined)
    throw usageError('--no-hosts and --add-host cannot be set together')
  if (values.cgroups === 'split' && values.cgroupParent !== undefined)
    throw usageError('--cgroups=split and --cgroup-parent cannot be set together')
  checkRestartConflicts(values)
  const dns = [
    ['dns', values.dns],
    ['dns-search', values.dnsSearch],
    ['dns-option', values.dnsOption],
  ] as const
  const asked = dns.find(([, list]) => list !== undefined)
  const mode = values.network?.find(text => text === 'none' || text.startsWith('container:'))?.split(':', 1)[0]
  if (asked !== undefined && mode !== undefined)
    throw usageError(`conflicting options: ${asked[0]} and the network mode: ${mode}`)
  if (values.addHost !== undefined && mode === 'container')
    throw usageError(
      'cannot set extra host entries when the container is joined to another containers network namespace',
    )
  const mapping = values.uidmap !== undefined || values.gidmap !== undefined
  if (mapping && values.userns !== undefined && values.userns !== 'private')
    throw usageError('--userns and --uidmap/--gidmap cannot be set together')
}

/** What a restart could not give the container again. */
function checkRestartConflicts({ restart, rm, logDriver, preserveFds = 0 }: Values<typeof createOptions>): void {
  if (parseRestartPolicy(restart ?? '') === undefined) return
  if (rm === true)
    throw usageError('the --rm option conflicts with --restart, when the restartPolicy is not "" and "no"')
  if (logDriver === 'passthrough' || logDriver === 'passthrough-tty')
    throw usageError(`--log-driver ${logDriver} conflicts with --restart: this command's streams end with it`)
  if (preserveFds > 0)
    throw usageError("--preserve-fds conflicts with --restart: this command's descriptors end with it")
}

function mountsOf(values: Values<typeof createOptions>, cwd: string): MountRequest[] {
  return [
    ...(values.volume ?? []).map(text => parseVolumeOption(text, cwd)),
    ...(values.mount ?? []).map(text => parseMountOption(text, cwd)),
    ...(values.tmpfs ?? []).map(parseTmpfsOption),
  ]
}

/** `--pod`, or what --pod-id-file says. */
function podOf({ pod, podIdFile }: Values<typeof createOptions>): string | undefined {
  if (podIdFile === undefined) return pod
  if (pod !== undefined) throw usageError('--pod and --pod-id-file cannot be set together')
  return readIdFile('--pod-id-file', podIdFile)
}

/** A JSON list of texts, or one program; empty text is no entrypoint at all. */
function parseEntrypoint(text: string | undefined): string[] | undefined {
  if (text === undefined) return undefined
  if (text === '') return []
  if (!text.trimStart().startsWith('[')) return [text]
  try {
    const list: unknown = JSON.parse(text)
    if (Array.isArray(list) && list.every(word => typeof word === 'string')) return list
  } catch {
    // a program whose name begins with a bracket, such as `[`
    return [text]
  }
  throw new TspodError('INVALID', `parsing --entrypoint "${text}": must be a program or a JSON list of texts`)
}

function checkEnv(texts: string[]): string[] {
  const wrong = texts.find(text => text === '' || text.startsWith('='))
  if (wrong !== undefined) throw new TspodError('INVALID', `parsing --env "${wrong}": the name before "=" is empty`)
  return texts
}

function checkExposed(texts: string[]): string[] {
  for (const text of texts) parseExposed(text)
  return texts
}

function pullPolicy(policy: Values<typeof createOptions>['pull']): ContainerRequest['pull'] {
  if (policy === 'true') return 'always'
  return policy === 'false' ? 'never' : (policy ?? 'missing')
}

function pairs(option: string, texts: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(texts.map(text => parseKeyValue(option, text)))
}

function absolute(path: string, cwd: string): string {
  return path.startsWith('/') ? path : `${cwd}/${path}`
}
