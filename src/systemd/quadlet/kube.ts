// A `.kube` file as a service that plays a Kubernetes file (podman-systemd.unit(5), Kube units). Pure.
import { dirname } from 'node:path/posix'
import {
  absolutePath,
  addCommand,
  baseCommand,
  type Draft,
  listOptions,
  networkOptions,
  textOptions,
  wordOptions,
  wrong,
} from './draft.ts'
import { identityOptions } from './identity.ts'

/** Fills in the draft. Throws INVALID for what cannot be. */
export function draftKube(draft: Draft): void {
  const { source, group, service } = draft
  const { unit } = source
  const files = unit.all(group, 'Yaml').map(path => absolutePath(draft, path))
  const [yaml] = files
  if (yaml === undefined) throw wrong('Yaml= is not set')
  const killMode = service.last('Service', 'KillMode')
  if (killMode !== undefined && killMode !== 'mixed' && killMode !== 'control-group')
    throw wrong(`KillMode=${killMode}: must be mixed or control-group`)
  // the command that plays is told to end, and takes the pods away
  if (killMode === undefined) service.set('Service', 'KillMode', 'mixed')
  service.add('Service', 'Environment', 'PODMAN_SYSTEMD_UNIT=%n')
  setWorkingDirectory(draft, yaml)
  addCommand(draft, 'ExecStart', [
    ...baseCommand(draft),
    'kube',
    'play',
    '--replace',
    ...waitOptions(draft),
    ...textOptions(draft, { LogDriver: '--log-driver' }),
    ...wordOptions(draft, { LogOpt: '--log-opt' }),
    ...identityOptions(draft),
    ...networkOptions(draft),
    ...autoUpdateAnnotations(draft),
    ...unit.words(group, 'ConfigMap').flatMap(path => ['--configmap', absolutePath(draft, path)]),
    ...listOptions(draft, { PublishPort: '--publish' }),
    ...unit.words(group, 'PodmanArgs'),
    ...files,
  ])
  // also where that command was killed
  const force = unit.boolean(group, 'KubeDownForce') === true ? ['--force'] : []
  addCommand(draft, 'ExecStopPost', [...baseCommand(draft), 'kube', 'down', ...force, ...files])
}

/** The command stays as the main process of the service, but for a file of volumes alone (`Type=oneshot`). */
function waitOptions({ source, group, service }: Draft): string[] {
  const propagation = source.unit.text(group, 'ExitCodePropagation')
  if (propagation !== undefined && !['all', 'any', 'none'].includes(propagation))
    throw wrong(`ExitCodePropagation=${propagation}: must be all, any or none`)
  if (service.last('Service', 'SyslogIdentifier') === undefined) service.set('Service', 'SyslogIdentifier', '%N')
  const type = service.last('Service', 'Type')
  if (type === 'oneshot') {
    if (propagation !== undefined) throw wrong('ExitCodePropagation= needs a service that is not of Type=oneshot')
    return []
  }
  if (type !== undefined && type !== 'notify') throw wrong(`Type=${type}: must be notify or oneshot`)
  service.set('Service', 'Type', 'notify')
  service.set('Service', 'NotifyAccess', 'all')
  return ['--wait', ...(propagation === undefined ? [] : [`--service-exit-code-propagation=${propagation}`])]
}

function setWorkingDirectory(draft: Draft, yaml: string): void {
  const { source, group, service } = draft
  const asked = source.unit.text(group, 'SetWorkingDirectory')
  if (asked === undefined) return
  const word = asked.toLowerCase()
  if (word !== 'yaml' && word !== 'unit') throw wrong(`SetWorkingDirectory=${asked}: must be yaml or unit`)
  if (service.text('Service', 'WorkingDirectory') !== undefined) return
  service.add('Service', 'WorkingDirectory', dirname(word === 'yaml' ? yaml : absolutePath(draft, source.path)))
}

/** `registry`, or `CONTAINER/registry`. */
function autoUpdateAnnotations({ source, group }: Draft): string[] {
  return source.unit.all(group, 'AutoUpdate').flatMap(text => {
    const slash = text.indexOf('/')
    const [suffix, policy] = slash < 0 ? ['', text] : [`/${text.slice(0, slash)}`, text.slice(slash + 1)]
    return ['--annotation', `io.containers.autoupdate${suffix}=${policy}`]
  })
}
