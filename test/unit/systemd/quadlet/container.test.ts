// What podman's Quadlet makes of each key (podman-systemd.unit(5), Container units), as options of `run`.
import { describe, expect, test } from 'bun:test'
import { folder, service, translate } from './_quadlets.ts'

const container = (lines: string, others?: Record<string, string>) =>
  service('web.container', `[Container]\nImage=quay.io/x/web:1\n${lines}`, others)
const start = (lines: string, others?: Record<string, string>) =>
  container(lines, others).last('Service', 'ExecStart') ?? ''

const beginning = '/usr/bin/tspod run --name systemd-%N --replace --rm '

test('the smallest file is a whole service', () => {
  expect(service('web.container', '[Container]\nImage=quay.io/x/web:1\n').toText()).toBe(`[X-Container]
Image=quay.io/x/web:1

[Unit]
Wants=tspod-user-wait-network-online.service
After=tspod-user-wait-network-online.service
SourcePath=${folder}/web.container
RequiresMountsFor=%t

[Service]
Environment=PODMAN_SYSTEMD_UNIT=%n
KillMode=mixed
ExecStop=/usr/bin/tspod rm -v -f -i systemd-%N
ExecStopPost=-/usr/bin/tspod rm -v -f -i systemd-%N
Delegate=yes
SyslogIdentifier=%N
Type=notify
NotifyAccess=all
ExecStart=/usr/bin/tspod run --name systemd-%N --replace --rm --cgroups=split --sdnotify=conmon -d quay.io/x/web:1
`)
})

describe('keys are options', () => {
  test.each([
    ['AddCapability=CAP_DAC_OVERRIDE CAP_IPC_OWNER', '--cap-add cap_dac_override --cap-add cap_ipc_owner'],
    ['DropCapability=ALL', '--cap-drop all'],
    ['AddDevice=/dev/fuse', '--device /dev/fuse'],
    ['AddDevice=-/dev/none\nAddDevice=-/dev/null:/dev/x', '--device /dev/null:/dev/x'],
    ['AddHost=h:10.0.0.1', '--add-host h:10.0.0.1'],
    ['Annotation="XYZ=a b"', '--annotation "XYZ=a b"'],
    ['AutoUpdate=registry', '--label io.containers.autoupdate=registry'],
    ['DNS=1.1.1.1\nDNS=9.9.9.9', '--dns 1.1.1.1 --dns 9.9.9.9'],
    ['DNSOption=ndots:1', '--dns-option ndots:1'],
    ['DNSSearch=a.b', '--dns-search a.b'],
    ['Entrypoint=/foo.sh', '--entrypoint /foo.sh'],
    ['Environment=B=2 A=1 "C=x y"\nEnvironment=A=3', '--env A=3 --env B=2 --env "C=x y"'],
    ['Environment=HOME', '--env HOME'],
    ['EnvironmentFile=a.env /b.env %h/c.env', `--env-file ${folder}/a.env --env-file /b.env --env-file %h/c.env`],
    ['EnvironmentHost=true', '--env-host'],
    ['ExposeHostPort=50-59/udp', '--expose 50-59/udp'],
    ['GIDMap=0:10000:10\nUIDMap=0:1:2', '--uidmap 0:1:2 --gidmap 0:10000:10'],
    ['Group=1234\nUser=bin', '--user bin:1234'],
    ['User=bin', '--user bin'],
    ['GroupAdd=keep-groups', '--group-add keep-groups'],
    ['HealthCmd=/usr/bin/x --y', '--health-cmd "/usr/bin/x --y"'],
    ['HealthInterval=2m\nHealthOnFailure=kill', '--health-interval 2m --health-on-failure kill'],
    ['HostName=example.com', '--hostname example.com'],
    ['IP=192.5.0.1\nIP6=2001:db8::1', '--ip 192.5.0.1 --ip6 2001:db8::1'],
    ['Label="XYZ=a" B=c', '--label B=c --label XYZ=a'],
    ['LogOpt=path=/x max-size=1m', '--log-opt path=/x --log-opt max-size=1m'],
    ['Mask=/proc/sys/foo:/proc/sys/bar', '--security-opt mask=/proc/sys/foo:/proc/sys/bar'],
    ['Unmask=ALL', '--security-opt unmask=ALL'],
    ['Memory=20g', '--memory 20g'],
    ['Mount=type=tmpfs,destination=/x,tmpfs-size=1m', '--mount type=tmpfs,destination=/x,tmpfs-size=1m'],
    ['Mount=type=bind,src=./a,dst=/x', `--mount type=bind,source=${folder}/a,dst=/x`],
    ['Network=host', '--network host'],
    ['Network=slirp4netns:mtu=1500', '--network slirp4netns:mtu=1500'],
    ['NetworkAlias=name', '--network-alias name'],
    ['NoNewPrivileges=yes', '--security-opt=no-new-privileges'],
    ['PidsLimit=10000', '--pids-limit 10000'],
    ['PodmanArgs=--foo "a b"', '--foo "a b"'],
    ['PublishPort=8080:80\nPublishPort=[::1]:1:1', '--publish 8080:80 --publish [::1]:1:1'],
    ['Pull=never', '--pull never'],
    ['ReadOnly=true', '--read-only'],
    ['ReadOnly=no\nReadOnlyTmpfs=no', '--read-only=false'],
    ['RunInit=yes', '--init'],
    ['SeccompProfile=unconfined', '--security-opt seccomp=unconfined'],
    ['Secret=s,type=env', '--secret s,type=env'],
    ['SecurityLabelDisable=yes', '--security-opt label=disable'],
    ['SecurityLabelLevel=s0:c1', '--security-opt label=level:s0:c1'],
    ['SecurityLabelType=spc_t', '--security-opt label=type:spc_t'],
    ['ShmSize=100m', '--shm-size 100m'],
    ['StopSignal=SIGINT\nStopTimeout=20', '--stop-signal SIGINT --stop-timeout 20'],
    ['SubUIDMap=gtest', '--subuidname gtest'],
    ['Sysctl=net.ipv4.x=1 "a b=2"', '--sysctl net.ipv4.x=1 --sysctl "a b=2"'],
    ['Timezone=local', '--tz local'],
    ['Tmpfs=/work:size=1m', '--tmpfs /work:size=1m'],
    ['Ulimit=nofile=1000:10000', '--ulimit nofile=1000:10000'],
    ['UserNS=keep-id:uid=200,gid=210', '--userns keep-id:uid=200,gid=210'],
    ['RemapUsers=keep-id\nRemapUid=3', '--userns keep-id:uid=3'],
    ['RemapUsers=auto\nRemapUid=0:1:2\nRemapUidSize=20', '--userns auto:uidmapping=0:1:2,size=20'],
    ['VolatileTmp=yes', '--tmpfs /tmp:rw,size=512M,mode=1777'],
    ['Volume=/source:/dest:ro', '-v /source:/dest:ro'],
    ['Volume=./rel:/dest', `-v ${folder}/rel:/dest`],
    ['Volume=/dest', '-v /dest'],
    ['Volume=named:/dest', '-v named:/dest'],
    ['WorkingDir=$HOME', '--workdir $HOME'],
    ['Exec=/bin/sh -c "echo \\"a\\""', 'quay.io/x/web:1 /bin/sh -c "echo \\"a\\""'],
  ])('%s', (lines, options) => expect(start(lines)).toContain(` ${options}`))

  test('global options come first', () => {
    expect(start('GlobalArgs=--log-level=debug')).toStartWith('/usr/bin/tspod --log-level=debug run ')
    expect(start('ContainersConfModule=/etc/x.conf')).toStartWith('/usr/bin/tspod --module=/etc/x.conf run ')
  })

  test('log driver and cgroups stand where podman has them', () => {
    expect(start('LogDriver=none\nCgroupsMode=disabled')).toStartWith(
      `${beginning}--log-driver none --cgroups disabled `,
    )
  })
})

