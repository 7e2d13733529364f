// Kubernetes files under systemd: a Quadlet `.kube` unit from its start to its end, and limits that hold.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command, groupOf, image, ok, read, tspod, until } from './_vm.ts'

const systemctl = (...args: string[]) => command('systemctl', '--user', ...args)
const property = (name: string) => systemctl('show', 'shop.service', '--value', `--property=${name}`).stdout.trim()

const pod = `apiVersion: v1
kind: ConfigMap
metadata: {name: words}
data: {word: ready}
---
apiVersion: v1
kind: Pod
metadata: {name: shop}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  containers:
  - name: front
    image: alpine
    command: [sh, -c, 'cat /words/word; exec sleep 1000']
    resources: {limits: {memory: 64Mi, cpu: 500m}, requests: {memory: 32Mi}}
    volumeMounts: [{name: words, mountPath: /words}]
  - name: back
    image: alpine
    command: [sh, -c, 'trap "exit 3" TERM; while true; do sleep 0.1; done']
  volumes:
  - {name: words, configMap: {name: words}}
`

/** Starts the unit; what the journal says where that fails. */
function startUnit(): void {
  const { status, stderr } = systemctl('start', 'shop.service')
  const journal = status === 0 ? '' : command('journalctl', '--user', '--no-pager', '-n', '30', '-u', 'shop').stdout
  expect({ status, stderr, journal }).toEqual({ status: 0, stderr: '', journal: '' })
}

/** Volumes of other tests in this machine stay. */
const left = () => `${ok('pod', 'ps', '-q')}${ok('ps', '-aq')}${ok('volume', 'ls', '-q', '--filter', 'name=shop')}`

beforeAll(() => void ok('load', '--quiet', '--input', image), 120_000)
afterAll(() => void tspod('pod', 'rm', '--all', '--force', '--time', '0'), 60_000)

describe('a .kube file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kube-'))

  beforeAll(() => {
    writeFileSync(join(folder, 'shop.yaml'), pod)
    writeFileSync(join(folder, 'shop.kube'), '[Kube]\nYaml=shop.yaml\nNetwork=none\nExitCodePropagation=any\n')
    // files beside it are copied too
    expect(ok('quadlet', 'install', folder)).toContain('shop.yaml')
  }, 60_000)

  test('is a service that is there once the pod runs', () => {
    startUnit()
    expect(property('ActiveState')).toBe('active')
    expect(ok('ps', '--format', '{{.Names}}').split('\n')).toEqual(expect.arrayContaining(['shop-front', 'shop-back']))
    expect(command('ps', '-o', 'args=', '-p', property('MainPID')).stdout).toContain('kube play --replace --wait')
    expect(ok('logs', 'shop-front')).toBe('ready')
  })

  test('its limits hold, in groups outside of the service', () => {
    const group = groupOf('shop-front')
    expect(['memory.max', 'memory.low', 'cpu.max'].map(file => read(group, file))).toEqual([
      '67108864',
      '33554432',
      '50000 100000',
    ])
    expect(group).not.toContain('shop.service')
  })

  test('a stop takes all of it away', () => {
    expect(systemctl('stop', 'shop.service').status).toBe(0)
    expect(['ActiveState', 'Result'].map(property)).toEqual(['inactive', 'success'])
    expect(left()).toBe('')
  })

  test('where its command is killed, nothing stays either', async () => {
    startUnit()
    command('kill', '-KILL', property('MainPID'))
    await until('the service to end', () => property('ActiveState') === 'failed')
    expect(left()).toBe('')
    systemctl('reset-failed', 'shop.service')
  })

  test('it ends with its containers, and as they ended', async () => {
    startUnit()
    ok('kill', '--signal', 'TERM', 'shop-back')
    ok('kill', 'shop-front')
    await until('the service to end', () => property('ActiveState') === 'failed')
    expect(property('Result')).toBe('exit-code')
    expect(['3', '137']).toContain(property('ExecMainStatus'))
    expect(left()).toBe('')
    systemctl('reset-failed', 'shop.service')
    ok('quadlet', 'rm', 'shop.kube')
  })
})
