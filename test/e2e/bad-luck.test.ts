// Kills, races, lies and full disks: each gets a clear error or simply works; nothing is lost, leaked or left half visible.
import { describe, expect } from 'bun:test'
import { chmodSync, existsSync, readdirSync, readFileSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeTar } from '#test/setup/tar.ts'
import { startHostileRegistry } from './hostile-registry.ts'
import { busyboxLayer, pushImage } from './image-files.ts'
import { e2e, tspodOnly, until, useSandbox } from './sandbox.ts'

const box = useSandbox('alpine')
const { tspod, tspodWith, ok } = box

/** Runs `count` of them, at most `width` at a time. */
async function many(count: number, width: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const lane = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: width }, lane))
}

describe('a crowd', () => {
  tspodOnly()('that holds the lock of names keeps no container from going, nor its name from the next', async () => {
    await ok('run', '--rm', '--name', 'once', 'alpine', 'true')
    const lock = join(box.graphRoot, 'locks/names')
    const held = Bun.spawn(['sh', '-c', 'exec 9> "$0"; flock 9; exec sleep 1000', lock], { stdout: 'ignore' })
    try {
      const isFree = () => Bun.spawnSync(['flock', '-n', lock, 'true']).exitCode === 0
      await until('the lock to be held', () => !isFree())
      await ok('run', '--rm', '--name', 'once', 'alpine', 'true')
      await ok('run', '--rm', '--name', 'once', 'alpine', 'true')
    } finally {
      held.kill('SIGKILL')
      await held.exited
    }
    await ok('run', '--rm', '--name', 'once', 'alpine', 'true')
    await ok('run', '--rm', '--name', 'once', 'alpine', 'true')
    expect(readdirSync(join(box.graphRoot, 'tmp')).filter(name => name.startsWith('trash-'))).toEqual([])
    expect(readdirSync(join(box.graphRoot, 'names'))).toEqual([])
  })
})

describe('killed at any instant', () => {
  tspodOnly()('run leaves a store that the next command reads and repairs', async () => {
    for (let i = 0; i < 40; i++) {
      const run = box.start('run', '--name', `killed-${i}`, 'alpine', 'sleep', '1000')
      await Bun.sleep(Math.random() * 60)
      run.kill('SIGKILL')
      await run.exited
    }
    // a container whose end is being recorded is stopping for that moment
    const list = async () => await ok('ps', '-a', '--format', '{{.Names}} {{.Status}}')
    await until('every end to be recorded', async () => !(await list()).includes('Stopping'), 10_000)
    const listed = await list()
    for (const line of listed.split('\n')) expect(line).toMatch(/^$|^killed-\d+ (Up|Created|Exited)/)
    await ok('rm', '-aft0')
    expect(await ok('ps', '-aq')).toBe('')
    await ok('run', '--rm', '--name', 'killed-0', 'alpine', 'true')
  })

  tspodOnly()('rm, start and stop do too', async () => {
    for (let i = 0; i < 30; i++) {
      const verb = ['rm', 'start', 'stop'][i % 3] ?? 'rm'
      await tspod('run', '-d', '--name', 'k', 'alpine', 'sleep', '1000')
      const options = { rm: ['-f', '-t', '0'], start: [], stop: ['-t', '0'] }[verb] ?? []
      const command = box.start(verb, ...options, 'k')
      await Bun.sleep(Math.random() * 25)
      command.kill('SIGKILL')
      await command.exited
      const { status } = await tspod('rm', '-f', '-t', '0', '--ignore', 'k')
      expect({ verb, status }).toEqual({ verb, status: 0 })
    }
    expect(await ok('ps', '-aq')).toBe('')
  })

  e2e('debian')(
    'pull can be repeated, and what was downloaded is not half visible',
    async () => {
      for (let i = 0; i < 5; i++) {
        const pull = box.start('pull', '-q', 'debian')
        await Bun.sleep(50 + Math.random() * 1500)
        pull.kill('SIGKILL')
        await pull.exited
        const exists = await tspod('image', 'exists', 'debian')
        if (exists.status === 0) break
      }
      await tspodWith({ timeoutMs: 110_000 }, 'pull', '-q', 'debian')
      expect(await ok('run', '--rm', 'debian', 'perl', '-e', 'print 6*7')).toBe('42')
      await ok('rmi', 'debian')
    },
    200_000,
  )
})

