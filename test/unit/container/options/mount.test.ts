import { describe, expect, test } from 'bun:test'
import { parseMountOption, parseTmpfsOption, parseVolumeOption } from '#container/options/mount.ts'

const bind = {
  type: 'bind' as const,
  source: '/src',
  destination: '/dst',
  readOnly: false,
  propagation: undefined,
  recursive: true,
  nosuid: false,
  nodev: false,
  noexec: false,
  chown: false,
  relabel: undefined,
  overlay: false,
  createSource: false,
}
const volume = {
  type: 'volume' as const,
  name: 'data',
  destination: '/dst',
  readOnly: false,
  nosuid: true,
  nodev: true,
  noexec: false,
  chown: false,
  overlay: false,
  copyUp: true,
  propagation: undefined,
}

describe('parseVolumeOption()', () => {
  const parse = (text: string) => parseVolumeOption(text, '/work')
  test('tells paths of the host from names of volumes', () => {
    expect(parse('/src:/dst')).toEqual(bind)
    expect(parse('./a/../b:/dst')).toEqual({ ...bind, source: '/work/b' })
    expect(parse('.:/dst')).toEqual({ ...bind, source: '/work' })
    expect(parse('..:/dst')).toEqual({ ...bind, source: '/' })
    expect(parse('data:/dst')).toEqual(volume)
    expect(parse('/dst')).toEqual({ ...volume, name: '' })
  })
  test('takes every option of its kind', () => {
    expect(parse('/src:/dst:ro,nosuid,nodev,noexec,bind,rslave,U,Z')).toEqual({
      ...bind,
      readOnly: true,
      nosuid: true,
      nodev: true,
      noexec: true,
      recursive: false,
      propagation: 'rslave',
      chown: true,
      relabel: 'private',
    })
    expect(parse('/src:/dst:O,upperdir=/up,workdir=w')).toMatchObject({
      overlay: true,
      overlayFolders: { upper: '/up', work: '/work/w' },
    })
    expect(parse('/src:/dst:rro')).toEqual({ ...bind, readOnly: true, readOnlyTree: true })
    expect(parse('data:/dst:nocopy,suid,dev,z')).toEqual({ ...volume, copyUp: false, nosuid: false, nodev: false })
    expect(parse('/src:/dst:O')).toEqual({ ...bind, overlay: true })
    expect(parse('/src:/dst:')).toEqual(bind)
  })
  test('cleans the path in the container', () => {
    expect(parse('/src:/a//b/../dst/').destination).toBe('/a/dst')
  })
  test.each([
    ['a:b:c:d', 'found 4 parts'],
    ['/src:dst', 'invalid container path "dst", must be an absolute path'],
    ['/src:/a/..', 'must be a path below the root'],
    ['dst', 'invalid container path "dst"'],
    [':/dst', 'the source before ":" is empty'],
    ['foo/bar:/dst', 'names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*'],
    ['/src:/dst:ro,rw', 'the option "rw" contradicts'],
    ['/src:/dst:shared,rprivate', 'the option "rprivate" contradicts'],
    ['/src:/dst:cached', 'unknown option "cached"'],
    ['/src:/dst:copy', '"copy" and "nocopy" are for named volumes'],
    ['/src:/dst:idmap', '"idmap" mounts need privilege'],
    ['/src:/dst:idmap=uids=0-1-1', '"idmap" mounts need privilege'],
    ['/src:/dst:rro,bind', '"rro" needs what is mounted below'],
    ['/src:/dst:O,upperdir=/x', '"upperdir=" and "workdir=" need each other'],
    ['/src:/dst:upperdir=/x,workdir=/y', '"upperdir=" and "workdir=" belong to the option "O"'],
  ])('%s is refused: %s', (text, why) => {
    expect(() => parse(text)).toThrow(why)
    expect(() => parse(text)).toThrow(text.split(':')[0] === '' ? 'parsing' : `"${text.split(':')[0]}`)
  })
})

