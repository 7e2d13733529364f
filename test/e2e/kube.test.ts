// Kubernetes files: what a play makes of them, what `kube down` takes away, and what `kube generate` writes.
import { describe, expect } from 'bun:test'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { read, tspodOnly, until, useSandbox, write } from './sandbox.ts'

const box = useSandbox('alpine')
const { tspod, tspodWith, ok, start } = box

const file = (name: string, text: string) => write(box.home, name, text)
/** Ids below their headings, as `kube play` prints them. */
const idsBelow = (output: string, heading: string) =>
  new RegExp(`^${heading}\n((?:[^\\s:]+\n)*)`, 'm').exec(`${output}\n`)?.[1]?.split('\n').filter(Boolean) ?? []
const containers = async () => (await ok('ps', '-a', '--format', '{{.Names}}')).split('\n').filter(Boolean).toSorted()
const volumes = async () => (await ok('volume', 'ls', '-q')).split('\n').filter(Boolean)

/** Nothing of a play is there: no pod, container or volume, and none half made. */
async function expectNothing() {
  expect({
    pods: await ok('pod', 'ps', '-q'),
    containers: await containers(),
    volumes: await volumes(),
    folders: readdirSync(join(box.graphRoot, 'containers')),
    names: readdirSync(join(box.graphRoot, 'names')),
  }).toEqual({ pods: '', containers: [], volumes: [], folders: [], names: [] })
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  return port
}

const settings = `apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {COLOUR: blue, index.html: "hello from kube"}
`
const rest = `apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {password: s3cret}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
`
const web = (port: number) => `${rest}---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  terminationGracePeriodSeconds: 0
  initContainers:
  - name: first
    image: alpine
    command: [sh, -c, 'echo made >> /data/init']
    volumeMounts: [{name: data, mountPath: /data}]
  containers:
  - name: server
    image: alpine
    command: [httpd, -f, -p, "80", -h, /www]
    ports: [{containerPort: 80, hostPort: ${port}}]
    volumeMounts: [{name: www, mountPath: /www}, {name: shared, mountPath: /shared}]
  - name: other
    image: alpine
    command: [sleep]
    args: ["$(TIME)"]
    securityContext: {runAsUser: 1000}
    env:
    - {name: TIME, value: "1000"}
    - {name: PASSWORD, valueFrom: {secretKeyRef: {name: keys, key: password}}}
    - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.uid}}}
    envFrom: [{configMapRef: {name: settings}}]
    volumeMounts:
    - {name: data, mountPath: /data}
    - {name: keys, mountPath: /keys}
    - {name: shared, mountPath: /shared}
  volumes:
  - {name: www, configMap: {name: settings, items: [{key: index.html, path: index.html}]}}
  - {name: keys, secret: {secretName: keys, defaultMode: 0440}}
  - {name: shared, emptyDir: {}}
  - {name: data, persistentVolumeClaim: {claimName: data}}
`

