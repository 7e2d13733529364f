import { describe, expect, test } from 'bun:test'
import { plan, podText, refusal } from './_plan.ts'

describe('a pod', () => {
  test('shares ipc, net and uts, and is on the network of all', async () => {
    const { pod } = await plan(podText())
    expect(pod.request).toMatchObject({
      name: 'web',
      share: ['ipc', 'net', 'uts'],
      exitPolicy: 'stop',
      labels: { tier: 'front' },
    })
    expect(pod.request.infra).toMatchObject({
      hostname: 'web',
      network: { kind: 'networks', networks: [{ name: 'podman-default-kube-network', aliases: ['web'] }] },
    })
  })

  test('namespaces of the host, and one for processes', async () => {
    const { pod, container } = await plan(
      podText('', 'hostNetwork: true\nhostPID: true\nhostIPC: true\nhostname: other'),
    )
    expect(pod.request).toMatchObject({ share: ['net'], infra: { network: { kind: 'host' }, uts: { kind: 'host' } } })
    expect(pod.request.infra?.hostname).toBeUndefined()
    expect(container.request).toMatchObject({ pid: { kind: 'host' }, ipc: { kind: 'host' }, uts: { kind: 'host' } })
    const shared = await plan(podText('', 'shareProcessNamespace: true\nhostname: other'))
    expect(shared.pod.request).toMatchObject({ share: ['ipc', 'net', 'pid', 'uts'], infra: { hostname: 'other' } })
  })

  test('names and name servers', async () => {
    const { pod } = await plan(
      podText(
        '',
        `hostAliases: [{ip: 10.0.0.1, hostnames: [a, b]}]
dnsPolicy: None
dnsConfig: {nameservers: [9.9.9.9], searches: [example.org], options: [{name: ndots, value: "2"}, {name: rotate}]}`,
      ),
    )
    expect(pod.request.infra).toMatchObject({
      addHosts: ['a:10.0.0.1', 'b:10.0.0.1'],
      dns: ['9.9.9.9'],
      dnsSearch: ['example.org'],
      dnsOptions: ['ndots:2', 'rotate'],
    })
  })

  test('hostPort is published, containerPort alone only with --publish-all', async () => {
    const ports = 'ports: [{containerPort: 80, hostPort: 8080, hostIP: 127.0.0.1}, {containerPort: 53, protocol: UDP}]'
    const web = { hostIp: '127.0.0.1', hostPort: 8080, containerPort: 80, range: 1, protocol: 'tcp' as const }
    const dns = { hostIp: '', hostPort: 53, containerPort: 53, range: 1, protocol: 'udp' as const }
    expect((await plan(podText(ports))).pod.request.infra?.publish).toEqual([web])
    expect((await plan(podText(ports), { publishAll: true })).pod.request.infra?.publish).toEqual([web, dns])
    const other = { ...web, hostPort: 9090 }
    expect((await plan(podText(ports), { publish: [other] })).pod.request.infra?.publish).toEqual([other])
  })

  test('the n-th address is of the n-th pod', async () => {
    const text = `${podText()}---\n${podText().replace('name: web', 'name: db')}`
    const { pods } = await plan(text, { ips: ['10.0.0.2', '10.0.0.3'], macs: ['02:00:00:00:00:01'] })
    const wishes = pods.map(({ request }) => request.infra?.network)
    expect(wishes).toMatchObject([
      { networks: [{ ip: '10.0.0.2', mac: '02:00:00:00:00:01' }] },
      { networks: [{ ip: '10.0.0.3' }] },
    ])
    expect(await refusal(podText(), { ips: ['10.0.0.2', '10.0.0.3'] })).toContain('--ip: found 2 for 1 pods')
  })

  test('init containers come first, and are run once', async () => {
    const { pod } = await plan(
      podText('', 'initContainers: [{name: first, image: alpine, livenessProbe: {exec: {command: [x]}}}]'),
    )
    expect(pod.containers.map(({ request }) => [request.name, request.initCtr])).toEqual([
      ['web-first', 'once'],
      ['web-app', undefined],
    ])
    expect(pod.containers[0]?.request).not.toHaveProperty('restart')
    expect(pod.containers[0]?.request).not.toHaveProperty('health')
  })

  test.each([
    ['Always', { name: 'always' }],
    ['OnFailure', { name: 'on-failure' }],
    ['Never', undefined],
  ])('restartPolicy %s', async (policy, restart) => {
    expect((await plan(podText('', `restartPolicy: ${policy}`))).container.request.restart).toEqual(
      restart as undefined,
    )
  })

  test('hostUsers: false asks for ids of its own, --userns has the last word', async () => {
    expect((await plan(podText('', 'hostUsers: false'))).pod.request.infra?.userns).toEqual({ kind: 'auto' })
    const { pod } = await plan(podText('', 'hostUsers: false'), { userns: { kind: 'keep-id' } })
    expect(pod.request.infra?.userns).toEqual({ kind: 'keep-id' })
  })

  test('annotations of the command line are on pod and containers', async () => {
    const { pod, container } = await plan(podText(), { annotations: { a: 'b' } })
    expect(pod.request.infra?.annotations).toEqual({ note: 'hello', a: 'b' })
    expect(container.request.annotations).toEqual({ note: 'hello', a: 'b' })
  })

  test.each([
    [podText('', 'runtimeClassName: gvisor'), 'spec.runtimeClassName is not supported: there is one runtime'],
    [podText('', 'restartPolicy: Sometimes'), 'must be one of Always, OnFailure, Never'],
    [podText('', 'os: {name: windows}'), 'spec.os.name is "windows", must be one of linux'],
    [podText('', 'dnsPolicy: None'), 'needs "dnsConfig.nameservers"'],
    [podText('ports: [{containerPort: 70000}]'), 'containerPort is 70000, must be a whole number from 1 to 65535'],
    [podText('ports: [{name: x}]'), 'has no "containerPort"'],
    [podText().replace('name: app', 'name: a/b'), 'spec.containers[0].name is "a/b"'],
    [`${podText()}  - {name: app, image: b}`, 'spec.containers[1].name is "app": there is another container'],
    [podText().replace(/ {2}containers:[^]*/, '  containers: []'), 'spec has no containers'],
    [podText().replace('name: web, ', ''), 'metadata.name is missing'],
    [podText().replace('apiVersion: v1', 'apiVersion: v2'), 'apiVersion is "v2", must be v1 for a Pod'],
    [`${podText()}---\n${podText()}`, 'document 2, line 11: metadata makes a second pod "web"'],
  ])('is refused with the place: %#', async (text, message) => {
    expect(await refusal(text)).toContain(message)
  })

  test('hostAliases and --no-hosts contradict each other', async () => {
    const text = podText('', 'hostAliases: [{ip: 10.0.0.1, hostnames: [a]}]')
    expect(await refusal(text, { noHosts: true })).toContain('spec.hostAliases[0] will not work with --no-hosts')
  })
})

