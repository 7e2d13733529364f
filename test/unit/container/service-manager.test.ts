import { expect, test } from 'bun:test'
import { withServiceManager } from '#container/service-manager.ts'
import { relayedText } from '#monitor/notify-relay.ts'
import type { RuntimeSpec } from '#oci/runtime-spec.ts'

const spec = {
  ociVersion: '1.2.0',
  process: { args: ['x'], cwd: '/', env: ['A=1', 'NOTIFY_SOCKET=/old', 'LISTEN_FDS=9'] },
  mounts: [],
} as unknown as RuntimeSpec

test('withServiceManager() gives the container its own socket and its own pid', () => {
  const changed = withServiceManager(spec, { notifyFolder: '/r/notify', listen: { count: 2, names: 'a:b' } }, false)
  expect(changed.process?.env).toEqual([
    'A=1',
    'NOTIFY_SOCKET=/run/notify/notify.sock',
    'LISTEN_FDS=2',
    'LISTEN_PID=1',
    'LISTEN_FDNAMES=a:b',
  ])
  expect(changed.mounts).toMatchObject([{ destination: '/run/notify', source: '/r/notify' }])
  expect(withServiceManager(spec, { listen: { count: 1, names: undefined } }, true).process?.env).toContain(
    'LISTEN_PID=2',
  )
  expect(withServiceManager(spec, {}, false)).toBe(spec)
})

test('relayedText() leaves out what only means something inside', () =>
  expect(relayedText('READY=1\nMAINPID=1\nSTATUS=up\nFDSTORE=1\nBARRIER=1\n')).toBe('READY=1\nSTATUS=up'))