tspodOnly('slirp4netns', 'tun')('a pod of two containers, from its file to its end', async () => {
  const port = await freePort()
  const path = file('web.yaml', web(port))
  const configMap = file('settings.yaml', settings)
  const other = (script: string) => ok('exec', 'web-other', 'sh', '-c', script)
  const answer = async () => await (await fetch(`http://127.0.0.1:${port}/`)).text()

  // made with its volumes, it answers at its port
  const output = await ok('kube', 'play', '--configmap', configMap, path)
  const [pod] = idsBelow(output, 'Pod:')
  expect(idsBelow(output, 'Volumes:')).toEqual(['data'])
  expect(idsBelow(output, 'Containers:').toSorted()).toEqual(
    (await ok('inspect', '--format', '{{.Id}}', 'web-server', 'web-other')).split('\n').toSorted(),
  )
  expect(await ok('pod', 'inspect', '--format', '{{.Id}} {{.State}}', 'web')).toBe(`${pod} Running`)
  expect(await answer()).toBe('hello from kube')
  const env = (await ok('exec', 'web-other', 'env')).split('\n')
  expect(env).toEqual(expect.arrayContaining(['COLOUR=blue', 'PASSWORD=s3cret', `POD=${pod}`]))
  expect(await other('cat /proc/1/cmdline')).toBe('sleep\x001000\x00')
  expect(await other('hostname; wget -qO- localhost')).toBe('web\nhello from kube')

  // its volumes are as they were asked for
  expect(await other('cat /data/init')).toBe('made')
  expect(await other('stat -c "%a %u" /keys/password; cat /keys/password 2>/dev/null || echo secret')).toBe(
    '440 0\nsecret',
  )
  expect(await other('touch /keys/x 2>&1 || echo refused')).toContain('Read-only file system\nrefused')
  await other('echo shared > /shared/file')
  expect(await ok('exec', 'web-server', 'cat', '/shared/file')).toBe('shared')
  expect((await volumes()).toSorted()).toEqual(['data', 'web-keys', 'web-shared', 'web-www'])

  // a second play is refused; --replace makes it anew and keeps its claim
  const second = await tspod('kube', 'play', '--configmap', configMap, path)
  expect({ status: second.status, stderr: second.stderr }).toEqual({
    status: 125,
    stderr: expect.stringContaining('name "web" is in use: pod already exists'),
  })
  await ok('kube', 'play', '--replace', '--configmap', configMap, path)
  const replaced = await ok('pod', 'inspect', '--format', '{{.Id}}', 'web')
  expect(replaced).not.toBe(pod ?? '')
  expect(await other('cat /data/init; ls /shared')).toBe('made\nmade')
  expect(await answer()).toBe('hello from kube')

  // what is generated of it can be played again
  await ok('kube', 'generate', '-s', '-f', 'again.yaml', 'web')
  expect((await tspod('kube', 'generate', '-f', 'again.yaml', 'web')).stderr).toContain('file exists')
  expect(await ok('kube', 'down', path)).toBe(`Pods stopped:\n${replaced}\nPods removed:\n${replaced}`)
  expect(await volumes()).toEqual(['data'])
  const { status, stderr } = await tspod('kube', 'play', 'again.yaml')
  expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringContaining('kind "Service" is passed over') })
  expect(await other('cat /data/init; id -u; echo more > /shared/x')).toBe('made\nmade\n1000')
  expect(await ok('exec', 'web-server', 'cat', '/shared/x')).toBe('more')
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404)

  // kube down takes it away, --force its claim too, and is fine with nothing
  await ok('kube', 'down', path)
  expect(await ok('kube', 'play', '--down', '--force', path)).toBe(
    'Pods stopped:\nPods removed:\nVolumes removed:\ndata',
  )
  expect(await ok('kube', 'down', path)).toBe('Pods stopped:\nPods removed:')
  await expectNothing()
})

const small = (command: string, more = '') => `apiVersion: v1
kind: Pod
metadata: {name: small}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  containers:
  - name: a
    image: alpine
    command: ${command}
${more}`

describe('what fails leaves nothing', () => {
  const mistakes: [string, string, string][] = [
    [
      'a program that is not there',
      small('[/no/such/program]', '  volumes: [{name: v, emptyDir: {}}]'),
      'no such file or directory',
    ],
    [
      'an image that is not there',
      small('[x]', '    imagePullPolicy: Never').replace('alpine', 'gone'),
      'gone: image not known',
    ],
    [
      'an init container that fails',
      small('[sleep, "9"]', '  initContainers: [{name: i, image: alpine, command: ["false"]}]'),
      'exited with code 1',
    ],
    [
      'a user that must not be root',
      small('[sleep, "9"]', '    securityContext: {runAsNonRoot: true}'),
      'runAsNonRoot is true, but image "alpine" runs as root',
    ],
    [
      'a folder that is not there',
      small('[x]', '  volumes: [{name: v, hostPath: {path: /no/such, type: Directory}}]'),
      '"/no/such" is not there',
    ],
    [
      'a claim that cannot be',
      `apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: a, annotations: {volume.podman.io/type: ext4}}\n---\n${small('[x]')}`,
      'type=ext4',
    ],
    [
      'a second pod that fails',
      `${small('[sleep, "9"]')}---\n${small('[/no/such]').replace('small', 'second')}`,
      'starting pod "second"',
    ],
    ['no YAML', 'a: [', 'document 1, line'],
    [
      'an unknown field',
      small('[x]', '    imagee: x'),
      'document 1, line 11: spec.containers[0].imagee is an unknown field',
    ],
    ['nothing that is played', 'kind: Service\nmetadata: {name: x}', 'does not contain any supported kube kind'],
  ]
  for (const [what, text, message] of mistakes)
    tspodOnly()(what, async () => {
      const { status, stderr } = await tspodWith({ stdin: text }, 'kube', 'play', '--network', 'none', '-')
      expect({ status, stderr }).toEqual({ status: 125, stderr: expect.stringContaining(message) })
      await expectNothing()
    })

  tspodOnly()('a file that is not there is named', async () => {
    const { status, stderr } = await tspod('kube', 'play', 'gone.yaml')
    expect({ status, stderr }).toEqual({ status: 125, stderr: expect.stringContaining('reading "gone.yaml"') })
  })
})

