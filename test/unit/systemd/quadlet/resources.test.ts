// Volumes, networks, images and builds as services (podman-systemd.unit(5)), and the links of [Install].
import { describe, expect, test } from 'bun:test'
import { installLinks } from '#systemd/quadlet/links.ts'
import { UnitFile } from '#systemd/unit-file.ts'
import { folder, service } from './_quadlets.ts'

const start = (name: string, text: string) => service(name, text).last('Service', 'ExecStart')

describe('.volume', () => {
  test.each([
    ['', 'volume create --ignore systemd-data'],
    ['VolumeName=mine', 'volume create --ignore mine'],
    ['User=1\nGroup=2', 'volume create --ignore --opt o=uid=1,gid=2 systemd-data'],
    ['Copy=yes', 'volume create --ignore systemd-data'],
    [
      'Device=tmpfs\nType=tmpfs\nOptions=size=1m',
      'volume create --ignore --opt device=tmpfs --opt type=tmpfs --opt o=size=1m systemd-data',
    ],
    ['Label=a=b\nPodmanArgs=--x', 'volume create --ignore --label a=b --x systemd-data'],
    ['Driver=image\nImage=quay.io/x', 'volume create --ignore --driver image --opt image=quay.io/x systemd-data'],
  ])('%p', (lines, command) => expect(start('data.volume', `[Volume]\n${lines}`)).toBe(`/usr/bin/tspod ${command}`))

  test('is made once and then active', () => {
    const unit = service('data.volume', '[Volume]')
    expect(['Type', 'RemainAfterExit', 'SyslogIdentifier'].map(key => unit.last('Service', key))).toEqual([
      'oneshot',
      'yes',
      '%N',
    ])
  })

  test.each([
    ['Type=tmpfs', 'Type= needs Device='],
    ['Options=x', 'Options= needs Device='],
    ['User=root', 'User=root: must be a number'],
    ['Driver=image', 'Driver=image needs Image='],
    ['Copy=no', 'Copy=no is not implemented yet'],
    ['Image2=x', "unsupported key 'Image2' in group 'Volume'"],
  ])('refuses %p', (lines, message) => expect(() => start('data.volume', `[Volume]\n${lines}`)).toThrow(message))
})

describe('.network', () => {
  test.each([
    ['', 'network create --ignore systemd-net'],
    ['NetworkName=mine', 'network create --ignore mine'],
    [
      'Subnet=10.0.0.0/24\nGateway=10.0.0.1\nSubnet=10.1.0.0/24\nIPRange=10.0.0.0/28',
      'network create --ignore --subnet 10.0.0.0/24 --gateway 10.0.0.1 --ip-range 10.0.0.0/28 --subnet 10.1.0.0/24 systemd-net',
    ],
    [
      'Internal=yes\nIPv6=true\nDisableDNS=no',
      'network create --ignore --disable-dns=false --internal --ipv6 systemd-net',
    ],
    ['DNS=1.1.1.1\nOptions=mtu=9000', 'network create --ignore --dns 1.1.1.1 --opt mtu=9000 systemd-net'],
  ])('%p', (lines, command) => expect(start('net.network', `[Network]\n${lines}`)).toBe(`/usr/bin/tspod ${command}`))

  test('goes at the stop where it is to', () =>
    expect(service('net.network', '[Network]\nNetworkDeleteOnStop=yes').last('Service', 'ExecStopPost')).toBe(
      '/usr/bin/tspod network rm systemd-net',
    ))

  test('refuses a gateway without a subnet', () =>
    expect(() => start('net.network', '[Network]\nGateway=10.0.0.1')).toThrow('must be at most one for each Subnet='))
})

describe('.image', () => {
  test.each([
    ['Image=quay.io/x', 'image pull quay.io/x'],
    ['Image=quay.io/x\nArch=arm64\nOS=linux', 'image pull --arch arm64 --os linux quay.io/x'],
    ['Image=quay.io/x\nTLSVerify=no\nAllTags=yes', 'image pull --all-tags --tls-verify=false quay.io/x'],
    ['Image=quay.io/x\nRetry=5', 'image pull --retry 5 quay.io/x'],
  ])('%p', (lines, command) => expect(start('x.image', `[Image]\n${lines}`)).toBe(`/usr/bin/tspod ${command}`))

  test('needs an image', () => expect(() => start('x.image', '[Image]')).toThrow('Image= is not set'))
})

describe('.build', () => {
  test.each([
    ['SetWorkingDirectory=unit', `build --tag localhost/x ${folder}`],
    ['File=/ctx/Containerfile', 'build --tag localhost/x --file /ctx/Containerfile'],
    [
      'File=sub/Containerfile\nSetWorkingDirectory=file',
      `build --tag localhost/x --file sub/Containerfile ${folder}/sub`,
    ],
    ['SetWorkingDirectory=https://h/r.git', 'build --tag localhost/x https://h/r.git'],
    ['SetWorkingDirectory=/ctx\nTarget=prod', 'build --target prod --tag localhost/x /ctx'],
    ['SetWorkingDirectory=/ctx\nPull=never\nForceRM=no', 'build --pull=never --force-rm=false --tag localhost/x /ctx'],
    [
      'SetWorkingDirectory=/ctx\nSecret=a,src=b\nBuildArg=A=1',
      'build --tag localhost/x --build-arg A=1 --secret a,src=b /ctx',
    ],
  ])('%p', (lines, command) =>
    expect(start('x.build', `[Build]\nImageTag=localhost/x\n${lines}`)).toBe(`/usr/bin/tspod ${command}`),
  )

  test.each([
    ['', 'neither SetWorkingDirectory= nor File= is set'],
    ['File=rel', 'File=rel: a relative path needs SetWorkingDirectory='],
    ['SetWorkingDirectory=file', 'SetWorkingDirectory=file needs File='],
  ])('refuses %p', (lines, message) => expect(() => start('x.build', `[Build]\nImageTag=x\n${lines}`)).toThrow(message))

  test('needs a tag', () => expect(() => start('x.build', '[Build]\nFile=/x')).toThrow('ImageTag= is not set'))
})

test('installLinks() makes what `systemctl enable` would', () => {
  const links = (name: string, install: string) =>
    installLinks({ name, unit: UnitFile.parse(`[Install]\n${install}`, name) }).map(
      ({ path, target }) => `${path} -> ${target}`,
    )
  expect(links('web.service', 'WantedBy=default.target x.target\nRequiredBy=r.service\nAlias=w.service')).toEqual([
    'w.service -> web.service',
    'default.target.wants/web.service -> ../web.service',
    'x.target.wants/web.service -> ../web.service',
    'r.service.requires/web.service -> ../web.service',
  ])
  expect(links('web@.service', 'WantedBy=default.target')).toEqual([])
  expect(links('web@.service', 'WantedBy=default.target\nDefaultInstance=1')).toEqual([
    'default.target.wants/web@1.service -> ../web@.service',
  ])
  expect(links('web.service', 'WantedBy=../../x\nAlias=/etc/x')).toEqual([])
})
