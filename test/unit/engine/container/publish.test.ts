import { describe, expect, test } from 'bun:test'
import type { ContainerRequest } from '#container/request.ts'
import { portBindings } from '#engine/container/inspect-network.ts'
import { decidePorts } from '#engine/container/publish.ts'
import type { NetworkDriver } from '#network/driver.ts'
import { noNetwork } from '#network/fixed.ts'
import { portText } from '#network/ports/mapping.ts'
import { parsePublish } from '#network/ports/parse.ts'
import { slirp4netnsNetwork } from '#network/slirp4netns/driver.ts'
import { parseSlirp4netnsOptions } from '#network/slirp4netns/options.ts'

const slirp4netns = slirp4netnsNetwork('/usr/bin/slirp4netns', parseSlirp4netnsOptions([]), undefined)

/** What is published, as text, with `*` for ports that were chosen. */
function decided(
  wanted: { publish?: string[]; expose?: string[]; all?: boolean; image?: string[] },
  network: NetworkDriver = slirp4netns,
): string[] {
  const publish = (wanted.publish ?? []).map(text => parsePublish(text))
  const request = {
    publish,
    publishAll: wanted.all ?? false,
    expose: wanted.expose ?? [],
  } as unknown as ContainerRequest
  const asked = new Set(publish.map(({ hostPort }) => hostPort))
  return decidePorts(request, wanted.image ?? [], network).map(port =>
    portText(port).replace(/:\d+->/, text => (asked.has(port.hostPort) ? text : ':*->')),
  )
}

describe('decidePorts()', () => {
  test('takes what is published, and chooses ports where none is said', () => {
    expect(decided({ publish: ['8080:80', '127.0.0.1::90', '91/udp'] })).toEqual([
      '0.0.0.0:8080->80/tcp',
      '127.0.0.1:*->90/tcp',
      '0.0.0.0:*->91/udp',
    ])
  })

  test('-P adds what the image and --expose name, unless it is published already', () => {
    const all = { all: true, image: ['80/tcp', '53/udp'], expose: ['8000-8001'] }
    expect(decided({ ...all, publish: ['8080:80'] })).toEqual([
      '0.0.0.0:8080->80/tcp',
      '0.0.0.0:*->53/udp',
      '0.0.0.0:*->8000/tcp',
      '0.0.0.0:*->8001/tcp',
    ])
    expect(decided({ ...all, all: false })).toEqual([])
  })

  test('drops repetitions, refuses two that overlap', () => {
    expect(decided({ publish: ['8080:80', '8080:80'] })).toEqual(['0.0.0.0:8080->80/tcp'])
    expect(() => decided({ publish: ['8080-8090:80-90', '127.0.0.1:8085:99'] })).toThrow(
      'publishing 127.0.0.1:8085->99/tcp: 0.0.0.0:8080-8090->80-90/tcp is asked for too',
    )
  })

  test('a port of every address is one of IPv6 addresses only where the network makes it so', () => {
    expect(decided({ publish: ['8080:80', '[::]:8080:80'] })).toEqual(['0.0.0.0:8080->80/tcp', '[::]:8080->80/tcp'])
    const both: NetworkDriver = { ...slirp4netns, ports: { everyAddress: ['0.0.0.0', '::'], check: () => undefined } }
    expect(decided({ publish: ['8080:80', '[::]:8080:80'] }, both)).toEqual(['0.0.0.0:8080->80/tcp'])
    expect(() => decided({ publish: ['8080:80', '[::]:8080:81'] }, both)).toThrow('is asked for too')
  })

  test('a network without ports has none', () => {
    const request = { publish: [parsePublish('8080:80')], publishAll: false } as unknown as ContainerRequest
    expect(decidePorts(request, [], noNetwork)).toEqual([])
  })
})

test('portBindings() lists each port of a range, and null for those that are only exposed', () => {
  const ports = [
    { hostIp: '', hostPort: 8080, containerPort: 80, range: 2, protocol: 'tcp' as const },
    { hostIp: '::1', hostPort: 9090, containerPort: 80, range: 1, protocol: 'tcp' as const },
  ]
  expect(portBindings(ports, ['80/tcp', '53/udp'])).toEqual({
    '80/tcp': [
      { HostIp: '', HostPort: '8080' },
      { HostIp: '::1', HostPort: '9090' },
    ],
    '81/tcp': [{ HostIp: '', HostPort: '8081' }],
    '53/udp': null,
  })
})
