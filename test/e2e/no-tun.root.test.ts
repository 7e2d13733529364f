// A machine on which /dev/net/tun is missing, or is root's alone: nobody gets a network through it, and is told why at once.
import { afterAll, beforeAll, expect } from 'bun:test'
import { needs } from '#test/needs.ts'
import { bootMachine, type OwnMachine } from './machine/machine.ts'

const here = needs('root', 'tspod', 'tun', 'slirp4netns', 'pasta')
let machine: OwnMachine

beforeAll(async () => {
  if (process.getuid?.() !== 0 || process.env.TSPOD_TEST_FIXTURES === undefined) return
  machine = await bootMachine('alpine')
  machine.root('machine', 'mount -t tmpfs -o mode=755 none /dev/net')
  await machine.ok('network', 'create', 'web')
  await machine.ok('network', 'create', '--internal', 'closed')
}, 60_000)

afterAll(() => machine?.[Symbol.dispose]())

for (const [state, script] of [
  ['missing', 'rm -f /dev/net/tun'],
  ['unreadable', 'rm -f /dev/net/tun; mknod -m 600 /dev/net/tun c 10 200'],
] as const)
  for (const network of ['slirp4netns', 'pasta', 'web'])
    here(`${network}: /dev/net/tun that is ${state} is named, and no container is left`, async () => {
      machine.root('machine', script)
      const started = performance.now()
      const { status, stderr } = await machine.tspod(
        'run',
        '--rm',
        '--name',
        'one',
        '--network',
        network,
        'alpine',
        'true',
      )
      expect(status).toBe(125)
      expect(stderr).toContain('/dev/net/tun')
      expect(performance.now() - started).toBeLessThan(5000)
      expect(await machine.ok('ps', '-a', '-q')).toBe('')
    })

here('without it, containers without a network, and of internal ones, run', async () => {
  for (const network of ['none', 'host', 'closed'])
    expect(await machine.ok('run', '--rm', '--network', network, 'alpine', 'echo', 'hello')).toBe('hello')
})
