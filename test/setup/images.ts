// Makes the fixture images as OCI layouts and docker archives: "alpine" from the host's static busybox, others from tars that
// scripts/test.sh had made as root. Runs as the test user; kept between runs for as long as the recipe stays the same.
import { execFileSync, type StdioOptions } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sha256, writeOciLayout } from './oci-layout.ts'

const config = { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], Cmd: ['/bin/sh'] }
const quiet: { encoding: 'utf8'; stdio: StdioOptions } = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }

const files: Record<string, string> = {
  'etc/passwd': `root:x:0:0:root:/root:/bin/sh
bin:x:1:1:bin:/bin:/sbin/nologin
daemon:x:2:2:daemon:/sbin:/sbin/nologin
guest:x:405:100:guest:/dev/null:/sbin/nologin
app:x:1000:1000:an application:/home/app:/bin/sh
nobody:x:65534:65534:nobody:/:/sbin/nologin
`,
  'etc/group': `root:x:0:root
bin:x:1:root,bin,daemon
daemon:x:2:root,bin,daemon
audio:x:18:app
users:x:100:guest
app:x:1000:
nobody:x:65534:
`,
  'etc/alpine-release': '3.20.0\n',
  'etc/os-release': 'NAME="busybox fixture"\nID=alpine\nVERSION_ID=3.20.0\nPRETTY_NAME="busybox fixture"\n',
  'etc/hostname': 'fixture\n',
  'etc/profile': 'export PS1="# "\n',
}

/** A root file system around a static busybox, as a tar archive with root's ownership. */
function makeBusyboxTar(busybox: string): Uint8Array {
  const root = mkdtempSync(join(tmpdir(), 'tspod-fixture-'))
  try {
    for (const folder of 'bin dev etc home/app lib media mnt opt proc root run sbin srv sys usr/bin usr/sbin var/log'.split(
      ' ',
    ))
      mkdirSync(join(root, folder), { recursive: true })
    for (const folder of ['tmp', 'var/tmp']) mkdirSync(join(root, folder), { recursive: true })
    execFileSync('chmod', ['755', root])
    execFileSync('chmod', ['1777', join(root, 'tmp'), join(root, 'var/tmp')])
    execFileSync('chmod', ['700', join(root, 'root')])
    for (const [path, text] of Object.entries(files)) writeFileSync(join(root, path), text)
    copyFileSync(busybox, join(root, 'bin/busybox'))
    for (const applet of execFileSync(busybox, ['--list-full'], quiet).trim().split('\n')) {
      const path = join(root, applet)
      if (!existsSync(path)) symlinkSync('/bin/busybox', path)
    }
    const reproducible = ['--sort=name', '--mtime=@1704067200', '--owner=0', '--group=0', '--numeric-owner']
    return execFileSync('tar', [...reproducible, '-C', root, '-c', '.'], {
      maxBuffer: 2 ** 30,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  } finally {
    rmSync(root, { recursive: true })
  }
}

/** Makes `alpine` and an image for each tar. Returns the folder of fixtures: `<name>.oci/` a layout, `<name>.tar` a docker archive, `<name>.rootfs.tar` the bare root file system. */
export function makeImages(cache: string, tars: Record<string, string | undefined>): string {
  const present = Object.entries(tars).filter((pair): pair is [string, string] => pair[1] !== undefined)
  const busybox = Bun.which('busybox', { PATH: '/bin:/usr/bin' })
  if (busybox === null) throw new Error('making the fixture images: no busybox here: apt-get install busybox-static')
  const recipe = [import.meta.path, busybox, ...present.map(([, tar]) => tar)].map(path => readFileSync(path))
  const folder = join(cache, sha256(recipe.map(part => sha256(part)).join()).slice(7, 23))
  if (existsSync(folder)) return folder
  const staging = `${folder}.${process.pid}`
  mkdirSync(staging, { recursive: true })
  const add = (name: string, tar: Uint8Array) => {
    writeOciLayout(join(staging, `${name}.oci`), { name: 'latest', layers: [{ tar, compression: 'gzip' }], config })
    writeFileSync(join(staging, `${name}.rootfs.tar`), tar)
    const to = `docker-archive:${join(staging, `${name}.tar`)}:docker.io/library/${name}:latest`
    execFileSync('skopeo', ['--insecure-policy', 'copy', '-q', `oci:${join(staging, `${name}.oci`)}:latest`, to], quiet)
  }
  add('alpine', makeBusyboxTar(busybox))
  for (const [name, tar] of present) add(name, readFileSync(tar))
  renameSync(staging, folder)
  return folder
}
