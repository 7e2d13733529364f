// Where a build's files come from besides its folder: git, URLs, archives, an agent; and which of them COPY and ADD take.
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildHelpers } from './build-helpers.ts'
import { e2e, type Result, tspodOnly, until, useSandbox, write } from './sandbox.ts'

const box = useSandbox('alpine', 'debian')
const { tspod, tspodWith, ok } = box
const { context, built } = buildHelpers(box)

function command(...words: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(words, { env: { ...box.env, GIT_CONFIG_NOSYSTEM: '1' } })
  if (exitCode !== 0) throw new Error(`${words.join(' ')}: ${stderr.toString()}`)
  return stdout.toString().trim()
}

/** A repository with two commits, the first tagged `v1`, and a branch `dev`. */
function makeRepository(): { path: string; first: string } {
  const path = context('FROM alpine\nCOPY f /f\n', {
    f: 'one\n',
    'sub/Containerfile': 'FROM alpine\nCOPY f /f\n',
    'sub/f': 'sub\n',
  })
  const git = (...words: string[]): string =>
    command('git', '-C', path, '-c', 'user.name=n', '-c', 'user.email=e', ...words)
  git('init', '-q', '-b', 'main')
  git('add', '-A')
  git('commit', '-qm', 'one')
  git('tag', 'v1')
  const first = git('rev-parse', 'HEAD')
  write(path, 'f', 'two\n')
  git('commit', '-qam', 'two')
  git('branch', 'dev')
  return { path, first }
}

const archive = (folder: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Bun.spawnSync(['tar', '-C', folder, '-cz', '.']).stdout)

describe('git', () => {
  let daemon: Bun.Subprocess | undefined
  let repository = { path: '', first: '' }
  let url = ''
  beforeAll(async () => {
    repository = makeRepository()
    const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
    const { port } = listener
    listener.stop(true)
    const options = ['--export-all', '--listen=127.0.0.1', `--port=${port}`, '--reuseaddr', `--base-path=${box.home}`]
    daemon = Bun.spawn(['/usr/lib/git-core/git-daemon', ...options], {
      env: box.env,
      stdout: 'ignore',
      stderr: 'ignore',
    })
    url = `git://127.0.0.1:${port}${repository.path.slice(box.home.length)}/.git`
    await until('the git daemon', () => Bun.spawnSync(['git', 'ls-remote', url], { env: box.env }).exitCode === 0)
  })
  afterAll(async () => {
    daemon?.kill('SIGKILL')
    await daemon?.exited
  })

  tspodOnly('git')('is a context: HEAD, a tag, a folder of a branch, a commit', async () => {
    expect(await built(url, 'cat /f')).toBe('two')
    expect(await built(`${url}#v1`, 'cat /f')).toBe('one')
    expect(await built(`${url}#dev:sub`, 'cat /f')).toBe('sub')
    expect(await built(`${url}#${repository.first}`, 'cat /f')).toBe('one')
    const { status, stderr } = await tspod('build', '-q', `${url}#dev:../..`)
    expect([status, stderr]).toEqual([125, expect.stringContaining('is not in the repository')])
    expect((await tspod('build', '-q', `${url}#missing`)).stderr).toContain('missing')
  })

  tspodOnly('git')('is a source of ADD, with and without .git, of a commit that is given', async () => {
    const file = `FROM alpine\nADD ${url}#v1 /plain\nADD --keep-git-dir=true ${url} /whole\n`
    expect(await built(context(file), 'cat /plain/f /whole/f; ls -d /*/.git')).toBe('one\ntwo\n/whole/.git')
    const checked = (commit: string) => context(`FROM alpine\nADD --checksum=${commit} ${url}#v1 /plain\n`)
    expect(await built(checked(repository.first), 'cat /plain/f')).toBe('one')
    const { status, stderr } = await tspod('build', '-q', checked('0123abc'))
    expect([status, stderr]).toEqual([
      125,
      expect.stringContaining(`found the commit ${repository.first}, wanted 0123abc`),
    ])
  })
})

