// What a container's request becomes in a pod, and what it may not ask for there.
import { describe, expect, test } from 'bun:test'
import { bareRequest, checkPodRequest, planInfra } from '#container/pod/infra.ts'
import { planMember, splitForNewPod } from '#container/pod/member.ts'
import { newPodId, type PodRecord } from '#container/pod/record.ts'
import type { PodRequest } from '#container/pod/request.ts'
import { newContainerId } from '#container/record.ts'
import type { ContainerRequest } from '#container/request.ts'

const infraId = newContainerId()
const request: PodRequest = {
  name: 'p',
  labels: {},
  share: ['ipc', 'net', 'uts'],
  infra: bareRequest(),
  exitPolicy: 'continue',
  shareParent: true,
  replace: false,
}
const pod = (changes: Partial<PodRequest> = {}): PodRecord => ({
  version: 1,
  id: newPodId(),
  name: 'p',
  createdMs: 0,
  request: { ...request, ...changes },
  infraId,
})
const asked = (changes: Partial<ContainerRequest> = {}): ContainerRequest => ({
  ...bareRequest(),
  image: 'alpine',
  pod: 'p',
  ...changes,
})
const infra = { kind: 'container', container: infraId } as const

describe('planMember()', () => {
  test('joins what the pod shares, and the user namespace that owns it', () => {
    const { network, ipc, uts, pid, cgroupns, userns, unsaid } = planMember(asked(), pod())
    expect({ network, ipc, uts, userns }).toEqual({ network: infra, ipc: infra, uts: infra, userns: infra })
    expect([pid, cgroupns]).toEqual([{ kind: 'private' }, { kind: 'private' }])
    expect(unsaid).toEqual(['pid', 'cgroupns', 'noHosts']) // the configuration has no say in the others
  })

  test('leaves what was asked for by name', () => {
    const own = planMember(
      asked({ unsaid: ['pid', 'uts'], ipc: { kind: 'host' }, network: { kind: 'none' } }),
      pod({ share: ['ipc', 'net', 'uts', 'pid'] }),
    )
    expect([own.ipc, own.network, own.uts, own.pid]).toEqual([{ kind: 'host' }, { kind: 'none' }, infra, infra])
  })

  test("takes the host's namespace where the infra container has that", () => {
    const onHost = { ...bareRequest(), network: { kind: 'host' }, uts: { kind: 'host' } } as ContainerRequest
    const member = planMember(asked(), pod({ infra: onHost }))
    expect([member.network, member.uts, member.ipc]).toEqual([{ kind: 'host' }, { kind: 'host' }, infra])
  })

  test('shares nothing without an infra container, or where nothing is to be shared', () => {
    const { infra: _, ...without } = request
    const { infraId: __, ...record } = pod()
    for (const member of [
      planMember(asked(), { ...record, request: without }),
      planMember(asked(), pod({ share: [] })),
    ])
      expect([member.network, member.ipc, member.userns]).toEqual([
        { kind: 'default' },
        { kind: 'private' },
        { kind: 'default' },
      ])
  })

  test("has the pod's volumes, devices and restart policy", () => {
    const mounts: ContainerRequest['mounts'] = [{ type: 'tmpfs', destination: '/x', options: [], copyUp: false }]
    const of = pod({ infra: { ...bareRequest(), mounts, devices: ['/dev/fuse'] }, restart: { name: 'always' } })
    const member = planMember(asked({ volumesFrom: ['other'], devices: ['/dev/x'] }), of)
    expect(member.volumesFrom).toEqual([infraId, 'other'])
    expect(member.devices).toEqual(['/dev/fuse', '/dev/x'])
    expect(member.restart).toEqual({ name: 'always' })
    expect(planMember(asked({ restart: { name: 'on-failure' } }), of).restart).toEqual({ name: 'on-failure' })
    expect(planMember(asked({ remove: true }), of).restart).toBeUndefined()
    expect(planMember(asked({ initCtr: 'once' }), of).restart).toBeUndefined()
  })

  const port = { hostIp: '', hostPort: 80, containerPort: 80, range: 1, protocol: 'tcp' } as const
  const refused: [Partial<ContainerRequest>, string][] = [
    [{ publish: [port] }, 'ports must be defined when the pod is created'],
    [{ publishAll: true }, 'ports must be defined when the pod is created'],
    [{ network: { kind: 'networks', networks: [{ name: 'n', aliases: [] }] } }, 'networks must be defined when'],
    [{ addHosts: ['a:1.1.1.1'] }, 'extra host entries must be specified on the pod'],
    [{ hostname: 'x' }, 'cannot set hostname when joining the pod UTS namespace'],
    [{ userns: { kind: 'nomap' } }, '--userns and --pod cannot be set together'],
    [{ uidMap: ['0:0:1'] }, '--userns and --pod cannot be set together'],
  ]
  for (const [changes, message] of refused)
    test(`refuses ${JSON.stringify(changes)}`, () => expect(() => planMember(asked(changes), pod())).toThrow(message))

  test('lets a member publish ports where the pod shares no network, and name itself where it shares no UTS', () => {
    const member = planMember(asked({ publish: [port], hostname: 'x' }), pod({ share: ['ipc'] }))
    expect([member.publish, member.hostname]).toEqual([[port], 'x'])
  })
})

test('splitForNewPod() gives the pod what is its own to say', () => {
  const network = { kind: 'none' } as const
  const split = splitForNewPod(asked({ network, hostname: 'h', userns: { kind: 'nomap' }, dns: ['1.1.1.1'] }))
  expect(split.infra).toMatchObject({ network, hostname: 'h', userns: { kind: 'nomap' }, dns: ['1.1.1.1'] })
  expect(split.member.hostname).toBeUndefined()
  expect(planMember(split.member, pod()).network).toEqual(infra)
})

describe('planInfra()', () => {
  const plan = (changes: Partial<ContainerRequest>) => {
    const { id, name, request: wanted } = pod({ infra: { ...bareRequest(), ...changes } })
    return planInfra({ id, name, request: wanted }, 'pause:1')
  }

  test('has the pause image, a name made of the id, and the hostname of the pod', () => {
    const { image, name, hostname } = plan({})
    expect([image, hostname]).toEqual(['pause:1', 'p'])
    expect(name).toMatch(/^[0-9a-f]{12}-infra$/)
    expect(plan({ image: 'own', name: 'mine', hostname: 'h' })).toMatchObject({
      image: 'own',
      name: 'mine',
      hostname: 'h',
    })
    expect(plan({ uts: { kind: 'host' } }).hostname).toBeUndefined()
  })

  test("is found on networks by the pod's name", () => {
    const networks = [{ name: 'n', aliases: ['a'] }]
    expect(plan({ network: { kind: 'networks', networks } }).network).toEqual({
      kind: 'networks',
      networks: [{ name: 'n', aliases: ['a', 'p'] }],
    })
  })
})

test('checkPodRequest() refuses what does not go together', () => {
  const { infra: _, name: __, ...bare } = request
  expect(() => checkPodRequest(bare)).toThrow('cannot set share(s) without an infra container')
  expect(() => checkPodRequest({ ...bare, share: [], replace: true })).toThrow('without --name')
  checkPodRequest(request)
})
