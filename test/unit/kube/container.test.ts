import { describe, expect, test } from 'bun:test'
import { plan, podText, refusal } from './_plan.ts'

const data = `
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {COLOUR: blue, not-a=key: x}
`.replace(', not-a=key: x', '')

const more = `${data}---
apiVersion: v1
kind: Secret
metadata: {name: keys}
data: {password: c2VjcmV0}
stringData: {USER: me}
`

const requestOf = async (container: string, spec = '', rest = '') =>
  (await plan(podText(container, spec) + rest)).container.request

describe('command and args', () => {
  test('command replaces the entrypoint, args the command', async () => {
    expect(await requestOf('command: [sh, -c]\nargs: [echo]')).toMatchObject({
      entrypoint: ['sh', '-c'],
      command: ['echo'],
    })
    const onlyArgs = await requestOf('args: [echo]')
    expect(onlyArgs.entrypoint).toBeUndefined()
    expect(onlyArgs.command).toEqual(['echo'])
  })

  test('references to variables are replaced, others stay, $$ is a dollar sign', async () => {
    const request = await requestOf(
      'env: [{name: A, value: "1"}, {name: B, value: "$(A)2"}]\nargs: ["$(B)", "$(C)", "$$(A)", $A]',
    )
    expect(request.command).toEqual(['12', '$(C)', '$(A)', '$A'])
    expect(request.env).toEqual(['A=1', 'B=12'])
  })
})

describe('env', () => {
  test('envFrom takes all keys, env wins', async () => {
    const request = await requestOf(
      'envFrom: [{configMapRef: {name: settings}}, {prefix: S_, secretRef: {name: keys}}]\nenv: [{name: COLOUR, value: red}]',
      '',
      more,
    )
    expect(request.env).toEqual(['COLOUR=red', 'S_password=secret', 'S_USER=me'])
  })

  test('valueFrom takes keys, fields of the pod and resources', async () => {
    const request = await requestOf(
      `resources: {limits: {cpu: 1500m, memory: 64Mi}}
env:
- {name: A, valueFrom: {configMapKeyRef: {name: settings, key: COLOUR}}}
- {name: B, valueFrom: {secretKeyRef: {name: keys, key: password}}}
- {name: C, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
- {name: D, valueFrom: {fieldRef: {fieldPath: "metadata.labels['tier']"}}}
- {name: E, valueFrom: {fieldRef: {fieldPath: "metadata.annotations['note']"}}}
- {name: F, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}
- {name: G, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 1Mi}}}
- {name: H, valueFrom: {resourceFieldRef: {resource: requests.cpu, divisor: 1m}}}
- {name: I, valueFrom: {secretKeyRef: {name: gone, key: x, optional: true}}}
- {name: J, valueFrom: {configMapKeyRef: {name: settings, key: gone, optional: true}}}`,
      '',
      more,
    )
    expect(request.env).toEqual(['A=blue', 'B=secret', 'C=web', 'D=front', 'E=hello', 'F=2', 'G=64', 'H=1500'])
  })

  test('without a limit it is that of the machine', async () => {
    const env = 'env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}]'
    expect((await requestOf(env)).env).toEqual(['A=4'])
  })

  test('metadata.uid is left to whoever makes the pod', async () => {
    const { container } = await plan(podText('env: [{name: ID, valueFrom: {fieldRef: {fieldPath: metadata.uid}}}]'))
    expect(container.podIdVariables).toEqual(['ID'])
  })

  test.each([
    [
      'env: [{name: A, valueFrom: {configMapKeyRef: {name: gone, key: x}}}]',
      'name is "gone": there is no such ConfigMap',
    ],
    ['env: [{name: A, valueFrom: {configMapKeyRef: {name: settings, key: gone}}}]', '"settings" has no such key'],
    ['envFrom: [{secretRef: {name: gone}}]', 'there is no such Secret'],
    ['envFrom: [{}]', 'has none of configMapRef, secretRef'],
    ['env: [{name: A, value: 1}]', 'env[0].value is 1, must be a text'],
    ['env: [{name: A, value: x, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]', 'has both'],
    [
      'env: [{name: A, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}]',
      'is "status.hostIP", must be metadata.name',
    ],
    ['env: [{name: A=B}]', 'must be without "="'],
  ])('%s is refused', async (container, message) => {
    expect(await refusal(podText(container) + data)).toContain(message)
  })
})

