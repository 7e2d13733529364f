// The options of build as the request the engine understands.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { parseDeviceOption } from '#container/options/device.ts'
import { parseVolumeOption } from '#container/options/mount.ts'
import { parseDnsServers, parseNetworkOption } from '#container/options/namespaces.ts'
import { parseResources, withDefaultSwap } from '#container/options/resources.ts'
import { parseByteSize } from '#container/options/size.ts'
import { parseUlimit } from '#container/options/ulimit.ts'
import type { MountRequest } from '#container/request.ts'
import type {
  BuildOutput,
  BuildRequest,
  ContextRequest,
  NamedContext,
  SecretRequest,
  SshRequest,
} from '#engine/contracts/build.ts'
import { during } from '#errors.ts'
import { cacheSourceOf, cacheTargetOf } from './build-cache-options.ts'
import type { buildOptions } from './build-options.ts'
import { usageError } from './command.ts'
import { openOutput } from './file-output.ts'
import type { Values } from './option.ts'
import { platformOf, pullOptionsOf } from './pull-options.ts'

type BuildValues = Values<typeof buildOptions>

/** Throws INVALID, quoting what was typed. Reads files of build arguments. */
export async function buildRequest(
  values: BuildValues,
  context: string | undefined,
  how: Pick<BuildRequest, 'onEvent' | 'signal'>,
): Promise<BuildRequest> {
  const files = values.file ?? []
  for (const text of values.device ?? []) parseDeviceOption(text)
  for (const text of values.ulimit ?? []) parseUlimit(text)
  if (values.timestamp !== undefined && values.sourceDateEpoch !== undefined)
    throw usageError('--timestamp and --source-date-epoch cannot be set together')
  const epoch = values.sourceDateEpoch ?? epochOfEnvironment()
  return {
    context: contextOf(context, files),
    files,
    ignoreFile: values.ignorefile,
    tags: values.tag ?? [],
    target: values.target,
    from: values.from,
    buildArgs: new Map([...(values.buildArgFile ?? []).flatMap(argFile), ...(values.buildArg ?? []).flatMap(argOf)]),
    contexts: new Map((values.buildContext ?? []).map(namedContextOf)),
    platforms: platformsOf(values),
    ...(values.manifest !== undefined && { manifest: values.manifest }),
    pull: values.pull ?? 'missing',
    pullOptions: pullOptionsOf({ ...values, platform: undefined, os: undefined, arch: undefined, variant: undefined }),
    noCache: values.noCache ?? false,
    cacheFrom: (values.cacheFrom ?? []).map(cacheSourceOf),
    cacheTo: (values.cacheTo ?? []).map(cacheTargetOf),
    cacheTtlMs: values.cacheTtl,
    labels: new Map((values.label ?? []).map(each => optionalPair(each))),
    annotations: new Map((values.annotation ?? []).map(each => pair('--annotation', each))),
    env: (values.env ?? []).map(each => (each.includes('=') ? each : `${each}=${process.env[each] ?? ''}`)),
    secrets: (values.secret ?? []).map(secretOf),
    ssh: new Map((values.ssh ?? []).map(sshOf)),
    run: {
      network: parseNetworkOption(values.network ?? []),
      addHosts: values.addHost ?? [],
      dns: parseDnsServers(values.dns ?? []),
      dnsSearch: values.dnsSearch ?? [],
      dnsOptions: values.dnsOption ?? [],
      capAdd: values.capAdd ?? [],
      capDrop: values.capDrop ?? [],
      securityOpts: values.securityOpt ?? [],
      ulimits: values.ulimit ?? [],
      devices: values.device ?? [],
      mounts: (values.volume ?? []).map(volumeOf),
      groupAdd: values.groupAdd ?? [],
      ...(values.shmSize !== undefined && { shmSizeBytes: parseByteSize('--shm-size', values.shmSize) }),
      httpProxy: values.httpProxy ?? true,
      ...limitsOf(values),
    },
    format: values.format ?? 'oci',
    ...(values.squashAll === true ? { squash: 'all' } : values.squash === true ? { squash: 'new' } : {}),
    timestampSeconds: values.timestamp,
    epochSeconds: epoch,
    rewriteTimes: values.rewriteTimestamp ?? true,
    skipUnusedStages: values.skipUnusedStages ?? true,
    jobs: values.jobs ?? availableParallelism(),
    outputs: (values.output ?? []).map(outputOf),
    ...how,
  }
}

