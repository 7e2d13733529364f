// A `.pod` file as a service (podman-systemd.unit(5), Pod units): makes the pod before it starts, and removes it after. Pure.
import {
  addCommand,
  baseCommand,
  type Draft,
  listOptions,
  networkOptions,
  pairOptions,
  textOptions,
  volumeOptions,
} from './draft.ts'
import { mappingOptions } from './identity.ts'

const texts = { HostName: '--hostname', IP: '--ip', IP6: '--ip6', ShmSize: '--shm-size' }

const lists = {
  NetworkAlias: '--network-alias',
  DNS: '--dns',
  DNSOption: '--dns-option',
  DNSSearch: '--dns-search',
  AddHost: '--add-host',
}

/** What the pod is called; `systemd-NAME` where its file does not say. */
export function podName(file: string, asked: string | undefined): string {
  return asked ?? `systemd-${file.replace(/\.pod$/, '')}`
}

/** Fills in the draft. */
export function draftPod(draft: Draft): void {
  const { source, group, service } = draft
  const { unit } = source
  const name = podName(source.name, unit.text(group, 'PodName'))
  service.add('Service', 'Environment', 'PODMAN_SYSTEMD_UNIT=%n')
  if (service.last('Service', 'SyslogIdentifier') === undefined) service.set('Service', 'SyslogIdentifier', '%N')
  const create = [
    ...baseCommand(draft),
    'pod',
    'create',
    '--replace',
    `--exit-policy=${unit.text(group, 'ExitPolicy') ?? 'stop'}`,
    ...mappingOptions(draft),
    ...listOptions(draft, { PublishPort: '--publish' }),
    ...pairOptions(draft, { Label: '--label' }),
    ...networkOptions(draft),
    ...textOptions(draft, texts),
    ...listOptions(draft, lists),
    ...volumeOptions(draft),
    '--infra-name',
    `${name}-infra`,
    '--name',
    name,
    ...unit.words(group, 'PodmanArgs'),
  ]
  addCommand(draft, 'ExecStartPre', create)
  addCommand(draft, 'ExecStart', [...baseCommand(draft), 'pod', 'start', name])
  const time = unit.text(group, 'StopTimeout') ?? '10'
  addCommand(draft, 'ExecStop', [...baseCommand(draft), 'pod', 'stop', '--ignore', `--time=${time}`, name])
  addCommand(draft, 'ExecStopPost', [...baseCommand(draft), 'pod', 'rm', '--ignore', '--force', name])
  // the monitor of the infra container is the service: tspod names it to systemd itself
  service.set('Service', 'Type', 'notify')
  service.set('Service', 'NotifyAccess', 'all')
  if (service.last('Service', 'Restart') === undefined) service.set('Service', 'Restart', 'on-failure')
  startMembers(draft)
}

/** Containers with `Pod=` of this file are started with it. */
function startMembers({ source, service, known }: Draft): void {
  const members = [...known.values()].filter(({ pod }) => pod === source.name).map(info => info.service)
  for (const member of members) {
    service.add('Unit', 'Wants', member)
    service.add('Unit', 'Before', member)
  }
}
