import { describe, expect, test } from 'bun:test'
import { requestWith } from '#container/plain-request.ts'
import type { PodRecord } from '#container/pod/record.ts'
import type { ContainerRecord, RecordedMount } from '#container/record.ts'
import type { ContainerRequest } from '#container/request.ts'
import { generateClaim, generatePod, generateService } from '#kube/generate/pod.ts'
import { writeDocuments } from '#kube/generate/write.ts'
import { plan } from './_plan.ts'

const createdMs = Date.UTC(2026, 0, 2, 3, 4, 5)

function recordOf(name: string, said: Partial<ContainerRequest>, more: Partial<ContainerRecord> = {}): ContainerRecord {
  return {
    version: 1,
    id: '0'.repeat(64),
    name,
    createdMs,
    request: requestWith({ name, image: 'alpine', ...said }),
    image: { name: 'docker.io/library/alpine:latest', id: '', digest: '' },
    storageDriver: 'overlay',
    mounts: [],
    network: { kind: 'default' },
    dependsOn: [],
    entrypoint: [],
    command: [],
    workdir: '/',
    user: { uid: 0, gid: 0 },
    labels: {},
    stopSignal: 15,
    stopTimeoutSeconds: 10,
    logDriver: 'k8s-file',
    ...more,
  } as ContainerRecord
}

const mount = (said: Partial<RecordedMount>): RecordedMount => ({
  type: 'volume',
  source: '',
  destination: '/d',
  readWrite: true,
  options: [],
  ...said,
})

async function written(containers: ContainerRecord[], more: { pod?: PodRecord; infra?: ContainerRecord } = {}) {
  const warnings: string[] = []
  const object = generatePod({ containers, ...more }, { kind: 'pod', createdMs, warn: text => warnings.push(text) })
  return { text: await writeDocuments([object], ['Made by a test']), warnings }
}

