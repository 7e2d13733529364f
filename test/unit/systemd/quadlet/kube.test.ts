// Kubernetes files as services (podman-systemd.unit(5), Kube units).
import { describe, expect, test } from 'bun:test'
import { folder, service } from './_quadlets.ts'

const kube = (lines: string, others?: Record<string, string>) =>
  service('web.kube', `[Kube]\nYaml=/srv/web.yaml\n${lines}`, others)

test('the smallest file is a whole service, whose command stays', () => {
  expect(service('web.kube', '[Kube]\nYaml=web.yaml\n').toText()).toBe(`[X-Kube]
Yaml=web.yaml

[Unit]
Wants=tspod-user-wait-network-online.service
After=tspod-user-wait-network-online.service
SourcePath=${folder}/web.kube
RequiresMountsFor=%t

[Service]
KillMode=mixed
Environment=PODMAN_SYSTEMD_UNIT=%n
SyslogIdentifier=%N
Type=notify
NotifyAccess=all
ExecStart=/usr/bin/tspod kube play --replace --wait ${folder}/web.yaml
ExecStopPost=/usr/bin/tspod kube down ${folder}/web.yaml
`)
})

describe('keys are options', () => {
  test.each([
    ['ConfigMap=a.yaml /b.yaml', `--configmap ${folder}/a.yaml --configmap /b.yaml`],
    ['Network=host', '--network host'],
    ['PublishPort=8080:80\nPublishPort=81:81', '--publish 8080:80 --publish 81:81'],
    ['UserNS=keep-id:uid=5', '--userns keep-id:uid=5'],
    ['LogDriver=none', '--log-driver none'],
    ['ExitCodePropagation=all', '--service-exit-code-propagation=all'],
    [
      'AutoUpdate=registry\nAutoUpdate=app/local',
      '--annotation io.containers.autoupdate=registry --annotation io.containers.autoupdate/app=local',
    ],
    ['PodmanArgs=--build --no-hosts', '--build --no-hosts'],
  ])('%p', (lines, options) =>
    expect(kube(lines).last('Service', 'ExecStart')).toBe(
      `/usr/bin/tspod kube play --replace --wait ${options} /srv/web.yaml`,
    ),
  )

  test('Network= may name a Quadlet file', () =>
    expect(kube('Network=net.network', { 'net.network': '[Network]' }).last('Service', 'ExecStart')).toContain(
      '--network systemd-net',
    ))

  test('KubeDownForce removes volumes at the stop', () =>
    expect(kube('KubeDownForce=yes').last('Service', 'ExecStopPost')).toBe(
      '/usr/bin/tspod kube down --force /srv/web.yaml',
    ))

  test('SetWorkingDirectory', () => {
    expect(kube('SetWorkingDirectory=yaml').last('Service', 'WorkingDirectory')).toBe('/srv')
    expect(kube('SetWorkingDirectory=unit').last('Service', 'WorkingDirectory')).toBe(folder)
  })

  test('several files are played together', () =>
    expect(kube('Yaml=b.yaml').last('Service', 'ExecStopPost')).toBe(
      `/usr/bin/tspod kube down /srv/web.yaml ${folder}/b.yaml`,
    ))
})

test('a service of Type=oneshot does not wait', () => {
  const unit = service('web.kube', '[Kube]\nYaml=/a.yaml\n[Service]\nType=oneshot')
  expect(unit.last('Service', 'ExecStart')).toBe('/usr/bin/tspod kube play --replace /a.yaml')
  expect(unit.last('Service', 'Type')).toBe('oneshot')
})

test.each([
  ['[Kube]', 'Yaml= is not set'],
  ['[Kube]\nYaml=a\nExitCodePropagation=some', 'ExitCodePropagation=some: must be all, any or none'],
  ['[Kube]\nYaml=a\nSetWorkingDirectory=/x', 'SetWorkingDirectory=/x: must be yaml or unit'],
  ['[Kube]\nYaml=a\nImage=x', "unsupported key 'Image' in group 'Kube'"],
  ['[Kube]\nYaml=a\n[Service]\nType=simple', 'Type=simple: must be notify or oneshot'],
  ['[Kube]\nYaml=a\n[Service]\nKillMode=none', 'KillMode=none: must be mixed or control-group'],
])('%p is refused', (text, message) => expect(() => service('web.kube', text)).toThrow(message))