describe('securityContext', () => {
  test("the container's own counts before the pod's", async () => {
    const spec =
      'securityContext: {runAsUser: 1000, runAsGroup: 1001, supplementalGroups: [5, 6], seLinuxOptions: {level: s0}}'
    const own = `securityContext:
  runAsUser: 7
  privileged: true
  readOnlyRootFilesystem: true
  allowPrivilegeEscalation: false
  procMount: Unmasked
  capabilities: {add: [NET_ADMIN], drop: [ALL]}
  seccompProfile: {type: Localhost, localhostProfile: strict.json}
  appArmorProfile: {type: Unconfined}`
    expect(await requestOf(own, spec)).toMatchObject({
      user: '7:1001',
      groupAdd: ['5', '6'],
      privileged: true,
      readOnly: true,
      readOnlyTmpfs: false,
      capAdd: ['NET_ADMIN'],
      capDrop: ['ALL'],
      securityOpts: [
        'no-new-privileges',
        'unmask=ALL',
        'label=level:s0',
        'seccomp=/profiles/strict.json',
        'apparmor=unconfined',
      ],
    })
  })

  test('what is not said is left to the configuration', async () => {
    const { unsaid } = await requestOf('securityContext: {privileged: false}')
    expect(unsaid).not.toContain('privileged')
    expect(unsaid).toContain('readOnly')
  })

  test('runAsNonRoot is looked at, or left to who knows the image', async () => {
    expect((await plan(podText('', 'securityContext: {runAsNonRoot: true}'))).container.nonRootPlace).toContain(
      'runAsNonRoot',
    )
    expect(
      (await plan(podText('securityContext: {runAsNonRoot: true, runAsUser: 5}'))).container.nonRootPlace,
    ).toBeUndefined()
    expect(await refusal(podText('securityContext: {runAsNonRoot: true, runAsUser: 0}'))).toContain('"runAsUser" is 0')
  })

  test('sysctls are those of the pod', async () => {
    const { pod } = await plan(podText('', 'securityContext: {sysctls: [{name: net.core.somaxconn, value: "99"}]}'))
    expect(pod.request.infra?.sysctls).toEqual({ 'net.core.somaxconn': '99' })
  })

  test.each([
    ['securityContext: {runAsGroup: 5}', 'runAsGroup needs "runAsUser"'],
    ['securityContext: {runAsUser: root}', 'runAsUser is "root", must be a whole number'],
    ['securityContext: {runAsUsers: 5}', 'securityContext.runAsUsers is an unknown field'],
    ['securityContext: {windowsOptions: {hostProcess: true}}', 'is not supported: this is Linux'],
    ['securityContext: {seccompProfile: {type: Localhost, localhostProfile: ../x}}', 'must be a path below'],
    ['securityContext: {seccompProfile: {type: Strict}}', 'must be one of RuntimeDefault, Unconfined, Localhost'],
  ])('%s is refused', async (container, message) => {
    expect(await refusal(podText(container))).toContain(message)
  })
})

describe('resources', () => {
  test('limits become limits, requests wishes', async () => {
    const { container } = await plan(
      podText('resources: {limits: {cpu: 250m, memory: 64Mi}, requests: {cpu: "0.1", memory: 32e6}}'),
    )
    expect(container.request.resources).toEqual({
      cpu: { period: 100_000, quota: 25_000 },
      memory: { limit: 64 * 2 ** 20, swap: 128 * 2 ** 20 },
    })
    expect(container.wishes).toEqual({ cpu: { shares: 102 }, memory: { reservation: 32_000_000 } })
  })

  test('--soft-limits is said to every container', async () => {
    expect((await plan(podText(), { softLimits: true })).container.request.softLimits).toBe(true)
  })

  test.each([
    ['resources: {limits: {cpu: fast}}', 'limits.cpu is "fast", must be an amount'],
    ['resources: {limits: {nvidia.com/gpu: 1}}', 'limits["nvidia.com/gpu"] is not supported'],
    ['resources: {limits: {cpu: 1}, requests: {cpu: 2}}', 'requests.cpu is more than the limit'],
  ])('%s is refused', async (container, message) => {
    expect(await refusal(podText(container))).toContain(message)
  })
})

