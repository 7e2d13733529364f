// A container that there is as one of a Kubernetes pod. Pure.
import type { ContainerRecord, RecordedMount } from '#container/record.ts'
import type { PortMapping } from '#network/ports/mapping.ts'
import { unfoldPorts } from '#network/ports/mapping.ts'

/** A JSON value of an object of Kubernetes; `undefined` fields are left out. */
export type KubeObject = Record<string, unknown>

export interface GeneratedContainer {
  container: KubeObject
  /** those it mounts, by name */
  volumes: Map<string, KubeObject>
}

/** What of a container has no place in a Kubernetes file is told to `warn`. */
export function generateContainer(
  record: ContainerRecord,
  name: string,
  ports: readonly PortMapping[],
  warn: (text: string) => void,
): GeneratedContainer {
  const { request } = record
  const volumes = new Map<string, KubeObject>()
  const volumeMounts = record.mounts.flatMap(mount => mountOf(record, mount, volumes, warn))
  for (const what of lost(record)) warn(`container "${record.name}": ${what} is not in the file`)
  return {
    container: {
      name,
      image: record.image?.name,
      ...(request.entrypoint !== undefined &&
        request.entrypoint.length > 0 && { command: request.entrypoint.map(literal) }),
      ...argsOf(record),
      ...listed('env', envOf(record)),
      ...listed('ports', portsOf(ports)),
      ...(request.workdir !== undefined && { workingDir: request.workdir }),
      ...(request.tty && { tty: true }),
      ...(request.interactive && { stdin: true }),
      ...filled('resources', resourcesOf(record)),
      ...filled('securityContext', securityOf(record)),
      ...probeOf(record),
      ...(request.stopSignal !== undefined && { lifecycle: { stopSignal: request.stopSignal } }),
      ...listed('volumeMounts', volumeMounts),
    },
    volumes,
  }
}

function listed(key: string, list: readonly unknown[]): KubeObject {
  return list.length === 0 ? {} : { [key]: list }
}

function filled(key: string, object: KubeObject): KubeObject {
  return Object.keys(object).length === 0 ? {} : { [key]: object }
}