describe('a registry that lies', () => {
  e2e()(
    'about bytes is caught by the digest, and nothing becomes visible',
    async () => {
      await using registry = startHostileRegistry({ blob: bytes => flipByte(bytes, Math.floor(bytes.length / 2)) })
      await ok('rmi', 'alpine')
      const { status, stderr } = await tspodWith(
        { timeoutMs: 110_000 },
        'pull',
        '--tls-verify=false',
        `${registry.address}/library/alpine`,
      )
      expect(status).toBe(125)
      expect(stderr).toMatch(/digest|checksum|corrupt|invalid/i)
      expect(await ok('images', '-q')).toBe('')
      await ok('pull', '-q', 'alpine')
      expect(await ok('run', '--rm', 'alpine', 'cat', '/etc/alpine-release')).toBe('3.20.0')
    },
    115_000,
  )

  tspodOnly()('about the unpacked bytes is caught by the diff id', async () => {
    const layer = await busyboxLayer()
    const image = await pushImage(box, 'lying', [{ ...layer, diffId: `sha256:${'0'.repeat(64)}` }])
    const { status, stderr } = await tspod('pull', image)
    expect(status).toBe(125)
    expect(stderr).toMatch(/digest|diff ?id|checksum|match/i)
    expect((await tspod('image', 'exists', image)).status).toBe(1)
  })

  tspodOnly()('by breaking off is asked again, from where it stopped', async () => {
    const ranges: (string | null)[] = []
    await using registry = startHostileRegistry({
      cut: (request, tries) => {
        if (tries > 0) ranges.push(request.headers.get('range'))
        return tries < 2
      },
    })
    await ok('rmi', 'alpine')
    await ok('pull', '-q', '--tls-verify=false', `${registry.address}/library/alpine`)
    expect(ranges.some(range => range?.startsWith('bytes='))).toBe(true)
    await ok('rmi', `${registry.address}/library/alpine`)
    await ok('pull', '-q', 'alpine')
  })

  tspodOnly()(
    'by being busy is asked again',
    async () => {
      await using registry = startHostileRegistry({ status: tries => (tries < 2 ? 503 : undefined) })
      const { status } = await tspodWith(
        { timeoutMs: 110_000 },
        'pull',
        '-q',
        '--tls-verify=false',
        `${registry.address}/library/alpine`,
      )
      expect(status).toBe(0)
      await ok('rmi', `${registry.address}/library/alpine`)
    },
    115_000,
  )
})

