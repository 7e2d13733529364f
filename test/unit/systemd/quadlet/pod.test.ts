// What podman's Quadlet makes of `.pod` files (podman-systemd.unit(5), Pod units), and of containers in them.
import { describe, expect, test } from 'bun:test'
import { service, translate } from './_quadlets.ts'

const create = (lines: string, others: Record<string, string> = {}) =>
  service('web.pod', `[Pod]\n${lines}`, others).last('Service', 'ExecStartPre')
const beginning = '/usr/bin/tspod pod create --replace --exit-policy=stop '
const ending = '--infra-name systemd-web-infra --name systemd-web'

describe('.pod', () => {
  test('makes the pod, starts it, stops it and removes it; the service is its infra container', () => {
    const unit = service('web.pod', '[Pod]\n')
    const of = (key: string) => unit.last('Service', key)
    expect(of('ExecStartPre')).toBe(beginning + ending)
    expect(of('ExecStart')).toBe('/usr/bin/tspod pod start systemd-web')
    expect(of('ExecStop')).toBe('/usr/bin/tspod pod stop --ignore --time=10 systemd-web')
    expect(of('ExecStopPost')).toBe('/usr/bin/tspod pod rm --ignore --force systemd-web')
    expect([of('Type'), of('NotifyAccess'), of('Restart'), of('SyslogIdentifier')]).toEqual([
      'notify',
      'all',
      'on-failure',
      '%N',
    ])
  })

  test.each([
    ['PublishPort=8080:80\nPublishPort=81', '--publish 8080:80 --publish 81 '],
    ['Label=a=b', '--label a=b '],
    ['Network=host', '--network host '],
    ['Volume=/srv:/srv:ro', '-v /srv:/srv:ro '],
    ['HostName=h\nShmSize=1m\nIP=10.1.1.1', '--hostname h --ip 10.1.1.1 --shm-size 1m '],
    ['DNS=1.1.1.1\nAddHost=a:1.1.1.1\nNetworkAlias=x', '--network-alias x --dns 1.1.1.1 --add-host a:1.1.1.1 '],
    ['UserNS=keep-id', '--userns keep-id '],
  ])('%p', (lines, options) => expect(create(lines)).toBe(beginning + options + ending))

  test('has a name, an exit policy, a time to stop and further options', () => {
    const unit = service('web.pod', '[Pod]\nPodName=mine\nExitPolicy=continue\nStopTimeout=3\nPodmanArgs=--share +pid')
    expect(unit.last('Service', 'ExecStartPre')).toBe(
      '/usr/bin/tspod pod create --replace --exit-policy=continue --infra-name mine-infra --name mine --share +pid',
    )
    expect(unit.last('Service', 'ExecStop')).toBe('/usr/bin/tspod pod stop --ignore --time=3 mine')
  })

  test('is called as it wants, and its container is bound to it', () => {
    const { services, failures } = translate({
      'web.pod': '[Pod]\nServiceName=shop',
      'app.container': '[Container]\nImage=x\nPod=web.pod',
      'later.container': '[Container]\nImage=x\nPod=web.pod\nStartWithPod=no',
    })
    expect(failures).toEqual([])
    const unitOf = (name: string) => services.find(found => found.name === name)?.unit
    const pod = unitOf('shop.service')
    expect(pod?.all('Unit', 'Wants')).toContain('app.service')
    expect(pod?.all('Unit', 'Before')).toEqual(['app.service'])
    for (const name of ['app.service', 'later.service']) {
      expect(unitOf(name)?.all('Unit', 'BindsTo')).toEqual(['shop.service'])
      expect(unitOf(name)?.all('Unit', 'After')).toContain('shop.service')
      expect(unitOf(name)?.last('Service', 'ExecStart')).toContain('--pod systemd-web x')
    }
  })

  test('is on a network, and has a volume, of other files', () => {
    const others = { 'n.network': '[Network]\n', 'd.volume': '[Volume]\n' }
    expect(create('Network=n.network\nVolume=d.volume:/d', others)).toBe(
      `${beginning}--network systemd-n -v systemd-d:/d ${ending}`,
    )
    const unit = service('web.pod', '[Pod]\nNetwork=n.network', others)
    expect(unit.all('Unit', 'Requires')).toEqual(['n-network.service'])
  })

  test.each([
    ['web.pod', '[Pod]\nImage=x', "unsupported key 'Image' in group 'Pod'"],
    ['a.container', '[Container]\nImage=x\nPod=web', 'Pod=web: must be a .pod file'],
    ['a.container', '[Container]\nImage=x\nPod=no.pod', 'there is no Quadlet file "no.pod"'],
  ])('refuses %s %p', (name, text, message) => expect(() => service(name, text)).toThrow(message))
})