describe('options of kube play', () => {
  const played = async (text: string, ...options: string[]) =>
    await tspodWith({ stdin: text }, 'kube', 'play', '--network', 'none', ...options, '-')

  tspodOnly()('--start=false only makes it, --no-pod-prefix leaves the prefix out', async () => {
    expect((await played(small('[sleep, "1000"]'), '--start=false', '--no-pod-prefix')).status).toBe(0)
    expect(await ok('inspect', '--format', '{{.State.Status}}', 'a')).toBe('created')
    await ok('pod', 'start', 'small')
    expect(await ok('inspect', '--format', '{{.State.Status}}', 'a')).toBe('running')
    expect((await tspodWith({ stdin: small('[x]') }, 'kube', 'down', '-')).status).toBe(0)
    await expectNothing()
  })

  tspodOnly()('--wait stays until all has ended, and takes it away', async () => {
    const job = small('[sh, -c, "exit 3"]')
    expect((await played(job, '--wait')).status).toBe(0)
    expect((await played(job, '--wait', '--service-exit-code-propagation=any')).status).toBe(3)
    await expectNothing()
  })

  tspodOnly()('--wait ends at SIGTERM, and takes all away', async () => {
    const path = file('long.yaml', small('[sleep, "1000"]'))
    const running = start('kube', 'play', '--network', 'none', '--wait', path)
    await until('the pod', async () => (await ok('ps', '--format', '{{.Names}}')).includes('small-a'))
    running.kill('SIGTERM')
    await running.exited
    expect(running.exitCode).toBe(0)
    await expectNothing()
  })

  tspodOnly()('--build makes images of folders beside', async () => {
    mkdirSync(join(box.home, 'own'))
    write(join(box.home, 'own'), 'Containerfile', 'FROM alpine\nCMD ["sleep", "77"]\n')
    const text = `apiVersion: v1\nkind: Pod\nmetadata: {name: built}\nspec: {terminationGracePeriodSeconds: 0, containers: [{name: a, image: own}]}\n`
    expect((await played(text, '--build=false')).status).toBe(125)
    expect((await played(text)).status).toBe(0)
    expect(await ok('exec', 'built-a', 'cat', '/proc/1/cmdline')).toBe('sleep\x0077\x00')
    await tspodWith({ stdin: text }, 'kube', 'down', '-')
    await ok('rmi', 'own')
  })

  tspodOnly()('hostPath makes what may be made, and devices are devices', async () => {
    const folder = join(box.home, 'made/deep')
    const text = small(
      '[sh, -c, "echo x > /v/f; : < /zero && sleep 1000"]',
      `    volumeMounts: [{name: v, mountPath: /v}, {name: d, mountPath: /zero}, {name: m, mountPath: /m}]
  volumes:
  - {name: v, hostPath: {path: ${folder}, type: DirectoryOrCreate}}
  - {name: d, hostPath: {path: /dev/zero, type: CharDevice}}
  - {name: m, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
`,
    )
    expect((await played(text)).stderr).toBe('')
    await until('the file', () => existsSync(join(folder, 'f')))
    expect(read(join(folder, 'f'))).toBe('x\n')
    expect(await ok('exec', 'small-a', 'sh', '-c', 'df -P /m | tail -1')).toMatch(/^tmpfs +1024 /)
    await tspodWith({ stdin: text }, 'kube', 'down', '-')
    await expectNothing()
  })

  for (const option of ['--service-container', '--no-such'])
    tspodOnly()(`${option} is refused by name`, async () => {
      const { status, stderr } = await tspod('kube', 'play', option, 'x.yaml')
      expect({ status, stderr }).toEqual({ status: 125, stderr: expect.stringContaining(option) })
    })
})

tspodOnly()('a liveness probe that fails has its container started again', async () => {
  const text = small(
    '[sleep, "1000"]',
    '    livenessProbe: {exec: {command: ["false"]}, periodSeconds: 1, failureThreshold: 1}',
  ).replace('Never', 'Always')
  expect((await tspodWith({ stdin: text }, 'kube', 'play', '--network', 'none', '-')).status).toBe(0)
  await until('a restart', async () => Number(await ok('inspect', '--format', '{{.RestartCount}}', 'small-a')) > 0)
  await tspodWith({ stdin: text }, 'kube', 'down', '-')
  await expectNothing()
})

tspodOnly()('a service manager hears when all is up', async () => {
  const { openDatagramSocket, receiveDatagram } = await import('#sys/datagram.ts')
  const path = join(box.runtime, 'manager.sock')
  using socket = openDatagramSocket(path)
  const played = tspodWith(
    { env: { NOTIFY_SOCKET: path }, stdin: small('[sleep, "1"]') },
    ...'kube play --network none --wait -'.split(' '),
  )
  await until('READY=1', () => receiveDatagram(socket.number) === 'READY=1')
  expect(await ok('ps', '--format', '{{.Names}}')).toContain('small-a')
  expect((await played).status).toBe(0)
  await expectNothing()
})
