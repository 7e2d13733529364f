// Builds for several platforms: an image for each, and a list of them.
import { describe, expect } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { tspodOnly, useSandbox, write } from './sandbox.ts'

const box = useSandbox('alpine')
const { ok, tspod } = box
const registry = process.env.TSPOD_TEST_REGISTRY ?? ''
let number = 0

function context(containerfile: string): string {
  const folder = box.folder(`context-${++number}`)
  write(folder, 'Containerfile', containerfile)
  write(folder, 'file-amd64', 'for amd64\n')
  write(folder, 'file-arm64', 'for arm64\n')
  return folder
}

interface Index {
  manifests: { digest: string; platform: { os: string; architecture: string } }[]
}

const file = 'FROM scratch\nARG TARGETARCH\nCOPY file-${TARGETARCH} /file\nLABEL arch=$TARGETARCH\n'

describe('--platform a,b', () => {
  tspodOnly()('makes a list under the name, which goes to a registry whole', async () => {
    const name = `${registry}/platforms/plain:1`
    const iid = join(box.home, 'iid')
    const { status, stdout, stderr } = await tspod(
      'build',
      '--platform',
      'linux/amd64,linux/arm64',
      '-t',
      name,
      '--iidfile',
      iid,
      context(file),
    )
    expect([status, status === 0 ? '' : stderr]).toEqual([0, ''])
    expect(stderr).toContain('[linux/arm64 stage-0 2/2] COPY file-arm64 /file')
    expect(readFileSync(iid, 'utf8')).toBe(`sha256:${stdout.trim()}`)
    const index = JSON.parse(await ok('manifest', 'inspect', name)) as Index
    expect(index.manifests.map(({ platform }) => `${platform.os}/${platform.architecture}`)).toEqual([
      'linux/amd64',
      'linux/arm64',
    ])
    await ok('image', 'prune', '-f')
    await ok('push', '-q', name)
    const raw = Bun.spawnSync(['skopeo', 'inspect', '--raw', '--tls-verify=false', `docker://${name}`])
    const pushed = JSON.parse(raw.stdout.toString()) as Index
    expect(pushed.manifests.map(({ platform }) => platform.architecture)).toEqual(['amd64', 'arm64'])
    const layout = box.folder('copied')
    const copy = ['--override-arch', 'arm64', '--insecure-policy', 'copy', '-q', '--src-tls-verify=false']
    expect(Bun.spawnSync(['skopeo', ...copy, `docker://${name}`, `dir:${layout}`]).exitCode).toBe(0)
    const manifest = JSON.parse(readFileSync(join(layout, 'manifest.json'), 'utf8')) as {
      config: { digest: string }
      layers: { digest: string }[]
    }
    const config = JSON.parse(readFileSync(join(layout, manifest.config.digest.slice(7)), 'utf8')) as object
    expect(config).toMatchObject({ architecture: 'arm64', config: { Labels: { arch: 'arm64' } } })
    const layer = join(layout, manifest.layers[0]?.digest.slice(7) ?? '')
    expect(Bun.spawnSync(['tar', '-xzOf', layer, 'file']).stdout.toString()).toBe('for arm64\n')
  })

  tspodOnly()('-o makes a folder for each', async () => {
    const out = join(box.home, 'out')
    await ok('build', '-q', '--platform', 'linux/amd64,linux/arm64', '-o', out, context(file))
    expect(readFileSync(join(out, 'linux_amd64/file'), 'utf8')).toBe('for amd64\n')
    expect(readFileSync(join(out, 'linux_arm64/file'), 'utf8')).toBe('for arm64\n')
    const kindOf = (kind: string): string[] => [
      '--platform',
      'linux/amd64,linux/arm64',
      '-o',
      `type=${kind},dest=${out}.tar`,
    ]
    const refused = await tspod('build', ...kindOf('docker'), context(file))
    expect([refused.status, refused.stderr]).toEqual([125, expect.stringContaining('hold one platform each')])
  })

  tspodOnly()('-o type=tar puts a folder for each into one archive', async () => {
    const archive = join(box.home, 'files.tar')
    await ok('build', '-q', '--platform', 'linux/amd64,linux/arm64', '-o', `type=tar,dest=${archive}`, context(file))
    const inside = (...words: string[]): string => {
      const { exitCode, stdout, stderr } = Bun.spawnSync(['tar', ...words])
      return `${exitCode}${stderr.toString()} ${stdout.toString()}`
    }
    expect(inside('-tf', archive)).toBe('0 linux_amd64/\nlinux_amd64/file\nlinux_arm64/\nlinux_arm64/file\n')
    expect(inside('-xOf', archive, 'linux_arm64/file')).toBe('0 for arm64\n')
    const { status, stdout } = await tspod(
      'build',
      '-q',
      '--platform',
      'linux/amd64,linux/arm64',
      '-o',
      '-',
      context(file),
    )
    expect([status, stdout]).toEqual([0, readFileSync(archive, 'latin1')])
  })

  tspodOnly()('-o type=oci makes one archive of all, which load and others take', async () => {
    const archive = join(box.home, 'all.tar')
    const platforms = ['--platform', 'linux/amd64,linux/arm64']
    await ok('build', '-q', ...platforms, '-t', 'localhost/all:v1', '-o', `type=oci,dest=${archive}`, context(file))
    const inside = (path: string): string => Bun.spawnSync(['tar', '-xOf', archive, path]).stdout.toString()
    const top = JSON.parse(inside('index.json')) as { manifests: { digest: string; annotations: object }[] }
    expect(top.manifests.map(({ annotations }) => annotations)).toEqual([
      { 'org.opencontainers.image.ref.name': 'localhost/all:v1' },
    ])
    const list = JSON.parse(inside(`blobs/sha256/${top.manifests[0]?.digest.slice(7) ?? ''}`)) as Index
    expect(list.manifests.map(({ platform }) => platform.architecture)).toEqual(['amd64', 'arm64'])
    expect(await ok('manifest', 'inspect', 'localhost/all:v1')).toContain(list.manifests[0]?.digest ?? '-')
    await ok('rmi', 'localhost/all:v1')
    await ok('load', '-q', '-i', archive)
    const here = process.arch === 'x64' ? 'amd64' : 'arm64'
    expect(await ok('image', 'inspect', '-f', '{{.Architecture}}', 'localhost/all:v1')).toBe(here)
  })

  tspodOnly()('--cache-to takes what all platforms made', async () => {
    const cache = join(box.home, 'cache-of-all')
    const platforms = ['--platform', 'linux/amd64,linux/arm64']
    const folder = context(file)
    await ok('build', '-q', ...platforms, '--no-cache', '--cache-to', `type=local,dest=${cache}`, folder)
    await ok('system', 'prune', '--all', '--force', '--build')
    const { status, stderr } = await tspod('build', ...platforms, '--cache-from', `type=local,src=${cache}`, folder)
    expect(status).toBe(0)
    expect(stderr.match(/CACHED/g)?.length).toBe(stderr.match(/COPY file-/g)?.length)
  })

  tspodOnly()('--manifest adds to a list, one build after the other', async () => {
    for (const arch of ['amd64', 'arm64'])
      await ok('build', '-q', '--platform', `linux/${arch}`, '--manifest', 'both', context(file))
    const index = JSON.parse(await ok('manifest', 'inspect', 'both')) as Index
    expect(index.manifests.map(({ platform }) => platform.architecture)).toEqual(['amd64', 'arm64'])
  })

  tspodOnly()('a RUN for another processor runs by its binfmt entry, or names what is missing', async () => {
    const foreign =
      process.arch === 'x64' ? { oci: 's390x', entry: 'qemu-s390x' } : { oci: 'amd64', entry: 'qemu-x86_64' }
    const folder = context('FROM scratch\nRUN ["/bin/true"]\n')
    const { status, stderr } = await tspod('build', '--platform', `linux/${foreign.oci}`, folder)
    if (existsSync(`/proc/sys/fs/binfmt_misc/${foreign.entry}`)) expect(stderr).not.toContain('binfmt')
    else {
      expect(status).toBe(125)
      expect(stderr).toContain(`running a program for linux/${foreign.oci}: this machine is`)
      expect(stderr).toContain(
        `hint: an administrator installs qemu-user-static, which registers /proc/sys/fs/binfmt_misc/${foreign.entry}`,
      )
    }
  })
})