describe('a hostile layer', () => {
  const outside = () => join(box.home, 'planted')
  const attacks: Record<string, Parameters<typeof writeTar>[0]> = {
    'a path with ..': [{ name: '../../../../../../../../..HOME/planted', type: '0', text: 'x' }],
    'an absolute path': [{ name: 'HOME/planted', type: '0', text: 'x' }],
    'a symlinked parent': [
      { name: 'link', type: '2', linkName: 'HOME' },
      { name: 'link/planted', type: '0', text: 'x' },
    ],
    'a relative symlinked parent': [
      { name: 'link', type: '2', linkName: '../../../../../../../../../..HOME' },
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
    'a whiteout of outside': [{ name: '../../../../../../../../..HOME/.wh.victim', type: '0' }],
    'a whiteout of ..': [{ name: 'etc/.wh...', type: '0' }],
  }
  for (const [name, entries] of Object.entries(attacks)) {
    e2e('skopeo')(`with ${name} touches nothing outside`, async () => {
      writeFileSync(join(box.home, 'victim'), 'intact')
      const placed = entries.map(entry => ({
        ...entry,
        name: entry.name.replace('HOME', box.home),
        ...(entry.linkName === undefined ? {} : { linkName: entry.linkName.replace('HOME', box.home) }),
      }))
      const image = await pushImage(box, 'hostile', [
        await busyboxLayer(),
        { tar: writeTar(placed), compression: 'none' },
      ])
      const { status } = await tspod('pull', '-q', image)
      expect(existsSync(outside())).toBe(false)
      expect(readFileSync(join(box.home, 'victim'), 'utf8')).toBe('intact')
      if (status === 0) {
        const { stdout } = await tspod('run', '--rm', image, 'cat', '/stolen')
        expect(stdout).not.toContain('intact')
        await ok('rmi', image)
      } else expect(status).toBe(125)
    })
  }

  e2e('skopeo')('that is cut off in the middle is refused', async () => {
    const { tar } = await busyboxLayer()
    const image = await pushImage(box, 'cut', [{ tar: tar.subarray(0, 1_000_000), compression: 'gzip' }])
    const { status } = await tspod('pull', '-q', image)
    expect(status).toBe(125)
    expect((await tspod('image', 'exists', image)).status).toBe(1)
  })
})

describe('many at once', () => {
  e2e()('eight creations of one name: one wins, seven are told', async () => {
    const results = await Promise.all(
      Array.from({ length: 8 }, () => tspod('create', '--name', 'wanted', 'alpine', 'true')),
    )
    expect(results.filter(({ status }) => status === 0).length).toBe(1)
    for (const { status, stderr } of results) if (status !== 0) expect(stderr).toContain('already in use')
    expect((await ok('ps', '-aq')).split('\n').length).toBe(1)
  })

  e2e()('two commands on one container end in a state that is one of theirs', async () => {
    await ok('run', '-d', '--name', 'torn', 'alpine', 'sleep', '1000')
    await Promise.all([
      tspod('stop', '-t', '0', 'torn'),
      tspod('start', 'torn'),
      tspod('kill', 'torn'),
      tspod('restart', '-t', '0', 'torn'),
      tspod('exec', 'torn', 'true'),
    ])
    expect(await ok('inspect', '-f', '{{.State.Status}}', 'torn')).toMatch(/^(running|exited)$/)
    const removals = await Promise.all(Array.from({ length: 4 }, () => tspod('rm', '-f', '-t', '0', 'torn')))
    expect(removals.some(({ status }) => status === 0)).toBe(true)
    expect(await ok('ps', '-aq')).toBe('')
  })

  e2e()('pulls of one image share nothing broken', async () => {
    await ok('rmi', 'alpine')
    const results = await Promise.all(Array.from({ length: 4 }, () => tspod('pull', '-q', 'alpine')))
    expect(results.map(({ status }) => status)).toEqual([0, 0, 0, 0])
    expect(await ok('run', '--rm', 'alpine', 'cat', '/etc/alpine-release')).toBe('3.20.0')
  })

  tspodOnly()(
    'a hundred containers start, answer and go',
    async () => {
      await many(100, 8, async i => {
        const { status, stderr } = await tspod(
          'run',
          '-d',
          '--name',
          `n${i}`,
          '--network',
          'none',
          'alpine',
          'sleep',
          '1000',
        )
        expect({ i, status, stderr }).toEqual({ i, status: 0, stderr: '' })
      })
      expect((await ok('ps', '-q')).split('\n').length).toBe(100)
      expect(await ok('exec', 'n99', 'hostname')).toMatch(/^[0-9a-f]{12}$/)
      await ok('rm', '-aft0')
      expect(await ok('ps', '-aq')).toBe('')
    },
    110_000,
  )

  tspodOnly()(
    'three hundred starts in a row hang nowhere and leave nothing',
    async () => {
      await many(300, 1, async i => {
        const { status, stdout } = await tspodWith(
          { timeoutMs: 10_000 },
          'run',
          '--rm',
          '--network',
          'none',
          'alpine',
          'echo',
          `${i}`,
        )
        expect({ status, stdout }).toEqual({ status: 0, stdout: `${i}\n` })
      })
      expect(await ok('ps', '-aq')).toBe('')
    },
    110_000,
  )
})

describe('streams', () => {
  const hash = 'dd if=/dev/zero bs=1k count=20000 2>/dev/null | tr "\\0" x'

  e2e()('output of 20 MB arrives whole', async () => {
    const { status, stdout } = await tspod('run', '--rm', 'alpine', 'sh', '-c', hash)
    expect({ status, length: stdout.length }).toEqual({ status: 0, length: 20_480_000 })
    expect(/^x+$/.test(stdout)).toBe(true)
  })

  e2e()('input of 20 MB arrives whole', async () => {
    const { stdout } = await tspodWith({ stdin: new Uint8Array(20_480_000) }, 'run', '-i', '--rm', 'alpine', 'wc', '-c')
    expect(stdout).toBe('20480000\n')
  })

  e2e()('a closed pipe ends the client, not the sense', async () => {
    const piped =
      await Bun.$`sh -c ${'"$@" | head -n 1'} sh ${box.command} run --rm alpine sh -c ${'yes | head -n 200000; true'}`
        .env(box.env)
        .quiet()
    expect(piped.stdout.toString()).toBe('y\n')
    await until('the container to be gone', async () => (await ok('ps', '-q')) === '', 20_000)
    const listed = await Bun.$`sh -c ${'"$@" | head -n 0'} sh ${box.command} images`.env(box.env).quiet()
    expect(listed.stderr.toString()).not.toMatch(/EPIPE|Error/)
  })

  e2e()('a slow reader of the log stops nobody', async () => {
    await ok(
      'run',
      '-d',
      '--name',
      'noisy',
      'alpine',
      'sh',
      '-c',
      'i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; echo the end; sleep 1000',
    )
    const follower = box.start('logs', '-f', 'noisy')
    await until('the end of its output', async () => (await ok('logs', '--tail', '1', 'noisy')) === 'the end', 30_000)
    follower.kill()
    const lines = (await ok('logs', 'noisy')).split('\n')
    expect(lines.length).toBe(20_001)
    expect(lines.slice(0, 20_000).every((line, i) => line === `line ${i}`)).toBe(true)
  })

  tspodOnly()('a terminal that vanishes leaves the container running', async () => {
    const terminal = box.terminal('run', '-it', '--name', 'left', 'alpine', 'sh')
    await terminal.shows(/[#$] /)
    terminal.hangUp()
    await terminal.exited
    expect(await ok('inspect', '-f', '{{.State.Status}}', 'left')).toBe('running')
    const again = box.terminal('attach', 'left')
    again.type('echo still-$((1+1))\n')
    await again.shows('still-2')
    again.type('exit\n')
    await again.exited
  })
})

describe('places', () => {
  tspodOnly()('a home that cannot be written is named in the error', async () => {
    const home = box.folder('closed-home')
    chmodSync(home, 0o500)
    const { status, stderr } = await tspodWith({ env: { HOME: home } }, 'run', '--rm', 'alpine', 'true')
    expect(status).toBe(125)
    expect(stderr).toContain(home)
    chmodSync(home, 0o700)
  })

  tspodOnly()('a runtime folder that is emptied while a container runs is made again', async () => {
    await ok('run', '-d', '--name', 'r', 'alpine', 'sh', '-c', 'while :; do echo tick; sleep 0.2; done')
    const keeperPid = () => Number(/\d+/.exec(readFileSync(join(box.runtime, 'tspod/userns'), 'utf8'))?.[0])
    const keeper = keeperPid()
    for (const entry of readdirSync(join(box.runtime, 'tspod')))
      await Bun.$`rm -rf ${join(box.runtime, 'tspod', entry)}`
    expect(await ok('ps', '--format', '{{.Names}}')).toBe('r')
    expect(await ok('exec', 'r', 'echo', 'in')).toBe('in')
    expect(await ok('logs', '--tail', '1', 'r')).toMatch(/^tick(\ntick)?$/) // one may come while they are read
    await ok('rm', '-ft0', 'r')
    await ok('ps', '-a')
    // rejoined or replaced; the one that nobody can find any more is ours to end
    if (keeperPid() !== keeper && existsSync(`/proc/${keeper}`)) process.kill(keeper, 'SIGKILL')
  })

  tspodOnly()('records that cannot be read spoil nothing else, and check says so', async () => {
    await ok('create', '--name', 'good', 'alpine', 'true')
    const id = await ok('create', '--name', 'bad', 'alpine', 'true')
    writeFileSync(join(box.graphRoot, 'containers', id, 'container.json'), '{"half')
    expect(await ok('ps', '-a', '--format', '{{.Names}}')).toContain('good')
    expect(await ok('start', '-a', 'good')).toBe('')
    const check = await tspod('system', 'check')
    expect(check.status).not.toBe(0)
    expect(`${check.stdout}${check.stderr}`).toContain(id.slice(0, 12))
    await tspod('system', 'check', '--repair', '--force')
    expect((await ok('ps', '-a', '--format', '{{.Names}}')).split('\n')).toEqual(['good'])
  })

  const tiny = process.env.TSPOD_TEST_TINY_DISK ?? ''
  tspodOnly('tiny-disk')('a full disk is named, loses nothing, and works again once there is room', async () => {
    const store = ['--root', join(tiny, 'store')]
    const filler = join(tiny, 'filler')
    await Bun.$`dd if=/dev/zero of=${filler} bs=64k`.nothrow().quiet()
    const full = await tspod(...store, 'pull', '-q', 'alpine')
    expect(full.status).toBe(125)
    expect(full.stderr).toMatch(/no space left|ENOSPC/i)
    await Bun.$`rm ${filler}`
    await ok(...store, 'pull', '-q', 'alpine')
    const inside = await tspod(
      ...store,
      'run',
      '--name',
      'eater',
      'alpine',
      'sh',
      '-c',
      'dd if=/dev/zero of=/f bs=64k 2>&1 | tail -1; echo alive; exit 3',
    )
    expect(inside.status).toBe(3)
    expect(inside.stdout).toContain('alive')
    const another = await tspod(...store, 'run', '--rm', 'alpine', 'true')
    if (another.status !== 0) expect(another.stderr).toMatch(/no space left|ENOSPC/i)
    await ok(...store, 'rm', '-f', 'eater')
    await ok(...store, 'run', '--rm', 'alpine', 'true')
    await ok(...store, 'rmi', 'alpine')
  })

  tspodOnly('tiny-disk')('a container that fills the disk can be stopped and removed', async () => {
    const store = ['--root', join(tiny, 'store')]
    await ok(...store, 'pull', '-q', 'alpine')
    for (const [verb, ...options] of [['stop'], ['rm', '-f']] as const) {
      await ok(...store, 'run', '-d', '--name', 'talker', 'alpine', 'yes', 'a line that is written again and again')
      await until('the disk to be full', () => isFull(tiny))
      await ok(...store, verb, ...options, '-t', '0', 'talker')
      if (verb === 'stop') await ok(...store, 'rm', '-f', 'talker')
      expect(await ok(...store, 'ps', '-aq')).toBe('')
    }
    await ok(...store, 'rmi', 'alpine')
  })
})

function isFull(folder: string): boolean {
  return statfsSync(folder).bavail === 0
}

function flipByte(bytes: Uint8Array, index: number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy[index] = (copy[index] ?? 0) ^ 0xff
  return copy
}