const workload = (kind: string, version: string, fields = '', policy = '') => `apiVersion: ${version}
kind: ${kind}
metadata: {name: shop}
spec:
  ${fields}
  template:
    metadata: {labels: {app: shop}}
    spec:
      ${policy}
      containers: [{name: app, image: alpine}]
`

describe('workloads', () => {
  test.each([
    ['Deployment', 'apps/v1', '', { name: 'always' }],
    ['DaemonSet', 'apps/v1', '', { name: 'always' }],
    ['Job', 'batch/v1', '', { name: 'on-failure', maximumRetries: 6 }],
    ['Job', 'batch/v1', 'backoffLimit: 2', { name: 'on-failure', maximumRetries: 2 }],
    ['Job', 'batch/v1', 'backoffLimit: 0', undefined],
  ])('%s of %s with "%s" is one pod', async (kind, version, fields, restart) => {
    const { pods, container } = await plan(workload(kind, version, fields))
    expect(pods.map(({ name }) => name)).toEqual(['shop-pod'])
    expect(container.request).toMatchObject({ name: 'shop-pod-app', labels: { app: 'shop' } })
    expect(container.request.restart).toEqual(restart as undefined)
  })

  test('there is one pod, whatever the number', async () => {
    expect((await plan(workload('Deployment', 'apps/v1', 'replicas: 3'))).warnings).toEqual([
      '"a.yaml": document 1, line 5: spec.replicas is passed over: found 3, there is one pod',
    ])
    expect(await refusal(workload('Deployment', 'apps/v1', 'replicas: 0'))).toContain('it asks for no pods')
  })

  test.each([
    [workload('Deployment', 'v1'), 'apiVersion is "v1", must be apps/v1'],
    [workload('Deployment', 'apps/v1', '', 'restartPolicy: Never'), 'must be Always in a Deployment'],
    [workload('Job', 'batch/v1', '', 'restartPolicy: Always'), 'must be one of OnFailure, Never'],
    [workload('Job', 'batch/v1', 'suspend: true'), 'spec.suspend is not supported'],
  ])('is refused: %#', async (text, message) => {
    expect(await refusal(text)).toContain(message)
  })

  test('other kinds are passed over, unless there is nothing else', async () => {
    const service = 'apiVersion: v1\nkind: Service\nmetadata: {name: x}\n'
    expect((await plan(`${podText()}---\n${service}`)).warnings).toEqual([
      expect.stringContaining('document 2, line 9: kind "Service" is passed over'),
    ])
    expect(await refusal(service)).toBe('YAML document does not contain any supported kube kind')
  })
})
