// When a pod is there, whose a name is, and what killed commands leave.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bearerOf, claimName, holderOf, podOfName } from '#container/name-index.ts'
import { holdNewPod, withPodLock } from '#container/pod/lock.ts'
import { isAbandoned, listPodIds, newPodId, type PodRecord, podDir, readPod, writePod } from '#container/pod/record.ts'
import { podStatus } from '#container/pod/status.ts'
import { containerDir, newContainerId } from '#container/record.ts'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pods-'))
})
afterEach(() => rmSync(root, { recursive: true }))

const newPod = (hasInfra: boolean): PodRecord => ({
  version: 1,
  id: newPodId(),
  name: 'p',
  createdMs: 1,
  request: { labels: {}, share: [], exitPolicy: 'continue', shareParent: true, replace: false },
  ...(hasInfra && { infraId: newContainerId() }),
})

function makeInfra({ infraId }: PodRecord): void {
  if (infraId === undefined) return
  mkdirSync(containerDir(root, infraId), { recursive: true })
  writeFileSync(join(containerDir(root, infraId), 'container.json'), '{}')
}

describe('a pod', () => {
  test('is there while its infra container is', () => {
    const pod = newPod(true)
    writePod(root, pod)
    expect(readPod(root, pod.id)).toBeUndefined()
    makeInfra(pod)
    expect(readPod(root, pod.id)).toEqual(pod)
    rmSync(containerDir(root, pod.infraId ?? newContainerId()), { recursive: true })
    expect(readPod(root, pod.id)).toBeUndefined()
    expect(listPodIds(root)).toEqual([pod.id])
  })

  test('without one is there while its record is', () => {
    const pod = newPod(false)
    writePod(root, pod)
    expect(readPod(root, pod.id)).toEqual(pod)
  })

  test('that nobody makes any more is abandoned, and its name free', async () => {
    const pod = newPod(true)
    mkdirSync(podDir(root, pod.id), { recursive: true })
    const lock = holdNewPod(root, pod.id)
    writePod(root, pod)
    await claimName(root, 'p', pod.id)
    expect(isAbandoned(root, pod.id)).toBe(false)
    expect(podOfName(root, 'p')).toBe(pod.id)
    lock[Symbol.dispose]()
    expect(isAbandoned(root, pod.id)).toBe(true)
    expect(podOfName(root, 'p')).toBeUndefined()
    const next = { ...newPod(false), name: 'p' }
    writePod(root, next)
    await claimName(root, 'p', next.id)
    expect(bearerOf(root, 'p')).toEqual({ kind: 'pod', id: next.id })
    expect(holderOf(root, 'p')).toBeUndefined()
  })

  test('whose record is damaged is said to be, and keeps its name', async () => {
    const pod = newPod(false)
    writePod(root, pod)
    await claimName(root, 'p', pod.id)
    writeFileSync(join(podDir(root, pod.id), 'pod.json'), '{')
    expect(() => readPod(root, pod.id)).toThrow('it is no record of this pod')
    expect(podOfName(root, 'p')).toBe(pod.id)
    expect(isAbandoned(root, pod.id)).toBe(false)
  })

  test('that is gone has no lock', async () => {
    expect(await withPodLock(root, newPodId(), () => 'held').catch((error: Error) => error.message)).toContain(
      'no such pod',
    )
  })
})

test.each([
  [[], 'created'],
  [['created', 'created'], 'created'],
  [['running', 'running'], 'running'],
  [['running', 'exited'], 'degraded'],
  [['running', 'created'], 'degraded'],
  [['paused', 'paused'], 'paused'],
  [['exited', 'exited'], 'exited'],
  [['exited', 'created'], 'stopped'],
  [['exited', 'restarting'], 'exited'],
  [['unknown', 'created'], 'error'],
] as const)('podStatus(%p) is %p, as with podman', (members, status) => expect(podStatus(members)).toBe(status))