describe('parseMountOption()', () => {
  const parse = (text: string) => parseMountOption(text, '/work')
  test('binds', () => {
    expect(parse('type=bind,src=/src,dst=/dst')).toEqual(bind)
    expect(parse('type=bind,source=src,target=/dst,ro=true,bind-propagation=shared,bind-nonrecursive')).toEqual({
      ...bind,
      source: '/work/src',
      readOnly: true,
      propagation: 'shared',
      recursive: false,
    })
    expect(parse('dst=/dst,type=bind,source=/src,readonly=false,relabel=private,U=true,noexec')).toEqual({
      ...bind,
      relabel: 'private',
      chown: true,
      noexec: true,
    })
  })
  test('mounts volumes, which are the default type', () => {
    expect(parse('src=data,dst=/dst')).toEqual(volume)
    expect(parse('type=volume,dst=/dst,volume-nocopy')).toEqual({ ...volume, name: '', copyUp: false })
    expect(parse('src=data,dst=/dst,volume-subpath=a/b')).toEqual({ ...volume, subpath: 'a/b' })
  })
  test('knows quoted fields', () => {
    expect(parse('type=bind,"src=/a,b ""c""",dst=/dst')).toEqual({ ...bind, source: '/a,b "c"' })
  })
  test('mounts file systems and images', () => {
    expect(parse('type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=0700,notmpcopyup')).toEqual({
      type: 'tmpfs',
      destination: '/t',
      options: ['size=1m', 'mode=0700', 'nosuid', 'nodev'],
      copyUp: false,
    })
    expect(parse('type=devpts,dst=/p,gid=5')).toEqual({ type: 'devpts', destination: '/p', options: ['gid=5'] })
    expect(parse('type=image,src=alpine,dst=/i,rw=true')).toEqual({
      type: 'image',
      image: 'alpine',
      destination: '/i',
      readWrite: true,
    })
  })
  test.each([
    ['type=bind,dst=/x', 'the source (src=) is missing'],
    ['type=bind,src=/x', 'the destination (dst=) is missing'],
    ['type=bind,src=/x,dst=', '"dst" needs a value'],
    ['type=bind,src=/x,dst=/y,colour=red', 'unknown option "colour"'],
    ['type=bind,src=/x,dst=/y,ro=maybe', 'ro is "maybe", must be true or false'],
    ['type=bind,src=/x,dst=/y,bind-propagation=odd', 'bind-propagation is "odd"'],
    ['type=volume,src=/x,dst=/y', 'names must match'],
    ['type=volume,src=x,dst=/y,volume-subpath=../z', 'must be a path below the volume'],
    ['type=tmpfs,dst=/y,src=/x', 'has no source'],
    ['type=tmpfs,dst=/y,tmpfs-size=big', 'unknown option "size=big"'],
    ['type=nfs,dst=/y', 'unknown type "nfs"'],
    ['type=glob,src=/x*,dst=/y', 'type "glob" is not implemented yet'],
    ['type=bind,"src=/x,dst=/y', 'a quote is not closed'],
  ])('%s is refused: %s', (text, why) => {
    expect(() => parse(text)).toThrow(why)
    expect(() => parse(text)).toThrow('parsing ')
  })
})

describe('parseTmpfsOption()', () => {
  test('guards what was not said, and keeps what was', () => {
    expect(parseTmpfsOption('/t')).toEqual({
      type: 'tmpfs',
      destination: '/t',
      options: ['nosuid', 'nodev'],
      copyUp: true,
    })
    expect(parseTmpfsOption('/t:rw,suid,size=10%,mode=1777,uid=1,gid=2,exec')).toMatchObject({
      options: ['rw', 'suid', 'size=10%', 'mode=1777', 'uid=1', 'gid=2', 'exec', 'nodev'],
    })
  })
  test.each([
    ['t', 'invalid container path "t"'],
    ['/t:ro,rw', '"ro" and "rw" contradict'],
    ['/t:size=1m,size=2m', '"size=1m" and "size=2m" contradict'],
    ['/t:mode=9', 'unknown option "mode=9"'],
    ['/t:ro:x', 'found 3 parts'],
  ])('%s is refused: %s', (text, why) => {
    expect(() => parseTmpfsOption(text)).toThrow(`parsing --tmpfs "${text}": ${why}`)
  })
})
