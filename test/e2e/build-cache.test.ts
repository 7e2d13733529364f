// Caches that travel: what one store has built, another uses, by a registry, a folder, or the image itself.
import { describe, expect } from 'bun:test'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { tspodOnly, useSandbox, write } from './sandbox.ts'

const box = useSandbox('alpine')
const { ok, tspod } = box
const registry = process.env.TSPOD_TEST_REGISTRY ?? ''
let number = 0

function context(containerfile: string): string {
  const folder = box.folder(`context-${++number}`)
  write(folder, 'Containerfile', containerfile)
  write(folder, 'file', 'content\n')
  return folder
}

const uuid = 'cat /proc/sys/kernel/random/uuid'
const file = `FROM alpine AS tools
RUN ${uuid} > /tool && mkdir -p /gone && chown 3:4 /gone
FROM alpine
WORKDIR /app
COPY --from=tools /tool /tool
RUN rm /etc/profile && ${uuid} > /first
COPY --link file /linked
RUN ${uuid} > /last && ln /last /hard
`
const look = 'cat /tool /first /last /linked; test ! -e /etc/profile && test /last -ef /hard && echo whole'

/** All that this machine remembers is gone; the base image comes again. */
async function forget(): Promise<void> {
  await ok('system', 'prune', '--all', '--force', '--build')
  expect((await tspod('images', '-q', '--all')).stdout).toBe('')
}

async function built(folder: string, ...args: string[]): Promise<{ said: string; log: string }> {
  const { status, stdout, stderr } = await tspod('build', ...args, folder)
  expect([status, status === 0 ? '' : stderr]).toEqual([0, ''])
  return { said: await ok('run', '--rm', stdout.trim(), 'sh', '-c', look), log: stderr }
}

const doneSteps = (log: string): string[] =>
  [...log.matchAll(/^(#\d+) \[\S+ \d+\/\d+\] (.*)\n(?:.*\n)*?\1 DONE/gm)].map(([, , name]) => name ?? '')

describe('--cache-to and --cache-from', () => {
  const folderOfCache = join(box.home, 'cache')
  for (const [kind, to, from] of [
    ['a repository', `${registry}/caches/plain`, `${registry}/caches/plain`],
    [
      'type=registry',
      `type=registry,ref=${registry}/caches/typed:1,mode=max`,
      `type=registry,ref=${registry}/caches/typed:1`,
    ],
    ['type=local', `type=local,dest=${folderOfCache},mode=max`, `type=local,src=${folderOfCache}`],
  ] as const)
    tspodOnly()(`${kind}: another store does nothing anew`, async () => {
      const folder = context(file)
      await forget()
      const first = await built(folder, '--cache-to', to)
      expect(doneSteps(first.log)).toContain(`RUN ${uuid} > /last && ln /last /hard`)
      await forget()
      const second = await built(folder, '--cache-from', from)
      expect(second.said).toBe(first.said)
      expect(doneSteps(second.log).filter(name => !name.startsWith('FROM'))).toEqual([])
      // it is a part of this store now
      expect((await built(folder)).said).toBe(first.said)
      expect((await tspod('system', 'check')).stdout).not.toMatch(/damaged|missing/)
    })

  tspodOnly()('type=inline: the image itself is the cache, also for another image', async () => {
    const folder = context(file.replace('FROM alpine AS tools', 'FROM alpine AS tools\nENV A=inline'))
    const name = `${registry}/caches/inline:1`
    const first = await built(folder, '-t', name, '--cache-to', 'type=inline', '--jobs', '1')
    const id = await ok('image', 'inspect', '-f', '{{.Id}}', name)
    expect((await tspod('build', '-q', '--cache-to', 'type=inline', folder)).stdout.trim()).toBe(id)
    await ok('push', '-q', name)
    await forget()
    write(folder, 'Containerfile', 'FROM alpine\nWORKDIR /app\nRUN echo other\n')
    const { stdout, stderr } = await tspod('build', '--cache-from', name, folder)
    expect(stdout).toMatch(/^[0-9a-f]{64}\n$/)
    expect(stderr).toMatch(/WORKDIR \/app\nCopying blob .*\n#\d+ CACHED/)
    expect(first.said).toContain('whole')
  })

  tspodOnly()('a cache that is not there is a warning; one that cannot be written is an error', async () => {
    const folder = context('FROM alpine\nRUN true\n')
    const { status, stderr } = await tspod('build', '--cache-from', `${registry}/caches/missing`, folder)
    expect([status, stderr]).toEqual([0, expect.stringContaining('is not used: ')])
    rmSync(join(box.home, 'closed'), { recursive: true, force: true })
    mkdirSync(join(box.home, 'closed'), { mode: 0o500 })
    const to = `type=local,dest=${join(box.home, 'closed/cache')}`
    const failed = await tspod('build', '--cache-to', to, folder)
    expect([failed.status, failed.stderr]).toEqual([125, expect.stringContaining('exporting the cache to "')])
    expect((await tspod('build', '--cache-to', `${to},ignore-error=true`, folder)).status).toBe(0)
  })

  tspodOnly()('mistakes in what is asked for are told', async () => {
    const folder = context('FROM alpine\n')
    const said = async (...args: string[]) => (await tspod('build', ...args, folder)).stderr
    expect(await said('--cache-to', 'type=local')).toContain('must have dest')
    expect(await said('--cache-to', 'type=gha')).toContain('is not implemented yet')
    expect(await said('--cache-from', 'type=tape,src=x')).toContain('must be registry or local')
    expect(await said('--cache-to', 'type=local,dest=x,mode=all')).toContain('must be min or max')
  })
})

describe('--cache-ttl', () => {
  tspodOnly()('takes nothing that is older', async () => {
    const folder = context(`FROM alpine\nRUN ${uuid} > /tool\n`)
    const said = async (...args: string[]) =>
      await ok('run', '--rm', await ok('build', '-q', ...args, folder), 'cat', '/tool')
    const first = await said()
    expect(await said('--cache-ttl', '1h')).toBe(first)
    await Bun.sleep(1100)
    expect(await said('--cache-ttl', '1s')).not.toBe(first)
  })
})

describe('COPY --link', () => {
  tspodOnly()('is found over other layers, and keeps those', async () => {
    const text = (base: string) =>
      `FROM alpine\nRUN echo ${base} > /base\nCOPY --link file /linked\nRUN cat /base > /seen\n`
    const seen = async (base: string) =>
      await ok('run', '--rm', await ok('build', '-q', context(text(base))), 'cat', '/base', '/seen', '/linked')
    expect(await seen('one')).toBe('one\none\ncontent')
    expect(await seen('two')).toBe('two\ntwo\ncontent')
  })
})