/** In a Kubernetes text `$(NAME)` is a reference, and `$$` a dollar sign. */
function literal(text: string): string {
  return text.replace(/\$(?=[$(])/g, '$$$$')
}

/** Without a command of its own it is the image's that gets them. An empty entrypoint makes the arguments the command. */
function argsOf({ request }: ContainerRecord): KubeObject {
  if (request.command.length === 0) return {}
  const words = request.command.map(literal)
  return request.entrypoint?.length === 0 ? { command: words } : { args: words }
}

function envOf({ request }: ContainerRecord): KubeObject[] {
  return request.env.flatMap(entry => {
    const equals = entry.indexOf('=')
    return equals < 1 ? [] : [{ name: entry.slice(0, equals), value: literal(entry.slice(equals + 1)) }]
  })
}

function portsOf(ports: readonly PortMapping[]): KubeObject[] {
  return unfoldPorts(ports).map(({ containerPort, hostPort, hostIp, protocol }) => ({
    containerPort,
    hostPort,
    ...(hostIp !== '' && { hostIP: hostIp }),
    ...(protocol !== 'tcp' && { protocol: protocol.toUpperCase() }),
  }))
}

function resourcesOf({ request: { resources } }: ContainerRecord): KubeObject {
  const { memory, cpu } = resources ?? {}
  const limits = {
    ...(cpu?.quota !== undefined && { cpu: `${Math.round((cpu.quota / (cpu.period ?? 100_000)) * 1000)}m` }),
    ...(memory?.limit !== undefined && memory.limit > 0 && { memory: String(memory.limit) }),
  }
  const requests = {
    ...(cpu?.shares !== undefined && { cpu: `${Math.round((cpu.shares / 1024) * 1000)}m` }),
    ...(memory?.reservation !== undefined && memory.reservation > 0 && { memory: String(memory.reservation) }),
  }
  return { ...filled('limits', limits), ...filled('requests', requests) }
}

function securityOf({ request, user }: ContainerRecord): KubeObject {
  const { capAdd, capDrop, securityOpts } = request
  const has = (name: string) => securityOpts.some(text => text === name || text === `${name}=true`)
  const labels = securityOpts.flatMap(text => /^label=(user|role|type|level):(.+)$/.exec(text)?.slice(1, 3) ?? [])
  return {
    ...(request.user !== undefined && {
      runAsUser: user.uid,
      ...(request.user.includes(':') && { runAsGroup: user.gid }),
    }),
    ...(request.privileged && { privileged: true }),
    ...(request.readOnly && { readOnlyRootFilesystem: true }),
    ...(has('no-new-privileges') && { allowPrivilegeEscalation: false }),
    ...((capAdd.length > 0 || capDrop.length > 0) && {
      capabilities: { ...listed('add', capAdd), ...listed('drop', capDrop) },
    }),
    ...(securityOpts.includes('unmask=ALL') && { procMount: 'Unmasked' }),
    ...(securityOpts.includes('seccomp=unconfined') && { seccompProfile: { type: 'Unconfined' } }),
    ...(labels.length > 0 && {
      seLinuxOptions: Object.fromEntries(labels.flatMap((key, at) => (at % 2 === 0 ? [[key, labels[at + 1]]] : []))),
    }),
  }
}

function probeOf({ request: { health } }: ContainerRecord): KubeObject {
  const [kind, ...words] = health?.test ?? []
  if (health === undefined || kind === undefined || kind === 'NONE') return {}
  const seconds = (ms: number | undefined) => (ms === undefined ? undefined : Math.max(1, Math.round(ms / 1000)))
  const interval = health.intervalMs === 'disable' ? undefined : seconds(health.intervalMs)
  return {
    livenessProbe: {
      exec: { command: kind === 'CMD-SHELL' ? ['/bin/sh', '-c', ...words] : words },
      ...(health.startPeriodMs !== undefined &&
        health.startPeriodMs > 0 && { initialDelaySeconds: seconds(health.startPeriodMs) }),
      // what it is here where nothing is said
      periodSeconds: interval ?? 30,
      timeoutSeconds: seconds(health.timeoutMs) ?? 30,
      ...(health.retries !== undefined && { failureThreshold: health.retries }),
    },
  }
}

function mountOf(
  record: ContainerRecord,
  mount: RecordedMount,
  volumes: Map<string, KubeObject>,
  warn: (text: string) => void,
): KubeObject[] {
  const source = volumeOf(record, mount)
  if (source === undefined) {
    warn(`container "${record.name}": its ${mount.type} on "${mount.destination}" is not in the file`)
    return []
  }
  volumes.set(source.name, { name: source.name, ...source.volume })
  if (mount.anonymous === true && !mount.readWrite)
    warn(`container "${record.name}": files of a ConfigMap or Secret on "${mount.destination}" are not in the file`)
  return [
    {
      name: source.name,
      mountPath: mount.destination,
      ...(!mount.readWrite && mount.type !== 'image' && { readOnly: true }),
      ...(mount.subpath !== undefined && { subPath: mount.subpath }),
    },
  ]
}

/** As podman calls them: `PATH-host`, `NAME-pvc`. */
function volumeOf({ name }: ContainerRecord, mount: RecordedMount): { name: string; volume: KubeObject } | undefined {
  const { type, source, destination } = mount
  if (mount.overlay !== undefined) return undefined
  switch (type) {
    case 'bind':
      return { name: `${wordOf(source) || 'root'}-host`, volume: { hostPath: { path: source } } }
    case 'volume':
      return mount.anonymous === true || mount.name === undefined
        ? { name: sharedName(mount.name) ?? `${name}-${wordOf(destination)}`, volume: { emptyDir: {} } }
        : { name: `${mount.name}-pvc`, volume: { persistentVolumeClaim: { claimName: mount.name } } }
    case 'tmpfs':
      return { name: `${name}-${wordOf(destination)}-tmp`, volume: { emptyDir: { medium: 'Memory' } } }
    case 'image':
      return { name: `${wordOf(source)}-image`, volume: { image: { reference: source } } }
    case 'devpts':
    case 'mqueue':
    case 'ramfs':
      return undefined
  }
}

/** Volumes of a play are one for several containers; others are called at random. */
function sharedName(name = ''): string | undefined {
  return name === '' || /^[0-9a-f]{64}$/.test(name) ? undefined : name
}

function wordOf(path: string): string {
  return path.replace(/[^a-zA-Z0-9.]+/g, '-').replace(/^[-.]+|[-.]+$/g, '')
}

/** Options that a Kubernetes file has no words for. */
function lost({ request }: ContainerRecord): string[] {
  return [
    ...(request.envFiles.length > 0 || request.env.some(entry => !entry.includes('=')) || request.envHost
      ? ['variables of files and of the caller']
      : []),
    ...(request.devices.length > 0 ? ['--device'] : []),
    ...(request.groupAdd.length > 0 ? ['--group-add'] : []),
    ...(request.rootfs !== undefined ? ['--rootfs'] : []),
    ...(['keep-id', 'nomap', 'path'].includes(request.userns.kind) ? ['--userns'] : []),
  ]
}
