// Builds that are killed, that run out of disk, whose context changes, whose base image goes, that are given hostile archives.
import { describe, expect } from 'bun:test'
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeTar } from '#test/setup/tar.ts'
import { hasEnded, tspodOnly, until, useSandbox, write } from './sandbox.ts'

const box = useSandbox('alpine')
const { ok, tspod } = box
let number = 0

function context(containerfile: string, files: Record<string, string | Uint8Array> = {}): string {
  const folder = box.folder(`context-${++number}`)
  write(folder, 'Containerfile', containerfile)
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(folder, path, '..'), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
  return folder
}

/** What a build may leave: nothing. */
function leftovers(graphRoot = box.graphRoot): string[] {
  const names = (folder: string) => (existsSync(join(graphRoot, folder)) ? readdirSync(join(graphRoot, folder)) : [])
  const staged = names('tmp').filter(name => name.startsWith('stage-') || name.startsWith('trash-'))
  return [
    ...names('containers'),
    ...staged,
    ...readdirSync(join(box.runtime, 'tspod')).filter(name => name.startsWith('build-')),
  ]
}

/** `npm test` kills a few; TSPOD_TEST_KILLS=100 does what was promised. */
const kills = Number(process.env.TSPOD_TEST_KILLS ?? 6)

describe('kill -9', () => {
  tspodOnly()(
    `${kills} times at random instants leaves nothing but a cache that is right`,
    async () => {
      const file = (round: number) => `FROM alpine AS one
RUN echo ${round} > /one; seq 2000 > /numbers
COPY many /many
FROM alpine AS two
WORKDIR /two
RUN echo two-${round} > /two/file && rm /etc/profile
FROM alpine
COPY --from=one /one /numbers /
COPY --from=one /many /many
COPY --from=two /two /two
RUN cat /one /two/file > /both; sleep 0.05
`
      const files = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`many/${i}`, `content ${i}\n`]))
      const folder = context(file(0), files)
      const look = 'cat /both; sha256sum < /numbers; ls /many | wc -l; cat /many/199 /etc/profile | wc -l'
      const started = performance.now()
      await ok('build', '-q', folder)
      const wholeMs = performance.now() - started
      const expected = async (round: number): Promise<void> => {
        const id = await ok('build', '-q', folder)
        const said = await ok('run', '--rm', id, 'sh', '-c', look)
        expect(said.split('\n')).toEqual([
          String(round),
          `two-${round}`,
          `${new Bun.CryptoHasher('sha256').update(Array.from({ length: 2000 }, (_, i) => `${i + 1}\n`).join('')).digest('hex')}  -`,
          '200',
          '2',
        ])
      }
      await expected(0)
      for (let round = 1; round <= kills; round++) {
        write(folder, 'Containerfile', file(round))
        const running = box.start('build', '-q', folder)
        await Bun.sleep(Math.random() * wholeMs)
        running.kill('SIGKILL')
        await running.exited
        if (round % 5 === 0 || round === kills) await expected(round)
      }
      await until('the ends of what ran', () => leftoverProcesses().length === 0)
      expect(leftovers()).toEqual([])
      expect((await tspod('system', 'check')).stdout).not.toMatch(/damaged|missing|left/)
    },
    120_000 + kills * 10_000,
  )
})

/** Processes of this sandbox's steps. */
function leftoverProcesses(): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1')
        const env = readFileSync(`/proc/${pid}/environ`, 'latin1')
        return /worker:(?:build|end-run)/.test(command) && env.includes(box.home) && !hasEnded(pid)
      } catch {
        return false // gone, or not ours
      }
    })
}