function limitsOf(values: BuildValues): Pick<BuildRequest['run'], 'resources' | 'cgroupParent'> {
  const { memory, memorySwap, cpuPeriod, cpuQuota, cpuShares, cpusetCpus, cpusetMems, cgroupParent } = values
  const asked = { memory, memorySwap, cpuPeriod, cpuQuota, cpuShares, cpusetCpus, cpusetMems }
  const resources = withDefaultSwap(parseResources(asked))
  return { ...(resources && { resources }), ...(cgroupParent !== undefined && { cgroupParent }) }
}

function contextOf(text: string | undefined, files: readonly string[]): ContextRequest {
  if (text === undefined) {
    if (files.length === 0 && !['Containerfile', 'Dockerfile'].some(name => existsSync(name)))
      throw usageError('no context directory and no Containerfile specified')
    return { kind: 'folder', path: process.cwd() }
  }
  if (text === '-') return { kind: 'archive', input: { kind: 'stream' } }
  return placeOf(text)
}

function placeOf(text: string): Exclude<ContextRequest, { kind: 'none' }> {
  if (/^(?:git|ssh):\/\/|^git@[\w.-]+:|^https?:\/\/[^#?]+\.git(?:#.*)?$|^github\.com\//.test(text))
    return { kind: 'git', url: text.startsWith('github.com/') ? `https://${text}` : text }
  if (/^https?:\/\//.test(text)) return { kind: 'archive', input: { kind: 'url', url: text } }
  if (statSync(text, { throwIfNoEntry: false })?.isFile() === true)
    return { kind: 'archive', input: { kind: 'file', path: text } }
  return { kind: 'folder', path: text }
}

/** BuildKit's and buildah's words for an image; a layout is `oci-layout://FOLDER[:TAG][@DIGEST]`. */
function namedContextOf(text: string): [string, NamedContext] {
  const [name, place] = pair('--build-context', text)
  const image = /^(?:docker-image|container-image|docker):\/\/(.+)$/.exec(place)?.[1]
  if (image !== undefined) return [name, { kind: 'image', name: image }]
  const layout = /^oci-layout:(?:\/\/)?(.+?)(?::([\w][\w.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$/.exec(place)
  if (layout === null) return [name, placeOf(place)]
  const [, path = '', tag, digest] = layout
  return [name, { kind: 'layout', path: resolve(path), ...(tag && { tag }), ...(digest && { digest }) }]
}

function platformsOf(values: BuildValues): string[] {
  const all =
    platformOf(values)
      ?.split(',')
      .map(each => each.trim()) ?? []
  if (all.some(each => each === '')) throw usageError(`--platform "${values.platform ?? ''}" has an empty platform`)
  return [...new Set(all)]
}

function epochOfEnvironment(): number | undefined {
  const text = process.env.SOURCE_DATE_EPOCH
  if (text === undefined || text === '') return undefined
  if (!/^\d{1,12}$/.test(text))
    throw usageError(`SOURCE_DATE_EPOCH is "${text}", must be a number of seconds since 1970`)
  return Number(text)
}

function pair(option: string, text: string): [string, string] {
  const equals = text.indexOf('=')
  if (equals < 1) throw usageError(`${option} "${text}" must be name=value`)
  return [text.slice(0, equals), text.slice(equals + 1)]
}

/** A label without a value is empty. */
function optionalPair(text: string): [string, string] {
  const equals = text.indexOf('=')
  return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)]
}

/** Without a value, the caller's variable; nothing where there is none. */
function argOf(text: string): [string, string][] {
  if (text.includes('=')) return [pair('--build-arg', text)]
  const value = process.env[text]
  return value === undefined ? [] : [[text, value]]
}

function argFile(path: string): [string, string][] {
  let content: string
  try {
    content = readFileSync(path, 'utf8')
  } catch (error) {
    throw during(`reading --build-arg-file "${path}"`, error)
  }
  return content
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('#'))
    .flatMap(argOf)
}

function fields(option: string, text: string): Map<string, string> {
  return new Map(text.split(',').map(field => pair(option, field)))
}

function secretOf(text: string): SecretRequest {
  const found = fields('--secret', text)
  const type = found.get('type')
  const path = found.get('src') ?? found.get('source')
  const id = found.get('id')
  const unknown = [...found.keys()].find(key => !['id', 'type', 'src', 'source', 'env'].includes(key))
  if (unknown !== undefined) throw usageError(`--secret "${text}" has no "${unknown}", it has id, src, env and type`)
  if (id === undefined || id === '') throw usageError(`--secret "${text}" must have an id`)
  if (type !== undefined && type !== 'file' && type !== 'env')
    throw usageError(`--secret "${text}": the type is "${type}", must be file or env`)
  const env = found.get('env') ?? (type === 'env' ? (path ?? id) : undefined)
  if (env !== undefined || (path === undefined && process.env[id] !== undefined && !existsSync(id))) {
    const name = env ?? id
    if (process.env[name] === undefined) throw usageError(`--secret "${text}": the variable ${name} is not set`)
    return { id, env: name }
  }
  const file = resolve(path ?? id)
  if (!existsSync(file)) throw usageError(`--secret "${text}": "${file}" does not exist: no such file or directory`)
  return { id, path: file }
}

/** `default`, `id=SOCKET`, or `id=KEY,KEY`. */
function sshOf(text: string): [string, SshRequest] {
  const [id, place] = optionalPair(text)
  const isAgent = (path: string): boolean => {
    const facts = statSync(path, { throwIfNoEntry: false })
    if (facts === undefined) throw usageError(`--ssh "${text}": "${path}" does not exist: no such file or directory`)
    return facts.isSocket()
  }
  if (place === '') {
    const socket = process.env.SSH_AUTH_SOCK ?? ''
    if (socket === '')
      throw usageError(`--ssh "${text}": no agent is running: SSH_AUTH_SOCK is not set; or name a key: ${id}=FILE`)
    if (!isAgent(socket)) throw usageError(`--ssh "${text}": SSH_AUTH_SOCK is "${socket}", which is no socket`)
    return [id, { kind: 'agent', socket }]
  }
  const paths = place.split(',').map(path => resolve(path))
  const [first = '', ...others] = paths
  if (isAgent(first) && others.length === 0) return [id, { kind: 'agent', socket: first }]
  const socket = paths.find(isAgent)
  if (socket !== undefined) throw usageError(`--ssh "${text}": "${socket}" is an agent, which stands alone`)
  return [id, { kind: 'keys', files: paths }]
}

function volumeOf(text: string): MountRequest {
  return parseVolumeOption(text, process.cwd())
}

/** `type=local,dest=out`, a folder alone, or `-` for a tar archive on standard output. */
function outputOf(text: string): BuildOutput {
  const stream = (): Extract<BuildOutput, { kind: 'tar' }>['target'] => ({
    kind: 'stream',
    write: openOutput('-', 'write').write,
  })
  if (text === '-') return { kind: 'tar', target: stream() }
  if (!text.includes('=')) return { kind: 'local', path: resolve(text) }
  const found = fields('--output', text)
  const type = found.get('type') ?? 'local'
  const dest = found.get('dest') ?? found.get('destination')
  if (type === 'local') {
    if (dest === undefined || dest === '-') throw usageError(`--output "${text}" must have a dest, a folder`)
    return { kind: 'local', path: resolve(dest) }
  }
  if (type !== 'tar' && type !== 'oci' && type !== 'docker')
    throw usageError(`--output "${text}": the type is "${type}", must be local, tar, oci or docker`)
  const target = dest === undefined || dest === '-' ? stream() : ({ kind: 'file', path: resolve(dest) } as const)
  return { kind: type, target }
}
