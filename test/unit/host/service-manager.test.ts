import { expect, test } from 'bun:test'
import { serviceSockets } from '#host/service-manager.ts'

const listen = (env: Record<string, string>) => serviceSockets({ LISTEN_PID: '7', ...env }, 7).listen

test('serviceSockets() takes listening sockets that are for this process', () => {
  expect(listen({ LISTEN_FDS: '2', LISTEN_FDNAMES: 'a:b' })).toEqual({ count: 2, names: 'a:b' })
  expect(listen({ LISTEN_FDS: '1' })).toEqual({ count: 1, names: undefined })
  expect(listen({ LISTEN_FDS: '1', LISTEN_PID: '8' })).toBeUndefined()
  for (const count of ['0', '-1', 'x', '1e9', '1.5', '']) expect(listen({ LISTEN_FDS: count })).toBeUndefined()
})

test('serviceSockets() takes the socket of sd_notify(3) by path or abstract name', () => {
  const notify = (path: string) => serviceSockets({ NOTIFY_SOCKET: path }, 7).notify
  expect(['/run/x', '@x', 'x', '', '/'].map(notify)).toEqual(['/run/x', '@x', undefined, undefined, undefined])
})
