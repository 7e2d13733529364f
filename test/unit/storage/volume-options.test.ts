import { expect, test } from 'bun:test'
import { parseVolumeOptions } from '#storage/volume-options.ts'

test('folders, binds and memory', () => {
  expect(parseVolumeOptions('v', {})).toEqual({ kind: 'folder' })
  expect(parseVolumeOptions('v', { o: 'uid=5,gid=6' })).toEqual({ kind: 'folder', uid: 5, gid: 6 })
  expect(parseVolumeOptions('v', { type: 'none', o: 'bind,ro', device: '/srv' })).toEqual({
    kind: 'bind',
    device: '/srv',
    options: ['ro'],
  })
  expect(parseVolumeOptions('v', { type: 'tmpfs', device: 'tmpfs', o: 'size=64m,mode=1777' })).toEqual({
    kind: 'tmpfs',
    options: ['size=64m', 'mode=1777'],
  })
})

test('what cannot be is refused by name, never ignored', () => {
  for (const [options, words] of [
    [{ type: 'nfs', device: ':/x', o: 'addr=1.2.3.4' }, 'type=nfs'],
    [{ copy: 'true' }, 'the option "copy"'],
    [{ o: 'bind' }, 'absolute path, found ""'],
    [{ o: 'bind,size=3', device: '/x' }, '"size=3"'],
    [{ type: 'tmpfs', o: 'huge=always' }, '"huge=always"'],
    [{ device: '/x' }, 'without o=bind'],
    [{ o: 'noatime' }, '"noatime"'],
  ] as [Record<string, string>, string][])
    expect(() => parseVolumeOptions('v', options)).toThrow(words)
})
