// The options of `kube play` that shape what is made of the objects.
import { parseKeyValue } from '#container/options/key-value.ts'
import { parseNetworkOption, parseUsernsMode } from '#container/options/namespaces.ts'
import type { PlayShape } from '#engine/contracts/kube.ts'
import { parsePublish } from '#network/ports/parse.ts'
import { choice, commas, flag, list, text, type Values } from './option.ts'

export const playShapeOptions = {
  annotation: list('key=value', 'Add an annotation to pods and containers'),
  ip: commas('address', 'Address of a pod on its network; the n-th is of the n-th pod'),
  logDriver: choice(
    ['k8s-file', 'json-file', 'none', 'passthrough', 'passthrough-tty'],
    'Where output of containers is recorded (default k8s-file)',
  ),
  logOpt: list('key=value', 'Options of the log: path, max-size, max-file, tag'),
  macAddress: commas('address', "Address of a pod's network card; the n-th is of the n-th pod"),
  network: list('mode', 'Network of the pods, as for `run` (default a network that all played pods share)', {
    aliases: ['net'],
    completes: 'networks',
  }),
  noHosts: flag('Leave /etc/hosts as it is in the images'),
  noPodPrefix: flag("Call containers as in the file, without the pod's name before it"),
  publish: commas('port', 'Publish a port of the pods; takes the place of what the file says of it'),
  publishAll: flag('Publish each containerPort without a hostPort on the same port of this machine'),
  seccompProfileRoot: text(
    'folder',
    'Where profiles named by `localhostProfile` lie (default /var/lib/kubelet/seccomp)',
    {
      completes: 'folders',
    },
  ),
  softLimits: flag('Come close to limits that cannot be enforced here'),
  userns: text('mode', 'User namespace of the pods: keep-id, auto, nomap or host'),
}

/** Throws INVALID, UNSUPPORTED, quoting what was typed. */
export function playShapeOf(values: Values<typeof playShapeOptions>): PlayShape {
  const pairs = (option: string, texts: readonly string[] = []) =>
    Object.fromEntries(texts.map(each => parseKeyValue(option, each)))
  return {
    annotations: pairs('--annotation', values.annotation),
    ips: values.ip ?? [],
    macs: values.macAddress ?? [],
    logDriver: values.logDriver,
    logOpts: pairs('--log-opt', values.logOpt),
    ...(values.network !== undefined && { network: parseNetworkOption(values.network) }),
    noHosts: values.noHosts ?? false,
    noPodPrefix: values.noPodPrefix ?? false,
    publish: (values.publish ?? []).map(each => parsePublish(each)),
    publishAll: values.publishAll ?? false,
    seccompRoot: values.seccompProfileRoot ?? '/var/lib/kubelet/seccomp',
    softLimits: values.softLimits ?? false,
    ...(values.userns !== undefined && { userns: parseUsernsMode(values.userns) }),
  }
}