describe('URLs', () => {
  let server: ReturnType<typeof Bun.serve> | undefined
  let served = new Uint8Array()
  beforeAll(() => {
    server = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch(request) {
        const { pathname } = new URL(request.url)
        if (pathname === '/moved') return Response.redirect('/files.tar.gz')
        if (pathname === '/Containerfile') return new Response('FROM alpine\nRUN echo from-url > /said\n')
        if (pathname !== '/files.tar.gz') return new Response('no', { status: 404 })
        return new Response(served, { headers: { 'Last-Modified': 'Wed, 21 Oct 2015 07:28:00 GMT' } })
      },
    })
    served = archive(context('FROM alpine\nCOPY file /file\n', { file: 'served' }))
  })
  afterAll(async () => await server?.stop(true))
  const at = (path: string): string => `http://127.0.0.1:${server?.port ?? 0}${path}`

  e2e()('are contexts: an archive, also on standard input, and a Containerfile alone', async () => {
    expect(await built(at('/files.tar.gz'), 'cat /file')).toBe('served')
    expect(await built(at('/Containerfile'), 'cat /said')).toBe('from-url')
    const { status, stdout } = await tspodWith({ stdin: served }, 'build', '-q', '-')
    expect(status).toBe(0)
    expect(await ok('run', '--rm', stdout.trim(), 'cat', '/file')).toBe('served')
    expect((await tspod('build', '-q', at('/missing'))).status).toBe(125)
  })

  tspodOnly()('are sources of ADD: not unpacked, for root alone, as old as the server says', async () => {
    const digest = new Bun.CryptoHasher('sha256').update(served).digest('hex')
    const folder = context(
      `FROM alpine\nADD --checksum=sha256:${digest} ${at('/files.tar.gz')} /dl/\nADD --chmod=644 ${at('/moved')} /dl/named\n`,
    )
    expect(await built(folder, 'cd /dl; stat -c "%n %a %Y %s" *')).toBe(
      `files.tar.gz 600 1445412480 ${served.byteLength}\nnamed 644 1445412480 ${served.byteLength}`,
    )
    const wrong = context(`FROM alpine\nADD --checksum=sha256:${'0'.repeat(64)} ${at('/files.tar.gz')} /dl/\n`)
    const { status, stderr } = await tspod('build', '-q', wrong)
    expect([status, stderr]).toEqual([125, expect.stringContaining(`Containerfile:2: building at STEP "ADD`)])
    expect(stderr).toContain(`found the digest sha256:${digest}, wanted sha256:0000`)
  })
})

