import { describe, expect, test } from 'bun:test'
import { plan, podText, refusal } from './_plan.ts'

const config = `---
apiVersion: v1
kind: ConfigMap
metadata: {name: conf}
data: {a.txt: "one", b.txt: "two"}
binaryData: {c.bin: AAE=}
`

const mounted = (mount: string) => `volumeMounts: [{name: v, mountPath: /v${mount}}]`
const withVolume = (volume: string, mount = '') => podText(mounted(mount), `volumes: [{name: v, ${volume}}]`) + config

const texts = (files: { path: string; bytes: Uint8Array; mode: number }[] = []) =>
  files.map(({ path, bytes, mode }) => [path, Buffer.from(bytes).toString(), mode.toString(8)])

describe('a volume', () => {
  test('of a ConfigMap is files that nobody writes to', async () => {
    const { pod, container } = await plan(withVolume('configMap: {name: conf, defaultMode: 0600}'))
    expect(pod.volumes).toEqual([
      { name: 'web-v', place: expect.stringContaining('spec.volumes[0]'), files: expect.anything() },
    ])
    expect(texts(pod.volumes[0]?.files)).toEqual([
      ['c.bin', '\0\u0001', '600'],
      ['a.txt', 'one', '600'],
      ['b.txt', 'two', '600'],
    ])
    expect(container.request.mounts).toMatchObject([
      { type: 'volume', name: 'web-v', destination: '/v', readOnly: true, copyUp: false },
    ])
  })

  test('items choose files, their places and modes', async () => {
    const { pod } = await plan(withVolume('configMap: {name: conf, items: [{key: a.txt, path: deep/x, mode: 0400}]}'))
    expect(texts(pod.volumes[0]?.files)).toEqual([['deep/x', 'one', '400']])
  })

  test('of something optional that is not there is not mounted', async () => {
    const { pod, container } = await plan(withVolume('secret: {secretName: gone, optional: true}'))
    expect(pod.volumes).toEqual([])
    expect(container.request.mounts).toEqual([])
  })

  test('emptyDir is one of the pod, or memory of one container', async () => {
    const onDisk = await plan(withVolume('emptyDir: {}'))
    expect(onDisk.pod.volumes).toMatchObject([{ name: 'web-v' }])
    expect(onDisk.pod.volumes[0]).not.toHaveProperty('files')
    const inMemory = await plan(withVolume('emptyDir: {medium: Memory, sizeLimit: 1Mi}'))
    expect(inMemory.container.request.mounts).toEqual([
      { type: 'tmpfs', destination: '/v', options: ['mode=1777', 'size=1048576'], copyUp: false },
    ])
  })

  test('of a claim lasts', async () => {
    const { container } = await plan(withVolume('persistentVolumeClaim: {claimName: data}', ', subPath: a/b'))
    expect(container.request.mounts).toMatchObject([
      { type: 'volume', name: 'data', readOnly: false, subpath: 'a/b', copyUp: true },
    ])
  })

  test('hostPath is a bind, a device, or a volume by its name', async () => {
    const bind = await plan(
      withVolume(
        'hostPath: {path: /srv, type: DirectoryOrCreate}',
        ', readOnly: true, mountPropagation: HostToContainer, subPath: x',
      ),
    )
    expect(bind.container.request.mounts).toMatchObject([
      { type: 'bind', source: '/srv/x', readOnly: true, propagation: 'rslave', createSource: false },
    ])
    expect(bind.pod.hostPaths).toMatchObject([{ path: '/srv', type: 'DirectoryOrCreate' }])
    const device = await plan(withVolume('hostPath: {path: /dev/null, type: CharDevice}'))
    expect(device.container.request).toMatchObject({ mounts: [], devices: ['/dev/null:/v'] })
    const named = await plan(withVolume('hostPath: {path: data}'))
    expect(named.container.request.mounts).toMatchObject([{ type: 'volume', name: 'data' }])
  })

  test('image', async () => {
    const { container } = await plan(withVolume('image: {reference: tools}'))
    expect(container.request.mounts).toEqual([{ type: 'image', image: 'tools', destination: '/v', readWrite: false }])
  })

  test('subPathExpr takes variables', async () => {
    const text = podText(
      'env: [{name: WHO, value: me}]\nvolumeMounts: [{name: v, mountPath: /v, subPathExpr: logs/$(WHO)}]',
      'volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]',
    )
    expect((await plan(text)).container.request.mounts).toMatchObject([{ subpath: 'logs/me' }])
  })

  test.each([
    [withVolume('nfs: {server: a, path: /}'), 'spec.volumes[0].nfs is not supported: use one of hostPath'],
    [withVolume('hostPath: {path: /x, type: Folder}'), 'type is "Folder", must be one of Directory'],
    [withVolume('hostPath: {path: ./x}'), 'is "./x", must be an absolute path'],
    [withVolume('configMap: {name: gone}'), 'configMap.name is "gone": there is no such ConfigMap'],
    [withVolume('configMap: {name: conf, items: [{key: z, path: z}]}'), 'key is "z": "conf" has no such key'],
    [
      withVolume('configMap: {name: conf, items: [{key: a.txt, path: ../z}]}'),
      'path is "../z", must be a relative path',
    ],
    [withVolume('emptyDir: {}', ', subPath: /etc'), 'subPath is "/etc", must be a relative path'],
    [withVolume('emptyDir: {}, configMap: {name: conf}'), 'has more than one of'],
    [podText('volumeMounts: [{name: w, mountPath: /v}]'), 'name is "w": the pod has no such volume'],
    [podText('volumeMounts: [{name: v, mountPath: v}]', 'volumes: [{name: v}]'), 'must be an absolute path'],
    [podText('', 'volumes: [{name: v}, {name: v}]'), 'there is another volume of this name'],
    [
      `${podText(mounted(''), 'volumes: [{name: v, emptyDir: {medium: Memory}}]')}  - {name: b, image: alpine, ${mounted('')}}`,
      'medium is "Memory": one of several containers is not supported',
    ],
  ])('is refused with the place: %#', async (text, message) => {
    expect(await refusal(text)).toContain(message)
  })
})

