// What containers.conf says of the things a request leaves open. Pure: a request in, a request without open ends out.
import type { ContainersTable } from '#config/tables.ts'
import { parseMountOption, parseVolumeOption } from './options/mount.ts'
import { parseNamespaceMode, parseUsernsMode } from './options/namespaces.ts'
import type { ContainerRequest, MountRequest } from './request.ts'

/** The request with the configuration's values for what its `unsaid` names, and its lists added (containers.conf(5)). */
export function withConfiguredDefaults(request: ContainerRequest, table: ContainersTable): ContainerRequest {
  const isOpen = (field: keyof ContainerRequest) => request.unsaid.includes(field)
  const init = isOpen('init') ? table.init : request.init
  const limits = logLimits(request, table)
  return {
    ...request,
    unsaid: [],
    annotations: { ...pairs(table.annotations), ...request.annotations },
    envHost: isOpen('envHost') ? table.envHost : request.envHost,
    httpProxy: isOpen('httpProxy') ? table.httpProxy : request.httpProxy,
    init,
    initPath: request.initPath ?? (init ? table.initPath : undefined),
    noHosts: isOpen('noHosts') ? table.noHosts : request.noHosts,
    privileged: isOpen('privileged') ? table.privileged : request.privileged,
    readOnly: isOpen('readOnly') ? table.readOnly : request.readOnly,
    oomScoreAdj: request.oomScoreAdj ?? table.oomScoreAdj,
    timezone: request.timezone ?? (table.tz === '' ? undefined : table.tz),
    pid: isOpen('pid') ? parseNamespaceMode('pidns', table.pidns) : request.pid,
    ipc: isOpen('ipc') ? parseNamespaceMode('--ipc', table.ipcns) : request.ipc,
    uts: isOpen('uts') ? parseNamespaceMode('utsns', table.utsns) : request.uts,
    cgroupns: isOpen('cgroupns') ? parseNamespaceMode('cgroupns', table.cgroupns) : request.cgroupns,
    userns: request.userns.kind === 'default' ? parseUsernsMode(table.userns) : request.userns,
    securityOpts: table.label ? request.securityOpts : ['label=disable', ...request.securityOpts],
    mounts: [...configuredMounts(request, table), ...request.mounts],
    logOpts: { ...limits, ...request.logOpts },
  }
}

/** Those whose place the request does not fill itself. */
function configuredMounts(request: ContainerRequest, table: ContainersTable): MountRequest[] {
  const taken = new Set(request.mounts.map(mount => mount.destination))
  return [
    ...table.volumes.map(text => parseVolumeOption(text, '/')),
    ...table.mounts.map(text => parseMountOption(text, '/')),
  ].filter(mount => !taken.has(mount.destination))
}

/** `log_size_max`, for the drivers that keep a file. */
function logLimits(request: ContainerRequest, table: ContainersTable): Record<string, string> {
  const driver = request.logDriver ?? table.logDriver
  const keepsFile = driver === 'k8s-file' || driver === 'json-file'
  return keepsFile && table.logSizeMaxBytes > 0 ? { 'max-size': String(table.logSizeMaxBytes) } : {}
}

function pairs(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map(text => {
      const equals = text.indexOf('=')
      return equals === -1 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)]
    }),
  )
}