test('where no control group can be parted, the monitor stays in that of the service', () => {
  const { services } = translate({ 'web.container': '[Container]\nImage=x\n' }, true, false)
  expect(services[0]?.unit.last('Service', 'ExecStart')).toContain(' --cgroups=no-conmon ')
})

describe('what is started when', () => {
  test('Type=oneshot runs in the foreground', () => {
    const unit = service('web.container', '[Container]\nImage=x\n[Service]\nType=oneshot')
    expect(unit.last('Service', 'ExecStart')).toBe(`${beginning}--cgroups=split x`)
    expect(unit.last('Service', 'NotifyAccess')).toBeUndefined()
  })

  test.each([
    ['Notify=yes', '--sdnotify=container -d'],
    ['Notify=healthy', '--sdnotify=healthy -d'],
    ['Notify=no', '--sdnotify=conmon -d'],
  ])('%s', (line, options) => expect(start(line)).toContain(options))

  test('reload is a signal or a command', () => {
    expect(container('ReloadSignal=HUP').last('Service', 'ExecReload')).toBe(
      '/usr/bin/tspod kill --signal HUP systemd-%N',
    )
    expect(container('ReloadCmd=nginx -s reload').last('Service', 'ExecReload')).toBe(
      '/usr/bin/tspod exec systemd-%N nginx -s reload',
    )
  })

  test('a template is told apart by its instance', () => {
    const unit = service('web@.container', '[Container]\nImage=x')
    expect(unit.last('Service', 'ExecStart')).toContain('--name systemd-%p_%i')
  })

  test('paths of this machine must be mounted first', () => {
    expect(container('Volume=/data:/x').all('Unit', 'RequiresMountsFor')).toEqual(['%t', '/data'])
  })

  test('a root file system takes the place of an image', () => {
    const unit = service('web.container', '[Container]\nRootfs=/var/lib/r')
    expect(unit.last('Service', 'ExecStart')).toEndWith(' -d --rootfs /var/lib/r')
  })
})