const claim = (annotations: string, spec = '') =>
  `apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data, labels: {a: b}, annotations: {${annotations}}}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}${spec}}\n`

describe('a PersistentVolumeClaim', () => {
  test('is a volume with the options in its annotations', async () => {
    const text = claim(
      'volume.podman.io/uid: "5", volume.podman.io/type: tmpfs, volume.podman.io/mount-options: size=1m, other: x',
    )
    const { claims, warnings } = await plan(text)
    expect(claims).toEqual([
      { name: 'data', labels: { a: 'b' }, driver: 'local', options: { type: 'tmpfs', o: 'size=1m' }, uid: 5 },
    ])
    expect(warnings).toEqual([])
  })

  test.each([
    [claim('volume.podman.io/image: x'), 'is not supported'],
    [claim('volume.podman.io/uid: me'), 'is "me", must be a number'],
    [claim('', ', volumeMode: Block'), 'volumeMode is "Block", must be one of Filesystem'],
  ])('is refused: %#', async (text, message) => {
    expect(await refusal(text)).toContain(message)
  })
})

describe('ConfigMaps and Secrets', () => {
  test.each([
    ['kind: ConfigMap\nmetadata: {name: a}\ndata: {x: 1}', 'data.x is 1, must be a text'],
    ['kind: ConfigMap\nmetadata: {name: a}\ndata: {x: "1"}\nbinaryData: {x: AAE=}', 'data.x is in "binaryData" too'],
    ['kind: Secret\nmetadata: {name: a}\ndata: {x: "?"}', 'data.x is not base64'],
    ['kind: Secret\nmetadata: {name: a}\nstringData: {..: "x"}', 'has the key ".."'],
    ['kind: Secret\nmetadata: {name: a}\n---\nkind: Secret\nmetadata: {name: a}', 'which another Secret has'],
  ])('%j is refused', async (text, message) => {
    expect(await refusal(text)).toContain(message)
  })
})