describe('a full disk', () => {
  const tiny = `${process.env.TSPOD_TEST_TINY_DISK ?? ''}-build`
  tspodOnly('tiny-disk')('in a RUN and while its layer is made is told, and there is room again', async () => {
    const store = ['--root', join(tiny, 'store')]
    await ok(...store, 'pull', '-q', 'alpine')
    const inRun = context('FROM alpine\nRUN dd if=/dev/zero of=/big bs=64k\n')
    const run = await tspod(...store, 'build', inRun)
    expect(run.status).toBe(1)
    expect(run.stderr).toMatch(/No space left on device/)
    // the step itself has room, its layer's archive has none
    const inCommit = context('FROM alpine\nRUN dd if=/dev/urandom of=/half bs=64k count=44\n')
    const commit = await tspod(...store, 'build', inCommit)
    expect(commit.status).toBe(125)
    expect(commit.stderr).toMatch(/Containerfile:2: building at STEP "RUN dd.*no space left on device/is)
    const inCopy = context('FROM alpine\nCOPY big /\n', { big: new Uint8Array(9 << 20) })
    expect((await tspod(...store, 'build', inCopy)).stderr).toMatch(/Containerfile:2: .*no space left on device/i)
    expect(readdirSync(join(tiny, 'store/containers'))).toEqual([])
    const id = await ok(...store, 'build', '-q', context('FROM alpine\nRUN echo small > /small\n'))
    expect(await ok(...store, 'run', '--rm', id, 'cat', '/small')).toBe('small')
    await ok(...store, 'rmi', '-af')
    await ok(...store, 'system', 'prune', '-af', '--build')
  })
})

describe('a context', () => {
  tspodOnly()('that changes while it is read makes a layer that is used once', async () => {
    const folder = context('FROM alpine\nCOPY log /log\n', { log: 'x' })
    const stop = new AbortController()
    const writer = (async () => {
      while (!stop.signal.aborted) {
        appendFileSync(join(folder, 'log'), 'more\n')
        await Bun.sleep(1)
      }
    })()
    const { status, stderr } = await tspod('build', folder)
    stop.abort()
    await writer
    expect([status, stderr]).toEqual([
      0,
      expect.stringContaining('Containerfile:2: the files changed while they were copied'),
    ])
    expect((await tspod('build', folder)).stderr).not.toMatch(/COPY log \/log\n#\d+ CACHED/)
  })

  tspodOnly()('of 5 GB with one file that is needed starts at once', async () => {
    const folder = context('FROM alpine\nCOPY wanted /wanted\n', { wanted: 'x' })
    expect(Bun.spawnSync(['truncate', '-s', '5G', join(folder, 'huge')]).exitCode).toBe(0)
    const started = performance.now()
    await ok('build', '-q', folder)
    expect(performance.now() - started).toBeLessThan(10_000)
  })
})

describe('an image', () => {
  tspodOnly()('that is removed while a build uses it stays until the build has ended', async () => {
    await ok('tag', 'alpine', 'fleeting')
    const folder = context('FROM fleeting\nRUN echo begun; sleep 2; echo made > /made\nRUN cat /made > /again\n')
    const running = box.start('build', '--no-cache', folder)
    const said: string[] = []
    const decoder = new TextDecoder()
    for await (const chunk of running.stderr) {
      said.push(decoder.decode(chunk))
      if (said.join('').includes('begun')) break
    }
    await ok('rmi', '-f', 'fleeting', 'alpine')
    await ok('system', 'prune', '-af')
    expect(await running.exited).toBe(0)
    const id = (await running.stdout.text()).trim()
    expect(await ok('run', '--rm', id, 'cat', '/again')).toBe('made')
    await ok('pull', '-q', 'alpine')
  })
})

describe('ADD of a hostile archive', () => {
  const attacks: Record<string, Parameters<typeof writeTar>[0]> = {
    'a path with ..': [{ name: '../../../../../../../../..HOME/planted', type: '0', text: 'x' }],
    'an absolute path': [{ name: 'HOME/planted', type: '0', text: 'x' }],
    'a symlinked parent': [
      { name: 'link', type: '2', linkName: 'HOME' },
      { name: 'link/planted', type: '0', text: 'x' },
    ],
    'a hard link to outside': [
      { name: 'stolen', type: '1', linkName: '../../../../../../../../../..HOME/victim' },
      { name: 'stolen', type: '0', text: 'overwritten' },
    ],
    'a hard link through a symlink': [
      { name: 'link', type: '2', linkName: 'HOME' },
      { name: 'stolen', type: '1', linkName: 'link/victim' },
    ],
    'a whiteout, which is a name like any other': [{ name: '.wh.victim', type: '0' }],
  }
  for (const [name, entries] of Object.entries(attacks))
    tspodOnly()(`with ${name} touches nothing outside the image`, async () => {
      const victim = join(box.home, 'victim')
      writeFileSync(victim, 'intact')
      const placed = entries.map(entry => ({
        ...entry,
        name: entry.name.replace('HOME', box.home),
        ...(entry.linkName === undefined ? {} : { linkName: entry.linkName.replace('HOME', box.home) }),
      }))
      const folder = context('FROM alpine\nADD hostile.tar /there/\n', { 'hostile.tar': writeTar(placed) })
      const { status, stdout, stderr } = await tspod('build', '-q', folder)
      expect(existsSync(join(box.home, 'planted'))).toBe(false)
      expect(readFileSync(victim, 'utf8')).toBe('intact')
      if (status === 0)
        expect((await tspod('run', '--rm', stdout.trim(), 'cat', '/there/stolen')).stdout).not.toContain('intact')
      else
        expect([status, stderr]).toEqual([
          125,
          expect.stringContaining('Containerfile:2: building at STEP "ADD hostile.tar /there/"'),
        ])
    })

  tspodOnly()('that is cut off in the middle is refused', async () => {
    const whole = writeTar([{ name: 'file', type: '0', text: 'x'.repeat(100_000) }])
    const folder = context('FROM alpine\nADD cut.tar /there/\n', { 'cut.tar': whole.subarray(0, 50_000) })
    expect((await tspod('build', '-q', folder)).status).toBe(125)
  })
})
