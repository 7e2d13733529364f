import { expect, test } from 'bun:test'
import { type ContainerService, serviceText } from '#systemd/container-service.ts'
import { restartServiceText } from '#systemd/restart-service.ts'

const service: ContainerService = {
  name: 'container-web',
  program: ['/usr/bin/tspod'],
  start: { kind: 'existing', container: 'web' },
  restart: 'on-failure',
  stopTimeoutSeconds: 10,
  environment: [],
  wants: [],
  after: [],
  requires: [],
  header: ['container-web.service'],
}

test('serviceText() starts and stops a container that is there', () => {
  expect(serviceText(service)).toBe(`# container-web.service

[Unit]
Description=tspod container-web.service
Wants=network-online.target
After=network-online.target
RequiresMountsFor=%t

[Service]
Environment=PODMAN_SYSTEMD_UNIT=%n
Restart=on-failure
TimeoutStopSec=70
ExecStart=/usr/bin/tspod start web
ExecStop=/usr/bin/tspod stop -t 10 web
ExecStopPost=/usr/bin/tspod stop -t 10 web
Type=notify
NotifyAccess=all

[Install]
WantedBy=default.target
`)
})

test('serviceText() makes a new one each time, as podman 4.3 lays it out', () => {
  const text = serviceText({
    ...service,
    name: 'container-web@',
    header: [],
    start: {
      kind: 'new',
      options: [['--name', 'web-%i'], ['--network', 'none'], ['--tty']],
      operands: ['alpine', 'sh', '-c', 'sleep "100"; echo $HOME 100%'],
    },
    restart: 'always',
    restartSeconds: 5,
    startTimeoutSeconds: 20,
    stopTimeoutSeconds: 7,
    environment: ['FOO=a b%'],
    wants: ['a.service'],
    after: ['b.service'],
    requires: ['c.service'],
  })
  expect(text).toContain('[Unit]\nDescription=tspod container-web@.service for %I\n')
  expect(text).toContain('Wants=a.service\nAfter=b.service\nRequires=c.service\n')
  expect(text).toContain(`Environment="FOO=a b%%"
Restart=always
RestartSec=5
TimeoutStartSec=20
TimeoutStopSec=67
ExecStartPre=/bin/rm -f %t/%n.ctr-id
ExecStart=/usr/bin/tspod run \\
	--cidfile=%t/%n.ctr-id \\
	--cgroups=no-conmon \\
	--rm \\
	--sdnotify=conmon \\
	-d \\
	--replace \\
	--name web-%i \\
	--network none \\
	--tty \\
	alpine sh -c "sleep \\"100\\"; echo $$HOME 100%%"
ExecStop=/usr/bin/tspod stop \\
	--ignore \\
	-t 7 \\
	--cidfile=%t/%n.ctr-id
ExecStopPost=/usr/bin/tspod rm \\
	-f \\
	--ignore \\
	-t 7 \\
	--cidfile=%t/%n.ctr-id
`)
})

test('restartServiceText() starts those that are always to run', () =>
  expect(restartServiceText(['/opt/my tools/tspod'])).toContain(
    'ExecStart="/opt/my tools/tspod" start --all --filter should-start-on-boot=true\n',
  ))
