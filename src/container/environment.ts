// The environment of a container's first process (run(1), ENVIRONMENT). Pure.
import { TspodError } from '#errors.ts'
import type { ContainerRequest } from './request.ts'

const standard = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  TERM: 'xterm',
  container: 'tspod',
}

const proxyNames = ['http_proxy', 'https_proxy', 'ftp_proxy', 'no_proxy']

export interface EnvironmentInputs {
  request: Pick<
    ContainerRequest,
    'env' | 'envFiles' | 'envHost' | 'envMerge' | 'unsetEnv' | 'unsetEnvAll' | 'httpProxy'
  >
  /** entries of all --env-file in order, as `readEnvFile` gives them */
  fileEntries: readonly string[]
  imageEnv: readonly string[]
  defaultEnv: readonly string[]
  host: Readonly<Record<string, string>>
  hostname: string
  /** absent: left to what the entries say */
  home: string
  /** the container's id, where systemd makes its machine id of it */
  systemdId?: string
}

/** `NAME=value` in order, each name once; later sources win: standard, containers.conf, image, host, proxies, files, --env. */
export function planEnvironment(inputs: EnvironmentInputs): string[] {
  const { request, host } = inputs
  const env = new Map<string, string>()
  if (!request.unsetEnvAll) {
    for (const [name, value] of Object.entries(standard)) env.set(name, value)
    for (const entry of [...inputs.defaultEnv, ...inputs.imageEnv])
      takeEntry(env, entry, host, 'the image or containers.conf')
    for (const name of request.unsetEnv) env.delete(name)
  }
  if (request.envHost) for (const [name, value] of Object.entries(host)) env.set(name, value)
  if (request.httpProxy) {
    for (const name of [...proxyNames, ...proxyNames.map(each => each.toUpperCase())]) {
      const value = host[name]
      if (value !== undefined) env.set(name, value)
    }
  }
  for (const entry of inputs.fileEntries) takeEntry(env, entry, host, '--env-file')
  const base = new Map(env)
  for (const entry of request.envMerge) {
    const [name, value] = mergeEntry(entry)
    env.set(name, expand(value, base))
  }
  for (const entry of request.env) takeEntry(env, entry, host, '--env')
  if (inputs.systemdId !== undefined) env.set('container_uuid', inputs.systemdId.slice(0, 32))
  if (!env.has('HOSTNAME')) env.set('HOSTNAME', inputs.hostname)
  if (!env.has('HOME')) env.set('HOME', inputs.home)
  return [...env].map(([name, value]) => `${name}=${value}`)
}

/** `NAME=value` as it is; `NAME` the host's value if it has one; `NAME*` every one of the host's that begins so. */
export function takeEntry(
  env: Map<string, string>,
  entry: string,
  host: Readonly<Record<string, string | undefined>>,
  from: string,
): void {
  const equals = entry.indexOf('=')
  if (equals === 0 || entry === '') throw new TspodError('INVALID', `parsing ${from} "${entry}": the name is empty`)
  if (entry.includes('\0')) throw new TspodError('INVALID', `parsing ${from} "${entry}": it holds a NUL byte`)
  if (equals > 0) {
    env.set(entry.slice(0, equals), entry.slice(equals + 1))
    return
  }
  if (entry.endsWith('*')) {
    const beginning = entry.slice(0, -1)
    for (const [name, value] of Object.entries(host))
      if (value !== undefined && name.startsWith(beginning)) env.set(name, value)
    return
  }
  const value = host[entry]
  if (value !== undefined) env.set(entry, value)
}

function mergeEntry(entry: string): [string, string] {
  const equals = entry.indexOf('=')
  if (equals > 0) return [entry.slice(0, equals), entry.slice(equals + 1)]
  throw new TspodError('INVALID', `parsing --env-merge "${entry}": must be of the form NAME=VALUE`)
}

/** Replaces `$NAME` and `${NAME}`; an unknown name becomes empty. */
function expand(value: string, env: ReadonlyMap<string, string>): string {
  return value.replace(
    /\$(?:\{([^}]*)\}|([A-Za-z_][A-Za-z0-9_]*))/g,
    (_, braced?: string, plain?: string) => env.get(braced ?? plain ?? '') ?? '',
  )
}