describe('COPY', () => {
  const files = {
    'a/b/c/one': '1',
    'a/b/two': '2',
    'a/three.txt': '3',
    'a/four.md': '4',
    'five.md': '5',
    'six.txt': '6',
  }

  tspodOnly()('--parents keeps paths, from the pivot on', async () => {
    const folder = context('FROM alpine\nCOPY --parents a/b/c/one ./a/./b/two a/*.txt /p/\n', files)
    expect(await built(folder, 'cd /p; find . -type f | sort')).toBe('./a/b/c/one\n./a/three.txt\n./b/two')
  })

  tspodOnly()('--exclude is relative to what is copied', async () => {
    const folder = context(
      'FROM alpine\nCOPY --exclude=*.md --exclude=b/c a /x/\nCOPY --exclude=*.md *.* /y/\nADD --exclude=**/one a /z/\n',
      files,
    )
    expect(await built(folder, 'find /x /y /z -type f | sort')).toBe(
      '/x/b/two\n/x/three.txt\n/y/six.txt\n/z/b/two\n/z/four.md\n/z/three.txt',
    )
  })

  tspodOnly()('--link is remembered whatever lies below it', async () => {
    const text = (base: string) => `FROM alpine\nRUN echo ${base} > /base\nCOPY --link a/three.txt /linked/file\n`
    expect(await built(context(text('one'), files), 'cat /linked/file')).toBe('3')
    const { stderr } = await tspod('build', context(text('two'), files))
    expect(stderr).toMatch(/COPY --link a\/three.txt .*\n#\d+ CACHED/)
  })
})

describe('an agent', () => {
  tspodOnly('ssh-agent', 'debian')('answers in a RUN that mounts it, and leaves nothing in the image', async () => {
    const socket = join(box.runtime, 'agent')
    const agent = Bun.spawn(['ssh-agent', '-D', '-a', socket], { stdout: 'ignore', stderr: 'ignore' })
    try {
      await until('the agent', () => existsSync(socket))
      // SSH_AGENTC_REQUEST_IDENTITIES (11) is answered by SSH_AGENT_IDENTITIES_ANSWER (12) with a count of none
      const ask = `use Socket; socket(S, PF_UNIX, SOCK_STREAM, 0); connect(S, sockaddr_un($ENV{SSH_AUTH_SOCK})) or die $!;
syswrite(S, "\\0\\0\\0\\1\\x0b"); sysread(S, $said, 99); print unpack("H*", $said)`
      const run = 'perl /ask > /answer; echo $SSH_AUTH_SOCK > /where'
      const folder = context(`FROM debian\nCOPY ask /ask\nRUN --mount=type=ssh ${run}\n`, { ask })
      const options = { env: { SSH_AUTH_SOCK: socket } }
      const { status, stdout, stderr } = await tspodWith(options, 'build', '-q', '--ssh', 'default', folder)
      expect([status, stderr]).toEqual([0, ''])
      const script = 'cat /answer; test ! -e $(cat /where) && echo gone'
      expect(await ok('run', '--rm', stdout.trim(), 'sh', '-c', script)).toBe('000000050c00000000gone')
      expect((await tspod('build', '-q', '--no-cache', folder)).status).toBe(0) // it is not required
      const needed = context('FROM alpine\nRUN --mount=type=ssh,required=true true\n')
      expect((await tspod('build', needed)).stderr).toContain('no agent was given')
    } finally {
      agent.kill('SIGKILL')
      await agent.exited
    }
  })

  tspodOnly('ssh-agent', 'debian')('of the build itself holds a key, and ends with it', async () => {
    const key = join(box.home, 'key')
    command('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'key of a test', '-f', key)
    // the answer to "which keys": a count, and for each its blob and its comment
    const ask = `use Socket; socket(S, PF_UNIX, SOCK_STREAM, 0); connect(S, sockaddr_un($ENV{SSH_AUTH_SOCK})) or die $!;
syswrite(S, "\\0\\0\\0\\1\\x0b"); sysread(S, $said, 999); print unpack("x5N", $said), " ", $said =~ /(key of a test)/`
    const folder = context('FROM debian\nCOPY ask /ask\nRUN --mount=type=ssh,id=mine perl /ask > /answer\n', { ask })
    expect(await built(folder, 'cat /answer', '--ssh', `mine=${key}`)).toBe('1 key of a test')
    expect(command('sh', '-c', 'pgrep -u $(id -u) -x ssh-agent || true')).toBe('')
    const text = readFileSync(key, 'utf8').split('\n')[1] ?? ''
    expect(Bun.spawnSync(['grep', '-rl', text, box.graphRoot, box.runtime]).stdout.toString()).toBe('')
    const wrong = await tspod('build', '-q', '--ssh', `mine=${write(box.home, 'no-key', 'text')}`, folder)
    expect(wrong).toMatchObject({ status: 125, stderr: expect.stringContaining('no-key" cannot be used: ') })
  })
})

describe('progress', () => {
  tspodOnly()('rawjson is what tools of BuildKit read', async () => {
    const folder = context('FROM alpine\nRUN echo hello; echo oops >&2\nRUN exit 3\n')
    const { status, stderr }: Result = await tspod('build', '--progress', 'rawjson', folder)
    expect(status).toBe(3)
    const lines = stderr.split('\n').filter(line => line.startsWith('{'))
    interface Vertex {
      digest: string
      name: string
      started?: string
      completed?: string
      error?: string
    }
    const all = lines.map(
      line => JSON.parse(line) as { vertexes?: Vertex[]; logs?: { vertex: string; data: string }[] },
    )
    const vertexes = all.flatMap(each => each.vertexes ?? [])
    const run = vertexes.find(({ name, completed }) => name.includes('RUN echo hello') && completed !== undefined)
    expect(Date.parse(run?.completed ?? '')).toBeGreaterThanOrEqual(Date.parse(run?.started ?? ''))
    const said = all.flatMap(each => each.logs ?? []).filter(({ vertex }) => vertex === run?.digest)
    expect(said.map(({ data }) => atob(data)).toSorted()).toEqual(['hello\n', 'oops\n'])
    expect(vertexes.at(-1)?.error).toContain('exit status 3')
  })

  tspodOnly()('on a terminal steps, times and the last output are drawn anew', async () => {
    const folder = context('FROM alpine\nRUN echo first; sleep 1; echo second\n')
    const terminal = box.terminal('build', '--no-cache', folder)
    expect(await terminal.exited).toBe(0)
    const text = terminal.text()
    expect(text).toContain(' => => # first')
    expect(text.split('\u001b[J').length).toBeGreaterThan(5) // drawn over what was there
    expect(text).toMatch(/\[\+\] Building \d+\.\d+s \(2\/2\) FINISHED/)
    expect(text).toMatch(/ => \[stage-0 2\/2\] RUN echo first.* 1\.\d+s/)
  })
})
