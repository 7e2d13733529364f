// Building images: what comes out is looked at by running it; where podman runs the file it must come out the same.
import { describe, expect } from 'bun:test'
import { existsSync, readdirSync, readFileSync, symlinkSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { buildHelpers } from './build-helpers.ts'
import { e2e, tspodOnly, until, useSandbox, write } from './sandbox.ts'

const box = useSandbox('alpine')
const { tspod, tspodWith, ok } = box
const { context, built } = buildHelpers(box)

const inspect = async (image: string, format: string): Promise<string> =>
  await ok('image', 'inspect', '-f', format, image)

describe('instructions', () => {
  e2e()('ENV, ARG, WORKDIR, USER and RUN see each other as they should', async () => {
    const folder = context(`ARG BASE=alpine
FROM \${BASE}
ARG VERSION=1
ENV V="v $VERSION" W=\${MISSING:-w}
WORKDIR /work/sub
RUN echo "$V $W $VERSION $(pwd) $(id -u)" > /said
USER app
RUN echo "$(id -u)" > /tmp/said
`)
    expect(await built(folder, 'cat /said /tmp/said')).toBe('v 1 w 1 /work/sub 0\n1000')
    expect(await built(folder, 'cat /said', '--build-arg', 'VERSION=2')).toBe('v 2 w 2 /work/sub 0')
  })

  e2e()('COPY: files, folders, patterns, owners, the ignore file', async () => {
    const folder = context(
      `FROM alpine
COPY one.txt /file
COPY one.txt dir/two.txt /many/
COPY dir /whole
COPY *.md /md/
COPY --chown=app:1000 dir/two.txt /owned
COPY link /link
COPY --from=alpine /etc/hostname /taken
`,
      {
        'one.txt': '1',
        'dir/two.txt': '2',
        'dir/sub/three': '3',
        'a.md': 'a',
        'b.md': 'b',
        '.containerignore': '*.md\n!b.md\ndir/sub',
      },
    )
    symlinkSync('one.txt', join(folder, 'link'))
    const script =
      'cat /file /many/one.txt /many/two.txt /whole/two.txt /link; echo; ls /whole /md; stat -c "%u:%g %n" /owned /file; cat /taken'
    expect((await built(folder, script)).split('\n')).toEqual([
      '11221',
      '/md:',
      'b.md',
      '',
      '/whole:',
      'two.txt',
      '1000:1000 /owned',
      '0:0 /file',
      'fixture',
    ])
  })

  e2e()('ADD unpacks a local archive', async () => {
    const folder = context('FROM alpine\nADD files.tar.gz /there/\n', { 'x/y': 'inside' })
    expect(Bun.spawnSync(['tar', '-C', folder, '-czf', join(folder, 'files.tar.gz'), 'x']).exitCode).toBe(0)
    expect(await built(folder, 'cat /there/x/y')).toBe('inside')
  })

  e2e()('ADD unpacks what xz and bzip2 compressed, and copies what is no archive', async () => {
    const folder = context('FROM alpine\nADD a.tar.xz b.tar.bz2 c.xz /there/\n', {
      'x/y': 'xz',
      'z/y': 'bzip2',
      c: 'plain',
    })
    const make = (...words: string[]) => expect(Bun.spawnSync(words, { cwd: folder }).exitCode).toBe(0)
    make('tar', '-cJf', 'a.tar.xz', 'x')
    make('tar', '-cjf', 'b.tar.bz2', 'z')
    make('xz', 'c')
    expect(await built(folder, 'cat /there/x/y /there/z/y; xz -dc /there/c.xz')).toBe('xzbzip2plain')
  })

  tspodOnly()('here-documents are scripts and files', async () => {
    const folder = context(`FROM alpine
ARG A=value
RUN <<EOF
echo one > /out
echo two >> /out
EOF
COPY <<-"RAW" <<COOKED /docs/
	$A
	RAW
$A
COOKED
`)
    expect(await built(folder, 'cat /out /docs/RAW /docs/COOKED')).toBe('one\ntwo\n$A\nvalue')
  })

  e2e()('the configuration is what the file says', async () => {
    const folder = context(`FROM alpine
LABEL a=b "c d"="e f"
EXPOSE 80 53/udp
VOLUME /data
STOPSIGNAL SIGINT
ENTRYPOINT ["/bin/echo"]
CMD ["hello"]
`)
    await ok('build', '-q', '-t', 'configured', folder)
    expect(await ok('run', '--rm', 'configured')).toBe('hello')
    expect(await inspect('configured', '{{json .Config.Entrypoint}}{{json .Config.Cmd}} {{.Config.StopSignal}}')).toBe(
      '["/bin/echo"]["hello"] SIGINT',
    )
    const labels = JSON.parse(await inspect('configured', '{{json .Config.Labels}}')) as Record<string, string>
    expect(labels).toMatchObject({ a: 'b', 'c d': 'e f' })
    const ports = JSON.parse(await inspect('configured', '{{json .Config.ExposedPorts}}')) as object
    expect(Object.keys(ports).toSorted()).toEqual(['53/udp', '80/tcp'])
  })

  tspodOnly()('HEALTHCHECK and ONBUILD are kept, and triggers run in the next build', async () => {
    const base = context('FROM alpine\nHEALTHCHECK --interval=5s CMD true\nONBUILD RUN echo triggered > /t\n')
    const id = await ok('build', '-q', '-t', 'with-trigger', base)
    const stored = JSON.parse(readFileSync(join(box.graphRoot, 'blobs/sha256', id), 'utf8')) as { config: object }
    expect(stored.config).toMatchObject({ Healthcheck: { Test: ['CMD-SHELL', 'true'], Interval: 5e9 } })
    expect(await built(context('FROM with-trigger\nRUN cat /t > /copy\n'), 'cat /copy')).toBe('triggered')
  })

  // podman leaves etc/hosts, etc/resolv.conf and run/
  tspodOnly()('a removed file is gone, and what mounting needed is not in the layer', async () => {
    const folder = context('FROM alpine\nRUN rm -r /srv && mkdir /new\n')
    await ok('build', '-q', '-t', 'changed', folder)
    const archive = join(box.home, 'changed.tar')
    await ok('save', '--format', 'oci-archive', '-o', archive, 'changed')
    const unpacked = box.folder('changed')
    expect(Bun.spawnSync(['tar', '-C', unpacked, '-xf', archive]).exitCode).toBe(0)
    const index = JSON.parse(readFileSync(join(unpacked, 'index.json'), 'utf8')) as { manifests: { digest: string }[] }
    const blob = (digest: string) => join(unpacked, 'blobs/sha256', digest.slice(7))
    const manifest = JSON.parse(readFileSync(blob(index.manifests[0]?.digest ?? ''), 'utf8')) as {
      layers: { digest: string }[]
    }
    const list = Bun.spawnSync(['tar', '-tf', blob(manifest.layers.at(-1)?.digest ?? '')]).stdout.toString()
    const names = list
      .split('\n')
      .map(each => each.replace(/^\.\//, ''))
      .filter(each => each !== '')
    expect(names.toSorted()).toEqual(['.wh.srv', 'new/'])
  })
})

describe('RUN --mount', () => {
  e2e()('secrets are seen by the step, and nowhere in the image', async () => {
    const secret = `secret-${crypto.randomUUID()}`
    const folder = context(
      'FROM alpine\nRUN --mount=type=secret,id=key sha256sum /run/secrets/key > /sum && ls /run/secrets > /names\n',
    )
    const file = write(box.home, 'key', secret)
    expect(await built(folder, 'cat /names; ls /run/secrets 2>&1 || true', '--secret', `id=key,src=${file}`)).toContain(
      'key',
    )
    const found = Bun.spawnSync(['grep', '-rl', secret, box.graphRoot, box.runtime])
    expect(found.stdout.toString()).toBe('')
  })

  e2e()('a cache is there again in the next build, and not in the image', async () => {
    const text = (step: string) =>
      `FROM alpine\nRUN --mount=type=cache,target=/cache,id=c1 echo ${step} >> /cache/list; cp /cache/list /seen\n`
    expect(await built(context(text('one')), 'cat /seen; ls /cache 2> /dev/null || true')).toBe('one')
    expect(await built(context(text('two')), 'cat /seen')).toBe('one\ntwo')
  })

  e2e()('the context is bound, read-only, and what is written with rw never reaches it', async () => {
    const folder = context(
      `FROM alpine
RUN --mount=target=/ctx cat /ctx/file > /seen; touch /ctx/new 2> /dev/null || echo refused >> /seen
RUN --mount=target=/ctx,rw touch /ctx/new && ls /ctx/new >> /seen
`,
      { file: 'content\n' },
    )
    expect(await built(folder, 'cat /seen')).toBe('content\nrefused\n/ctx/new')
    expect(existsSync(join(folder, 'new'))).toBe(false)
  })

  tspodOnly()('what is written to a bound file with rw goes with the step', async () => {
    const folder = context(
      `FROM alpine
RUN --mount=source=file,target=/f,rw echo more >> /f && cp /f /seen
RUN --mount=source=file,target=/f cat /f >> /seen; echo x 2> /dev/null >> /f || echo refused >> /seen
`,
      { file: 'content\n' },
    )
    expect(await built(folder, 'cat /seen; test ! -s /f && echo gone')).toBe('content\nmore\ncontent\nrefused\ngone')
    expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('content\n')
  })

  tspodOnly()('a cache begins with the files of a stage or of the context', async () => {
    const run = 'cat /cache/* > /seen; echo more >> /cache/a; stat -c %u:%g:%a /cache/a >> /seen'
    const text = (step: string, from: string) =>
      `FROM alpine AS start
RUN mkdir -p /start/in && echo from the stage > /start/in/a && chown 3:4 /start/in/a && chmod 600 /start/in/a
FROM alpine
RUN --mount=type=cache,target=/cache,id=begun,from=${from} echo ${step}; ${run}
`
    const stage = 'start,source=/start/in'
    expect(await built(context(text('one', stage)), 'cat /seen')).toBe('from the stage\n3:4:600')
    expect(await built(context(text('two', stage)), 'cat /seen')).toBe('from the stage\nmore\n3:4:600')
    // beginning with other files it is another cache
    const other = ['--build-context', `other=${context('', { 'd/a': 'from the folder\n' })}`]
    expect(await built(context(text('three', 'other,source=d')), 'cat /seen', ...other)).toContain(
      'from the folder\n0:0:',
    )
  })
})

describe('stages', () => {
  e2e()('what the target does not need is not built', async () => {
    const folder = context(`FROM alpine AS good
RUN echo good > /good
FROM alpine AS bad
RUN false
FROM good
COPY --from=good /good /copy
`)
    expect(await built(folder, 'cat /copy')).toBe('good')
    expect((await tspod('build', '-q', '--target', 'bad', folder)).status).not.toBe(0)
  })

  tspodOnly()('two that need nothing of each other run in the time of one', async () => {
    const stage = (name: string) =>
      `FROM alpine AS ${name}\nRUN cut -d" " -f1 /proc/uptime > /${name}; sleep 3; cut -d" " -f1 /proc/uptime >> /${name}\n`
    const folder = context(`${stage('a')}${stage('b')}FROM alpine\nCOPY --from=a /a /\nCOPY --from=b /b /\n`)
    const times = (await built(folder, 'cat /a /b', '--jobs', '2')).split('\n').map(Number)
    const [startA = 0, endA = 0, startB = 0, endB = 0] = times
    expect(startA).toBeLessThan(endB)
    expect(startB).toBeLessThan(endA)
  })

  tspodOnly()('what three of them say comes as they say it', async () => {
    const stage = (name: string) => `FROM alpine AS ${name}\nRUN echo one; sleep 1; echo two; sleep 6\n`
    const folder = context(
      `${stage('a')}${stage('b')}${stage('c')}FROM scratch\nCOPY --from=a / /\nCOPY --from=b / /\nCOPY --from=c / /\n`,
    )
    const build = box.start('build', '--no-cache', '--jobs', '3', '--progress', 'plain', folder)
    const cameAt: Record<'one' | 'two' | 'DONE', number[]> = { one: [], two: [], DONE: [] }
    const decoder = new TextDecoder()
    for await (const chunk of build.stderr)
      for (const [, word] of decoder.decode(chunk).matchAll(/^#\d+ (?:\d+\.\d+ )?(one|two|DONE [678]\.)/gm))
        cameAt[(word?.slice(0, 4).trim() ?? 'one') as 'one'].push(performance.now())
    expect(await build.exited).toBe(0)
    expect([cameAt.one.length, cameAt.two.length]).toEqual([3, 3])
    // the last word of all came long before the first of them was done
    expect(Math.max(...cameAt.two)).toBeLessThan(Math.min(...cameAt.DONE) - 1000)
  })
})

describe('cache', () => {
  tspodOnly()('nothing is done twice; a changed file does its step and those after it', async () => {
    const folder = context(
      'FROM alpine\nRUN cat /proc/sys/kernel/random/uuid > /first\nCOPY file /file\nRUN cat /proc/sys/kernel/random/uuid > /last\n',
      { file: '1' },
    )
    const both = 'cat /first /last'
    const before = await built(folder, both)
    expect(await built(folder, both)).toBe(before)
    const id = await ok('build', '-q', folder)
    utimesSync(join(folder, 'file'), 1, 1)
    expect(await ok('build', '-q', folder)).toBe(id)
    write(folder, 'file', '2')
    const [first, last] = before.split('\n')
    const after = (await built(folder, both)).split('\n')
    expect(after[0]).toBe(first)
    expect(after[1]).not.toBe(last)
    expect((await built(folder, both, '--no-cache')).split('\n')[0]).not.toBe(first)
  })

  tspodOnly()('outlives its image, and is pruned by name', async () => {
    const folder = context('FROM alpine\nRUN cat /proc/sys/kernel/random/uuid > /kept\n')
    const before = await built(folder, 'cat /kept', '-t', 'kept')
    await ok('rmi', 'kept')
    expect(await built(folder, 'cat /kept')).toBe(before)
    await ok('image', 'prune', '-f', '--all', '--build-cache')
    await ok('pull', '-q', 'alpine')
    expect(await built(folder, 'cat /kept')).not.toBe(before)
    expect((await tspod('system', 'check')).stdout).not.toMatch(/damaged|missing/)
  })
})

describe('squash', () => {
  const file = `FROM alpine
RUN mkdir /d && echo 1 > /d/a && rm /etc/profile && echo big > /big
RUN rm -r /d && mkdir /d && echo 3 > /d/c && rm /big && chmod 4755 /d/c && chown 3:4 /d && ln /d/c /d/hard && ln -s c /d/sym
RUN rm -r /srv /media && mkdir /media
COPY file /file
`
  const look = `cd /; find d media srv big etc/profile -exec stat -c '%n %a %u:%g %s' {} + 2> /dev/null; cat d/sym file
test d/c -ef d/hard && echo linked`

  for (const [option, layers] of [
    ['--squash', 2],
    ['--squash-all', 1],
  ] as const)
    e2e()(`${option} makes ${layers} of five layers, with the same files`, async () => {
      const folder = context(file, { file: 'content\n' })
      const plain = await built(folder, look)
      expect(plain).toContain('d/c 4755 0:0 2')
      expect(await built(folder, look, option)).toBe(plain)
      const id = await ok('build', '-q', option, folder)
      expect(JSON.parse(await inspect(id, '{{json .RootFS.Layers}}'))).toHaveLength(layers)
      const archive = join(box.home, `squashed-${layers}.tar`)
      await ok('save', '--format', 'oci-archive', '-o', archive, id)
      await ok('rmi', '-f', id)
      await ok('load', '-q', '-i', archive)
      expect(await ok('run', '--rm', id, 'sh', '-c', look)).toBe(plain)
    })

  tspodOnly()('is remembered, and hides what was only there in between', async () => {
    const folder = context('FROM alpine\nRUN cat /proc/sys/kernel/random/uuid > /a\nRUN rm /a; echo b > /b\n')
    const id = await ok('build', '-q', '--squash', folder)
    expect(await ok('build', '-q', '--squash', folder)).toBe(id)
    const layers = JSON.parse(await inspect(id, '{{json .RootFS.Layers}}')) as string[]
    const blob = join(box.graphRoot, 'blobs/sha256', layers.at(-1)?.slice(7) ?? '')
    const names = Bun.spawnSync(['tar', '-tf', blob]).stdout.toString().split('\n')
    expect(names.filter(name => name !== '' && name !== './').toSorted()).toEqual(['.wh.a', 'b'])
  })
})

describe('outputs', () => {
  tspodOnly()('the same input is the same image twice, with --timestamp and SOURCE_DATE_EPOCH', async () => {
    const folder = context('FROM alpine\nRUN echo hi > /file; mkdir /folder\nCOPY Containerfile /\n')
    const epoch = { env: { SOURCE_DATE_EPOCH: '1700000000' } }
    const build = async (...args: string[]) =>
      (await tspodWith(epoch, 'build', '-q', '--no-cache', ...args, folder)).stdout
    const [first, second] = [await build(), await build()]
    expect(first).toMatch(/^[0-9a-f]{64}\n$/)
    expect(second).toBe(first)
    const third = await ok('build', '-q', '--no-cache', '--timestamp', '86400', folder)
    expect(await ok('run', '--rm', third, 'stat', '-c', '%Y', '/file', '/folder', '/Containerfile')).toBe(
      '86400\n86400\n86400',
    )
  })

  e2e()('a folder and an archive of the files', async () => {
    const folder = context('FROM scratch\nCOPY file /out/file\n', { file: 'content' })
    const out = join(box.home, 'out')
    await ok('build', '-q', '-o', out, folder)
    expect(readFileSync(join(out, 'out/file'), 'utf8')).toBe('content')
    const archive = join(box.home, 'out.tar')
    await ok('build', '-q', '-o', `type=tar,dest=${archive}`, folder)
    expect(Bun.spawnSync(['tar', '-tf', archive]).stdout.toString()).toContain('out/file')
  })

  e2e()('--iidfile has the id', async () => {
    const file = join(box.home, 'iid')
    const id = await ok('build', '-q', '--iidfile', file, context('FROM alpine\nENV X=1\n'))
    expect(readFileSync(file, 'utf8')).toContain(id)
  })
})

describe('contexts', () => {
  e2e()('an archive on standard input; a Containerfile alone', async () => {
    const folder = context('FROM alpine\nCOPY file /\n', { file: 'x' })
    const archive = Bun.spawnSync(['tar', '-C', folder, '-c', '.']).stdout
    const fromArchive = await tspodWith({ stdin: new Uint8Array(archive) }, 'build', '-q', '-')
    expect(fromArchive.status).toBe(0)
    const alone = await tspodWith({ stdin: 'FROM alpine\nRUN true\n' }, 'build', '-q', '-')
    expect([alone.status, alone.stdout.length]).toEqual([0, 65])
  })

  e2e()('--build-context names a folder', async () => {
    const folder = context('FROM alpine\nCOPY --from=other file /\n')
    const other = context('', { file: 'other' })
    expect(await built(folder, 'cat /file', '--build-context', `other=${other}`)).toBe('other')
  })

  tspodOnly()('--build-context names an image of an OCI layout, by its tag or digest', async () => {
    const layout = join(box.home, 'layout')
    await ok('build', '-q', '-t', 'localhost/inner:v2', context('FROM alpine\nRUN echo inside > /inner\n'))
    await ok('save', '--format', 'oci-dir', '-o', layout, 'localhost/inner:v2')
    await ok('rmi', 'localhost/inner:v2')
    const { manifests } = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'))
    const folder = context('FROM base\nCOPY --from=base inner /copy\n')
    for (const end of ['', ':v2', `@${manifests[0].digest}`])
      expect(await built(folder, 'cat /inner /copy', '--build-context', `base=oci-layout://${layout}${end}`)).toBe(
        'inside\ninside',
      )
    const { status, stderr } = await tspod('build', '--build-context', `base=oci-layout://${layout}:v3`, folder)
    expect(status).toBe(125)
    expect(stderr).toMatch(/has no image with the tag "v3"\nhint: it has: .*v2/)
    const files = await tspod('build', '--build-context', `base=${folder}`, context('FROM base\n'))
    expect(files.stderr).toContain('FROM base: this build context is files, must be an image')
  })

  e2e()('no path and no link leads out of one', async () => {
    const outside = write(box.home, 'outside.txt', 'private')
    const folder = context('FROM alpine\nCOPY link /copy\n')
    symlinkSync(outside, join(folder, 'link'))
    expect((await tspod('build', '-q', folder)).status).not.toBe(0)
    expect((await tspod('build', '-q', context('FROM alpine\nCOPY ../outside.txt /copy\n'))).status).not.toBe(0)
  })

  e2e()('a link of the image does not lead a COPY out of it', async () => {
    const folder = context(
      `FROM alpine\nRUN ln -s ${box.home} /trap && mkdir -p ${box.home}\nCOPY file /trap/file-of-the-image\n`,
      { file: 'x' },
    )
    await ok('build', '-q', folder)
    expect(existsSync(join(box.home, 'file-of-the-image'))).toBe(false)
  })
})

/** A step of the test below runs. */
const isSleeping = (): boolean =>
  Bun.spawnSync(['pgrep', '-u', String(process.getuid?.()), '-f', '^sleep 300$']).exitCode === 0

describe('mistakes and bad luck', () => {
  tspodOnly()('a failed step tells its place, its lines and its exit status', async () => {
    const folder = context('FROM alpine\nRUN echo said; \\\n  exit 7\nRUN true\n')
    const { status, stderr } = await tspod('build', folder)
    expect(status).toBe(7)
    expect(stderr).toContain('said')
    expect(stderr).toContain('Containerfile:2: building at STEP "RUN echo said;   exit 7": exit status 7')
    expect(stderr).toContain('> 3 |   exit 7')
  })

  tspodOnly()('mistakes in the file have line, column and a hint', async () => {
    const { status, stderr } = await tspod('build', context('FROM alpine\nRUM true\n'))
    expect(status).toBe(125)
    expect(stderr).toContain('Containerfile:2:1: "RUM" is no instruction')
    expect(stderr).toContain('hint: did you mean RUN?')
  })

  tspodOnly()('a killed build leaves usable cache, and the next one clears the rest', async () => {
    const folder = context('FROM alpine\nRUN cat /proc/sys/kernel/random/uuid > /first\nRUN echo running; sleep 300\n')
    const running = box.start('build', folder)
    const containers = join(box.graphRoot, 'containers')
    await until('the step', isSleeping, 60_000)
    running.kill('SIGKILL')
    await running.exited
    await until('its end', () => !isSleeping(), 60_000)
    write(folder, 'Containerfile', 'FROM alpine\nRUN cat /proc/sys/kernel/random/uuid > /first\nRUN true\n')
    const { stderr } = await tspod('build', folder)
    expect(stderr).toMatch(/RUN cat .*\n#\d+ CACHED/)
    expect(readdirSync(containers)).toEqual([])
    expect(readdirSync(join(box.graphRoot, 'tmp')).filter(name => name.startsWith('stage-'))).toEqual([])
  })

  tspodOnly()('--check says what could be better, and builds nothing', async () => {
    const folder = context('FROM alpine as base\nCOPY hidden /\nRUN exit 7\n', { '.dockerignore': 'hidden' })
    const { status, stdout } = await tspod('build', '--check', folder)
    expect(status).toBe(1)
    expect(stdout).toStartWith(
      'Check complete, 2 warnings have been found!\n\nWARNING: FromAsCasing - https://docs.docker.com/',
    )
    expect(stdout).toContain(
      '\nContainerfile:2\n--------------------\n   1 |     FROM alpine as base\n   2 | >>> COPY hidden /\n',
    )
    write(folder, 'Containerfile', 'FROM alpine AS base\nRUN exit 7\n')
    expect(await tspod('build', '--check', folder)).toMatchObject({
      status: 0,
      stdout: 'Check complete, no warnings found.\n',
    })
    write(folder, 'Containerfile', '# check=error=true\nFROM alpine as base\n')
    const strict = await tspod('build', folder)
    expect([strict.status, strict.stderr]).toEqual([
      125,
      expect.stringContaining('lint violation found for rules: FromAsCasing'),
    ])
  })

  tspodOnly()('--debug-shell opens a shell in the state before the failed step', async () => {
    const folder = context(
      `FROM alpine
ARG WHO=me
ENV A=b
WORKDIR /work
RUN echo made > /made
USER app
RUN --mount=target=/ctx --mount=type=tmpfs,target=/t touch /tmp/half && exit 7
`,
      { file: 'of the context\n' },
    )
    const script = 'echo "<$(cat /made /ctx/file; pwd; id -u; echo $A $WHO; ls /tmp)>"; exit 3\n'
    const images = await ok('images', '-qa')
    const { status, stdout, stderr } = await tspodWith({ stdin: script }, 'build', '--debug-shell', folder)
    expect([status, stdout]).toEqual([7, '<made\nof the context\n/work\n1000\nb me>\n'])
    expect(stderr).toContain("A shell in the state before this step; without the step's mounts (tmpfs).")
    expect(await ok('images', '-qa')).toBe(images)
    expect(await ok('ps', '-aq')).toBe('')
    const terminal = box.terminal('build', '--debug-shell', folder)
    await terminal.shows('It ends with "exit"')
    await terminal.shows(/\$ /)
    terminal.type('echo $((6 * 7))-$A\r')
    await terminal.shows('42-b')
    terminal.type('exit\r')
    expect(await terminal.exited).toBe(7)
  })

  tspodOnly()('--explain prints the plan, and builds nothing', async () => {
    const folder = context(`FROM alpine AS tools
ARG V=1
RUN exit $V
FROM alpine AS unused
FROM alpine
COPY --from=tools --chown=1:2 /a /b/
`)
    const { status, stdout } = await tspod('build', '--explain', folder)
    expect(status).toBe(0)
    expect(stdout).toContain('stage 0 "tools" for linux/')
    expect(stdout).toContain('a container runs ["/bin/sh","-c","exit $V"]')
    expect(stdout).toContain('  after: 0 "tools"')
    expect(stdout).toContain('/a → /b/; from tools, for 1:2')
    expect(stdout).toContain('left out, nothing needs them: 1 "unused"')
  })

  tspodOnly()('limits that nobody enforces are refused before anything is done', async () => {
    const folder = context('FROM localhost/nowhere\nRUN true\n')
    const { status, stderr } = await tspod('--cgroup-manager', 'none', 'build', '-m', '64m', folder)
    expect([status, stderr]).toEqual([125, expect.stringContaining('memory.max = 67108864')])
    expect(stderr).toContain('there is no control group to do it in: the command line says so')
  })

  tspodOnly()('what is not there yet is refused by name', async () => {
    const { status, stderr } = await tspod('build', '--sbom', 'x', context('FROM alpine\n'))
    expect([status, stderr]).toEqual([125, expect.stringContaining('--sbom is not implemented yet')])
  })
})
