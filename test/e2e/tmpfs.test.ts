// tmpfs mounts: what they begin with, and what they allow.
import { expect } from 'bun:test'
import { e2e, useSandbox } from './sandbox.ts'

const box = useSandbox('alpine')
const { tspod, ok } = box

const sh = (options: string[], script: string) =>
  ok('run', '--rm', '--network', 'none', ...options, 'alpine', 'sh', '-c', script)

e2e()('a tmpfs begins with what the image has there: links, modes, times', async () => {
  const look = 'cd /bin && ls -lanR --full-time . | sed "s/^total.*//; s/^l\\([^ ]*\\)/l/"; find . -type f | wc -l'
  const inImage = await sh([], look)
  const copied = await sh(['--tmpfs', '/bin'], `${look}; echo new > /bin/new; mount | grep -c "on /bin type tmpfs"`)
  const withoutFolders = (text: string) => text.split('\n').filter(line => !/ \.{1,2}$/.test(line))
  expect(withoutFolders(copied).slice(0, -1)).toEqual(withoutFolders(inImage))
  expect(copied.split('\n').at(-1)).toBe('1')
})

e2e()('notmpcopyup begins with nothing', async () => {
  expect(await sh(['--tmpfs', '/etc/apk:notmpcopyup', '--tmpfs', '/nowhere'], 'ls -A /etc/apk /nowhere')).toBe(
    '/etc/apk:\n\n/nowhere:',
  )
})

e2e()('the copy belongs to the container alone, and is gone with it', async () => {
  await ok(
    'run',
    '-d',
    '--name=a',
    '--network=none',
    '--tmpfs=/bin',
    'alpine',
    'sh',
    '-c',
    'rm /bin/ls; touch /bin/mine; sleep 100',
  )
  expect(await sh([], 'ls /bin/ls')).toBe('/bin/ls')
  await ok('restart', '--time=0', 'a')
  expect((await tspod('exec', 'a', 'test', '-e', '/bin/sleep')).status).toBe(0)
})

e2e()(
  'a tmpfs takes the mode of the folder it hides; one without a folder is for everybody, at every start',
  async () => {
    const ofRoot = await sh([], 'stat -c %a /root')
    expect(
      await sh(
        ['--tmpfs', '/root', '--tmpfs', '/tmp', '--tmpfs', '/new/place'],
        'stat -c "%a %n" /root /tmp /new/place',
      ),
    ).toBe(`${ofRoot} /root\n1777 /tmp\n1777 /new/place`)
    await ok('run', '--name=b', '--network=none', '--tmpfs=/new', 'alpine', 'stat', '-c', '%a', '/new')
    expect(await ok('start', '-a', 'b')).toBe('1777')
    expect(await sh(['--tmpfs', '/root:mode=0711'], 'stat -c %a /root')).toBe('711')
  },
)

e2e()('a read-only tmpfs is filled before it is closed', async () => {
  const { status, stderr } = await tspod(
    'run',
    '--rm',
    '--network=none',
    '--tmpfs=/bin:ro',
    'alpine',
    'touch',
    '/bin/new',
  )
  expect(status).toBe(1)
  expect(stderr).toContain('Read-only file system')
})

e2e()('a full tmpfs is an error that names it', async () => {
  const { status, stderr } = await tspod('run', '--rm', '--network=none', '--tmpfs=/bin:size=64k', 'alpine', 'true')
  expect(status).not.toBe(0)
  expect(stderr).toContain('/bin')
  expect(stderr).toMatch(/no space left on device/i)
})