describe('probes', () => {
  test('exec is run as it is; what fails is started again', async () => {
    const { health } = await requestOf(
      'livenessProbe: {exec: {command: [test, -e, /ok]}, initialDelaySeconds: 5, failureThreshold: 2}',
    )
    expect(health).toEqual({
      test: ['CMD', 'test', '-e', '/ok'],
      intervalMs: 10_000,
      timeoutMs: 1000,
      retries: 2,
      startPeriodMs: 5000,
      onFailure: 'restart',
    })
  })

  test('with restartPolicy Never what fails is ended', async () => {
    const { health } = await requestOf('livenessProbe: {exec: {command: [x]}}', 'restartPolicy: Never')
    expect(health?.onFailure).toBe('kill')
  })

  test('httpGet and tcpSocket find ports by name, and quote', async () => {
    const ports = 'ports: [{name: http, containerPort: 8080}]'
    const get = await requestOf(
      `${ports}\nlivenessProbe: {httpGet: {path: "/a'b", port: http, httpHeaders: [{name: X, value: y z}]}}`,
    )
    expect(get.health?.test).toEqual([
      'CMD-SHELL',
      "if command -v curl >/dev/null; then curl -fsSk -o /dev/null -H 'X: y z' 'http://localhost:8080/a'\\''b'; else wget -q -O /dev/null --header='X: y z' 'http://localhost:8080/a'\\''b'; fi",
    ])
    const tcp = await requestOf(`${ports}\nlivenessProbe: {tcpSocket: {port: 81}}`)
    expect(tcp.health?.test).toEqual(['CMD-SHELL', 'nc -z -w 1 localhost 81'])
  })

  test('a startup probe comes before the liveness probe, or is all there is', async () => {
    const startup = 'startupProbe: {exec: {command: [up]}, periodSeconds: 1, failureThreshold: 30}'
    const both = await requestOf(`livenessProbe: {exec: {command: [live]}}\n${startup}`)
    expect(both.health).toMatchObject({
      test: ['CMD', 'live'],
      startup: { test: ['CMD', 'up'], intervalMs: 1000, retries: 30, successes: 1 },
    })
    expect((await requestOf(startup)).health).toMatchObject({ intervalMs: 'disable', startup: { test: ['CMD', 'up'] } })
  })

  test.each([
    ['livenessProbe: {}', 'livenessProbe must have one of exec, httpGet, tcpSocket'],
    ['livenessProbe: {grpc: {port: 1}}', 'grpc is not supported'],
    ['livenessProbe: {tcpSocket: {port: web}}', 'port is "web": the container has no port of this name'],
    ['livenessProbe: {exec: {command: [x]}, periodSeconds: 0}', 'periodSeconds is 0, must be a whole number from 1'],
  ])('%s is refused', async (container, message) => {
    expect(await refusal(podText(container))).toContain(message)
  })
})

describe('the rest of a container', () => {
  test('name, labels, annotations, terminal, folder, end', async () => {
    const request = await requestOf(
      'tty: true\nstdin: true\nworkingDir: /srv\nimagePullPolicy: Never\nlifecycle: {stopSignal: SIGUSR1}',
      'terminationGracePeriodSeconds: 3',
    )
    expect(request).toMatchObject({
      name: 'web-app',
      image: 'alpine',
      tty: true,
      interactive: true,
      workdir: '/srv',
      pull: 'never',
      stopSignal: 'SIGUSR1',
      stopTimeoutSeconds: 3,
      labels: { tier: 'front' },
      annotations: { note: 'hello' },
      restart: { name: 'always' },
    })
    expect((await plan(podText(), { noPodPrefix: true })).container.request.name).toBe('app')
  })

  test.each([
    ['alpine', 'missing'],
    ['quay.io/a/b', 'newer'],
    ['quay.io/a/b:latest', 'newer'],
    ['quay.io/a/b:1', 'missing'],
    ['quay.io/a/b@sha256:00', 'missing'],
    ['localhost/a', 'missing'],
  ])('without a policy %s is pulled when %s', async (image, policy) => {
    const { container } = await plan(podText().replace('alpine', image))
    expect(container.request.pull).toBe(policy as 'missing')
  })

  test("podman's annotations for ulimits and inits are honoured, others told of", async () => {
    const text = podText().replace(
      'note: hello',
      '"io.podman.annotations.ulimit": "nofile=10:20", "io.podman.annotations.init/app": "TRUE", "io.podman.annotations.odd": x',
    )
    const { container, warnings } = await plan(text)
    expect(container.request).toMatchObject({ ulimits: ['nofile=10:20'], init: true })
    expect(warnings).toEqual([expect.stringContaining('"io.podman.annotations.odd" is kept, and does nothing')])
  })

  test('what is passed over is told by name', async () => {
    const { warnings } = await plan(
      podText(
        'readinessProbe: {exec: {command: [x]}}\nlifecycle: {preStop: {exec: {command: [x]}}}',
        'serviceAccountName: me',
      ),
    )
    expect(warnings.map(text => /: (\S+) is passed over/.exec(text)?.[1])).toEqual([
      'spec.serviceAccountName',
      'spec.containers[0].readinessProbe',
      'spec.containers[0].lifecycle.preStop',
    ])
  })

  test.each([
    ['imagePullPolicy: Sometimes', 'imagePullPolicy is "Sometimes", must be one of'],
    ['comand: [x]', 'spec.containers[0].comand is an unknown field'],
    ['volumeDevices: [{name: x, devicePath: /dev/x}]', 'volumeDevices is not supported'],
    ['args: sleep', 'args is "sleep", must be a list'],
  ])('%s is refused', async (container, message) => {
    expect(await refusal(podText(container))).toContain(message)
  })
})