describe('what is generated can be played again', () => {
  test('a container alone', async () => {
    const said: Partial<ContainerRequest> = {
      entrypoint: ['sh', '-c'],
      command: ['echo $(HOME) $$ $A'],
      env: ['A=yes', 'B=0644', 'C=$(A)', 'D=2020-01-01', 'E=1:30', 'F=null'],
      workdir: '/srv',
      tty: true,
      interactive: true,
      capAdd: ['NET_ADMIN'],
      securityOpts: ['no-new-privileges', 'label=level:s0', 'seccomp=unconfined'],
      readOnly: true,
      user: '5:6',
      resources: { cpu: { period: 100_000, quota: 25_000 }, memory: { limit: 2 ** 26, swap: 2 ** 27 } },
      restart: { name: 'always' },
      stopTimeoutSeconds: 3,
      stopSignal: 'SIGUSR1',
      hostname: 'there',
      addHosts: ['a:10.0.0.1'],
      dns: ['9.9.9.9'],
      dnsOptions: ['ndots:2'],
      health: { test: ['CMD-SHELL', 'true'], intervalMs: 5000, retries: 2 },
      ulimits: ['nofile=1:2'],
      init: true,
      sysctls: { 'net.core.somaxconn': '9' },
    }
    const mounts = [
      mount({ type: 'bind', source: '/srv/data', destination: '/data', readWrite: false }),
      mount({ name: 'vol', destination: '/vol', subpath: 'x' }),
      mount({ name: 'f'.repeat(64), anonymous: true, destination: '/anon' }),
      mount({ type: 'tmpfs', destination: '/tmp' }),
      mount({ type: 'image', source: 'tools', destination: '/tools' }),
    ]
    const ports = [{ hostIp: '127.0.0.1', hostPort: 8080, containerPort: 80, range: 2, protocol: 'tcp' as const }]
    const { text, warnings } = await written([recordOf('web', said, { mounts, ports, user: { uid: 5, gid: 6 } })])
    expect(warnings).toEqual([])
    expect(text).toStartWith('# Made by a test\napiVersion: v1\nkind: Pod\n')
    const { pod, container, warnings: again } = await plan(text)
    expect(again).toEqual([])
    expect(pod.name).toBe('web-pod')
    const { securityOpts, hostname, addHosts, dns, dnsOptions, sysctls, health: _, ...same } = said
    expect(container.request).toMatchObject({ ...same, readOnlyTmpfs: false })
    expect([...container.request.securityOpts].sort()).toEqual([...(securityOpts ?? [])].sort())
    expect(container.request.health).toMatchObject({
      test: ['CMD', '/bin/sh', '-c', 'true'],
      intervalMs: 5000,
      retries: 2,
    })
    expect(pod.request.infra).toMatchObject({ hostname, addHosts, dns, dnsOptions, sysctls })
    expect(pod.request.infra?.publish.map(({ hostPort, containerPort }) => [hostPort, containerPort])).toEqual([
      [8080, 80],
      [8081, 81],
    ])
    expect(container.request.mounts).toMatchObject([
      { type: 'bind', source: '/srv/data', destination: '/data', readOnly: true },
      { type: 'volume', name: 'vol', destination: '/vol', subpath: 'x' },
      { type: 'volume', destination: '/anon' },
      { type: 'tmpfs', destination: '/tmp' },
      { type: 'image', image: 'tools', destination: '/tools' },
    ])
  })

  test('a pod with an init container', async () => {
    const pod = {
      version: 1,
      id: '1'.repeat(64),
      name: 'shop',
      createdMs,
      request: {
        name: 'shop',
        labels: { app: 'mine' },
        share: ['ipc', 'net', 'pid'],
        exitPolicy: 'stop',
        shareParent: true,
        replace: false,
      },
    } as unknown as PodRecord
    const infra = recordOf(
      'infra',
      {},
      { ports: [{ hostIp: '', hostPort: 1, containerPort: 2, range: 1, protocol: 'udp' }] },
    )
    const containers = [
      recordOf('shop-first', { initCtr: 'once', command: ['x'] }),
      recordOf('shop-a', {}),
      recordOf('b', {}),
    ]
    const { text } = await written(containers, { pod, infra })
    const again = await plan(text)
    expect(again.pod.containers.map(({ request }) => request.name)).toEqual(['shop-first', 'shop-a', 'shop-b'])
    expect(again.pod.request).toMatchObject({ labels: { app: 'mine' }, share: ['ipc', 'net', 'pid', 'uts'] })
    expect(again.pod.request.infra?.publish).toMatchObject([{ hostPort: 1, containerPort: 2, protocol: 'udp' }])
    expect(again.container.request.restart).toBeUndefined()
  })

  test.each(['deployment', 'daemonset', 'job'] as const)('a %s', async kind => {
    const object = generatePod({ containers: [recordOf('web', {})] }, { kind, createdMs, warn: () => {} })
    const { pods, warnings } = await plan(await writeDocuments([object], []))
    expect(pods.map(({ name }) => name)).toEqual([`web-pod-${kind}-pod`])
    expect(warnings).toEqual([])
  })

  test('a volume', async () => {
    const object = generateClaim({ name: 'data', labels: {}, options: { type: 'tmpfs', o: 'size=1m' }, createdMs })
    expect((await plan(await writeDocuments([object], []))).claims).toEqual([
      { name: 'data', labels: {}, driver: 'local', options: { type: 'tmpfs', o: 'size=1m' } },
    ])
  })
})

test('generateService() names what is published, and nothing where that is nothing', () => {
  const ports = [{ hostIp: '', hostPort: 8080, containerPort: 80, range: 1, protocol: 'tcp' as const }]
  expect(generateService({ containers: [recordOf('web', {}, { ports })] }, createdMs, () => 30_000)).toMatchObject({
    kind: 'Service',
    metadata: { name: 'web-pod' },
    spec: { ports: [{ nodePort: 30_000, port: 80, targetPort: 80 }], selector: { app: 'web-pod' }, type: 'NodePort' },
  })
  expect(generateService({ containers: [recordOf('web', {})] }, createdMs, () => 0)).toBeUndefined()
})

test('what has no place in the file is told', async () => {
  const { warnings } = await written([
    recordOf(
      'web',
      { devices: ['/dev/fuse'], env: ['HOME'] },
      { mounts: [mount({ type: 'mqueue', destination: '/q' })] },
    ),
  ])
  expect(warnings).toEqual([
    'container "web": its mqueue on "/q" is not in the file',
    'container "web": variables of files and of the caller is not in the file',
    'container "web": --device is not in the file',
  ])
})