describe('files refer to each other', () => {
  const others = {
    'data.volume': '[Volume]',
    'named.volume': '[Volume]\nVolumeName=mine\nServiceName=other',
    'net.network': '[Network]',
    'db.container': '[Container]\nImage=db\nContainerName=base',
    'big.image': '[Image]\nImage=quay.io/x/big\nImageTag=localhost/big',
    'own.build': '[Build]\nImageTag=localhost/own\nSetWorkingDirectory=unit',
  }

  test.each([
    ['Volume=data.volume:/d', '-v systemd-data:/d', 'data-volume.service'],
    ['Volume=named.volume:/d:ro', '-v mine:/d:ro', 'other.service'],
    [
      'Mount=type=volume,source=data.volume,dst=/d',
      '--mount type=volume,source=systemd-data,dst=/d',
      'data-volume.service',
    ],
    ['Network=net.network', '--network systemd-net', 'net-network.service'],
    ['Network=net.network:ip=10.0.0.1', '--network systemd-net:ip=10.0.0.1', 'net-network.service'],
    ['Network=db.container', '--network container:base', 'db.service'],
  ])('%s', (line, option, needed) => {
    const unit = container(line, others)
    expect(unit.last('Service', 'ExecStart')).toContain(` ${option} `)
    expect(unit.all('Unit', 'Requires')).toEqual([needed])
    expect(unit.all('Unit', 'After')).toEqual(['tspod-user-wait-network-online.service', needed])
  })

  test.each([
    ['big.image', 'localhost/big', 'big-image.service'],
    ['own.build', 'localhost/own', 'own-build.service'],
  ])('Image=%s', (name, image, needed) => {
    const unit = service('web.container', `[Container]\nImage=${name}`, others)
    expect(unit.last('Service', 'ExecStart')).toEndWith(` ${image}`)
    expect(unit.all('Unit', 'Requires')).toEqual([needed])
  })

  test('dependencies on files are those on their services', () => {
    const unit = service('web.container', '[Unit]\nAfter=db.container x.service\n[Container]\nImage=x', others)
    expect(unit.all('Unit', 'After')).toContain('db.service x.service')
  })
})

describe('what cannot be is refused by name', () => {
  test.each([
    ['Foo=1', "unsupported key 'Foo' in group 'Container'"],
    ['Rootfs=/x', 'Image= and Rootfs= cannot both be set'],
    ['Group=1', 'Group=1 without User='],
    ['ExposeHostPort=x', 'ExposeHostPort=x: must be a port'],
    ['Volume=none.volume:/x', 'there is no Quadlet file "none.volume"'],
    ['Network=none.network', 'there is no Quadlet file "none.network"'],
    ['RemapUid=1', 'RemapUid= and RemapGid= need RemapUsers='],
    ['UserNS=auto\nRemapUsers=auto', 'RemapUsers= cannot be set beside'],
    ['RemapUsers=all', 'RemapUsers=all: must be manual, auto or keep-id'],
    ['ReloadCmd=a\nReloadSignal=HUP', 'ReloadCmd= and ReloadSignal= cannot both be set'],
    ['ReadOnly=maybe', 'ReadOnly=maybe in [Container]: must be yes or no'],
    ['[Service]\nType=simple', 'Type=simple: must be notify or oneshot'],
    ['[Service]\nKillMode=process', 'KillMode=process: must be mixed or control-group'],
    ['[Quadlet]\nFoo=1', "unsupported key 'Foo' in group 'Quadlet'"],
    ['[Unit]\nAfter=none.container', 'there is no Quadlet file "none.container"'],
  ])('%s', (lines, message) => expect(() => container(lines)).toThrow(message))

  test('neither image nor root', () => expect(() => service('web.container', '[Container]')).toThrow('neither Image='))
  test('no group', () => expect(() => service('web.container', '[Unit]')).toThrow('there is no group [Container]'))

  test('one that is wrong does not keep the others', () => {
    const { services, failures } = translate({
      'a.container': '[Container]\nImage=x',
      'b.container': '[Container]\nNonsense=1',
    })
    expect(services.map(({ name }) => name)).toEqual(['a.service'])
    expect(failures.map(({ error }) => error.message)).toEqual([
      `translating "${folder}/b.container": unsupported key 'Nonsense' in group 'Container'`,
    ])
  })
})

test('DefaultDependencies=no waits for no network', () => {
  const { services, networkWaiter } = translate({
    'a.container': '[Container]\nImage=x\n[Quadlet]\nDefaultDependencies=no',
  })
  expect(services[0]?.unit.all('Unit', 'Wants')).toEqual([])
  expect(networkWaiter).toBeUndefined()
  expect(translate({ 'a.container': '[Container]\nImage=x' }).networkWaiter?.last('Service', 'Type')).toBe('oneshot')
  expect(translate({ 'a.container': '[Container]\nImage=x' }, false).services[0]?.unit.all('Unit', 'Wants')).toEqual([
    'network-online.target',
  ])
})
