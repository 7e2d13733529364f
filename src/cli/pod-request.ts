// The options of `pod create` as the request the engine understands.
import { parseKeyValue, readLabelFile } from '#container/options/key-value.ts'
import type { PodNamespace, PodRequest } from '#container/pod/request.ts'
import type { ContainerRequest } from '#container/request.ts'
import { parseRestartPolicy } from '#container/restart-policy.ts'
import { TspodError } from '#errors.ts'
import { usageError } from './command.ts'
import type { createOptions } from './container-options.ts'
import { createRequest } from './create-request.ts'
import { longName, type Values } from './option.ts'
import type { podCreateOptions } from './pod-options.ts'
import { sharedByDefault } from './pod-share.ts'

type PodValues = Values<typeof podCreateOptions>

/** Throws INVALID or UNSUPPORTED, quoting the text typed. Paths are resolved against `cwd`. */
export function podRequest(values: PodValues, operands: readonly string[], cwd: string): PodRequest {
  const [operand] = operands
  if (operand !== undefined && values.name !== undefined && operand !== values.name)
    throw usageError(`cannot specify pod name in two places: ${operand} and --name ${values.name}`)
  const hasInfra = values.infra ?? true
  if (!hasInfra) requireNothingOfInfra(values)
  const absolute = (path: string) => (path.startsWith('/') ? path : `${cwd}/${path}`)
  return {
    name: values.name ?? operand,
    labels: labelsOf(values, absolute),
    share: hasInfra ? shareOf(values) : [],
    ...(hasInfra && { infra: infraRequest(values, cwd) }),
    exitPolicy: values.exitPolicy ?? 'continue',
    restart: parseRestartPolicy(values.restart ?? ''),
    cgroupParent: values.cgroupParent === '' ? undefined : values.cgroupParent,
    shareParent: values.shareParent ?? true,
    podIdFile: values.podIdFile === undefined ? undefined : absolute(values.podIdFile),
    monitorPidFile: values.infraConmonPidfile === undefined ? undefined : absolute(values.infraConmonPidfile),
    replace: values.replace ?? false,
  }
}

/** A pod whose infra container is told a pid namespace shares it. */
function shareOf({ share, pid }: PodValues): PodNamespace[] {
  const named = share ?? [...sharedByDefault]
  return pid === undefined || named.includes('pid') ? named : [...named, 'pid']
}

function labelsOf(values: PodValues, absolute: (path: string) => string): Record<string, string> {
  return Object.assign(
    {},
    ...(values.labelFile ?? []).map(path => readLabelFile(absolute(path))),
    Object.fromEntries((values.label ?? []).map(label => parseKeyValue('--label', label))),
  ) as Record<string, string>
}

/** What `create` would make of them. */
function infraRequest(values: PodValues, cwd: string): ContainerRequest {
  const { infraImage, infraName, infraCommand, ...rest } = values
  // these say something of the pod, and something else of a container
  const { label: _l, labelFile: _f, restart: _r, replace: _p, podIdFile: _i, cgroupParent: _c, ...own } = rest
  const asked = { ...own, name: infraName, entrypoint: infraCommand } as unknown as Values<typeof createOptions>
  const request = createRequest(asked, [infraImage ?? ''], cwd)
  const { image: _image, ...without } = request
  return infraImage === undefined ? without : request
}

/** Options that only an infra container can serve. */
const ofInfra = [
  'addHost',
  'device',
  'dns',
  'dnsOption',
  'dnsSearch',
  'gidmap',
  'hostname',
  'infraCommand',
  'infraConmonPidfile',
  'infraImage',
  'infraName',
  'ip',
  'ip6',
  'macAddress',
  'network',
  'networkAlias',
  'noHosts',
  'pid',
  'securityOpt',
  'shmSize',
  'shmSizeSystemd',
  'sysctl',
  'uidmap',
  'userns',
  'uts',
  'volume',
  'volumesFrom',
] as const

function requireNothingOfInfra(values: PodValues): void {
  if (values.publish !== undefined)
    throw usageError('you must have an infra container to publish port bindings to the host')
  if (values.share !== undefined && values.share.length > 0)
    throw usageError('cannot set share(s) without an infra container')
  const given = ofInfra.find(key => values[key] !== undefined)
  if (given !== undefined)
    throw new TspodError('INVALID', `cannot set --${longName(given)} without an infra container`, {
      hint: 'leave out --infra=false, or give the option to the containers of the pod',
    })
}
