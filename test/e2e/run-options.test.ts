// Options of run, each seen from inside the container.
import { describe, expect } from 'bun:test'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { e2e, isPodman, read, tspodOnly, until, useSandbox, write } from './sandbox.ts'

const box = useSandbox('alpine')
const { tspod, tspodWith, ok } = box

/** Runs a shell script in a new container. */
const sh = (options: string[], script: string) => ok('run', '--rm', ...options, 'alpine', 'sh', '-c', script)

describe('environment', () => {
  e2e()('-e sets, takes from the caller, and overrides --env-file', async () => {
    const file = write(box.home, 'env', '# a comment\nFROM_FILE=file\nBOTH=file\n')
    const { stdout } = await tspodWith(
      { env: { CALLER: 'mine' } },
      'run',
      '--rm',
      '-e',
      'A=1 2',
      '-e',
      'CALLER',
      '-e',
      'BOTH=option',
      '--env-file',
      file,
      'alpine',
      'env',
    )
    expect(stdout.split('\n')).toEqual(
      expect.arrayContaining(
        [
          'A=1 2',
          'CALLER=mine',
          'FROM_FILE=file',
          'BOTH=option',
          'HOME=/root',
          'container=' + (isPodman ? 'podman' : 'tspod'),
        ].filter(line => !line.startsWith('container=')),
      ),
    )
  })

  e2e()('has HOSTNAME, HOME and the PATH of the image, TERM with a terminal, and nothing of the caller', async () => {
    const { stdout } = await tspodWith(
      { env: { SECRET_OF_CALLER: 'x' } },
      'run',
      '--rm',
      '-t',
      '--hostname',
      'box',
      'alpine',
      'env',
    )
    expect(stdout).toContain('PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin')
    expect(stdout).toContain('HOSTNAME=box')
    expect(stdout).toContain('HOME=/root')
    expect(stdout).toContain('TERM=xterm')
    expect(stdout).not.toContain('SECRET_OF_CALLER')
  })

  e2e()('--unsetenv and --unsetenv-all take away', async () => {
    expect(await ok('run', '--rm', '--unsetenv', 'PATH', 'alpine', '/bin/busybox', 'env')).not.toContain('PATH=')
    expect(await ok('run', '--rm', '--unsetenv-all', '-e', 'ONLY=this', 'alpine', '/bin/busybox', 'env')).toContain(
      'ONLY=this',
    )
  })
})

describe('identity', () => {
  e2e()('--user takes names, numbers and groups from the image', async () => {
    expect(await sh([], 'id -u; id -g')).toBe('0\n0')
    expect(await sh(['-u', 'app'], 'id -un; id -gn; id -G')).toBe('app\napp\n1000 18')
    expect(await sh(['-u', '1000:users'], 'id -u; id -g')).toBe('1000\n100')
    expect(await sh(['-u', '4242'], 'id -u; id -g')).toBe('4242\n0')
    expect(await sh(['-u', 'app', '--group-add', 'users'], 'id -G')).toContain('100')
  })

  e2e()('HOME and the working folder follow user and -w', async () => {
    expect(await sh(['-u', 'app'], 'echo $HOME; pwd')).toBe('/home/app\n/')
    expect(await sh(['-w', '/var/log'], 'pwd')).toBe('/var/log')
    if (!isPodman) expect(await sh(['-w', '/made/for/me'], 'pwd')).toBe('/made/for/me')
    expect((await tspod('run', '--rm', '-w', 'relative', 'alpine', 'pwd')).status).not.toBe(0)
  })

  e2e()('--hostname, --umask', async () => {
    expect(await sh(['--hostname', 'named'], 'hostname; grep -c named /etc/hostname; grep -c named /etc/hosts')).toBe(
      'named\n1\n1',
    )
    expect(await sh(['--umask', '0077'], 'umask')).toBe('0077')
    expect(await sh([], 'umask')).toBe('0022')
  })

  e2e()('--userns keep-id is the caller inside and out', async () => {
    const folder = box.folder('kept')
    await sh(['--userns', 'keep-id', '-v', `${folder}:/w`], `[ $(id -u) = ${process.getuid?.()} ] && touch /w/file`)
    expect(statSync(join(folder, 'file')).uid).toBe(process.getuid?.() ?? -1)
  })

  e2e()("root in the container is the caller outside, and not the host's root", async () => {
    const folder = box.folder('rooted')
    await sh(['-v', `${folder}:/w`], 'touch /w/file; chown 1000:1000 /w/file')
    const { uid } = statSync(join(folder, 'file'))
    expect(uid).not.toBe(0)
    expect(uid).toBeGreaterThan(1000)
    await sh(['-v', `${folder}:/w`], 'chown 0:0 /w/file')
    expect(statSync(join(folder, 'file')).uid).toBe(process.getuid?.() ?? -1)
  })
})

describe('command', () => {
  e2e()('--entrypoint replaces, and an empty one clears', async () => {
    expect(await ok('run', '--rm', '--entrypoint', '/bin/echo', 'alpine', 'a', 'b')).toBe('a b')
    expect(await ok('run', '--rm', '--entrypoint', '["echo","json"]', 'alpine', 'b')).toBe('json b')
    expect(await ok('run', '--rm', '--entrypoint', '', 'alpine', 'echo', 'plain')).toBe('plain')
  })

  e2e()('--init puts a small init at 1 that reaps', async () => {
    expect(await sh(['--init'], 'cat /proc/1/comm')).not.toBe('sh')
    const zombies = await sh(
      ['--init'],
      '(sleep 0.1 & exec true) ; sleep 0.5; grep -l "State:.Z" /proc/[0-9]*/status | wc -l',
    )
    expect(zombies).toBe('0')
  })

  e2e()('--cidfile and --pidfile are written and not overwritten', async () => {
    const [cid, pid] = [join(box.home, 'cid'), join(box.home, 'pid')]
    const id = await ok('run', '-d', '--cidfile', cid, '--pidfile', pid, 'alpine', 'sleep', '1000')
    expect(read(cid)).toBe(id)
    expect(read(pid).trim()).toBe(await ok('inspect', '-f', '{{.State.Pid}}', id))
    expect((await tspod('run', '--rm', '--cidfile', cid, 'alpine', 'true')).status).toBe(125)
    await ok('rm', '-ft0', id)
  })

  tspodOnly()('a --cidfile that is there refuses the container, before anything of it is made', async () => {
    const file = write(box.home, 'taken', 'x')
    const { status, stderr } = await tspod('run', '--rm', '--cidfile', file, 'alpine', 'true')
    expect({ status, stderr }).toMatchObject({
      status: 125,
      stderr: expect.stringContaining('container id file exists'),
    })
    expect(await ok('ps', '-aq')).toBe('')
    const made = join(box.home, 'of-create')
    const pidFile = join(box.home, 'of-start')
    expect(
      await ok('create', '--cidfile', made, '--pidfile', pidFile, '--name', 'later', 'alpine', 'sleep', '60'),
    ).toBe(read(made))
    await ok('start', 'later')
    expect(await ok('inspect', '-f', '{{.State.Pid}}', 'later')).toBe(read(pidFile))
    await ok('rm', '-f', '-t', '0', 'later')
    const nobody = join(box.home, 'of-nobody')
    expect((await tspod('create', '--cidfile', nobody, '--user', 'nosuch', 'alpine')).status).toBe(126)
    expect(existsSync(nobody)).toBe(false)
  })

  e2e()('--timeout kills, attached and detached', async () => {
    const attached = await tspod('run', '--rm', '--timeout', '1', 'alpine', 'sleep', '60')
    expect(attached.status).toBe(255)
    await ok('run', '-d', '--name', 'timed', '--timeout', '1', 'alpine', 'sleep', '60')
    expect(await ok('wait', 'timed')).toBe('255')
    await ok('rm', 'timed')
  })

  e2e()('--name, --label, --annotation show in inspect and ps filters', async () => {
    await ok(
      'create',
      '--name',
      'labelled',
      '-l',
      'colour=blue',
      '--label',
      'empty',
      '--annotation',
      'note=1',
      'alpine',
    )
    expect(
      await ok(
        'inspect',
        '-f',
        '{{index .Config.Labels "colour"}}|{{index .Config.Labels "empty"}}|{{index .Config.Annotations "note"}}',
        'labelled',
      ),
    ).toBe('blue||1')
    expect(await ok('ps', '-a', '--filter', 'label=colour=blue', '--format', '{{.Names}}')).toBe('labelled')
    expect(await ok('ps', '-a', '--filter', 'label=colour=red', '-q')).toBe('')
    await ok('rm', 'labelled')
  })

  e2e()('--stop-signal and --stop-timeout rule stop', async () => {
    await ok(
      'run',
      '-d',
      '--name',
      'polite',
      '--stop-signal',
      'USR1',
      'alpine',
      'sh',
      '-c',
      'trap "exit 33" USR1; echo ready; while :; do sleep 0.05; done',
    )
    // process 1 ignores a signal that it has no handler for yet
    await until('the handler', async () => (await ok('logs', 'polite')) === 'ready')
    await ok('stop', 'polite')
    expect(await ok('inspect', '-f', '{{.State.ExitCode}}', 'polite')).toBe('33')
    await ok('rm', 'polite')
    await ok(
      'run',
      '-d',
      '--name',
      'deaf',
      '--stop-timeout',
      '1',
      'alpine',
      'sh',
      '-c',
      'trap "" TERM; while :; do sleep 0.05; done',
    )
    const started = performance.now()
    await tspod('stop', 'deaf')
    expect(performance.now() - started).toBeLessThan(8000)
    expect(await ok('inspect', '-f', '{{.State.ExitCode}}', 'deaf')).toBe('137')
    await ok('rm', 'deaf')
  })

  e2e()('--replace takes the place of another of the same name', async () => {
    const first = await ok('run', '-d', '--name', 'place', 'alpine', 'sleep', '1000')
    const second = (await ok('run', '-d', '--name', 'place', '--replace', 'alpine', 'sleep', '1000')).split('\n').at(-1)
    expect(await ok('ps', '-aq', '--no-trunc')).toBe(second ?? '')
    expect(first).not.toBe(second)
    await ok('rm', '-ft0', 'place')
  })
})

describe('file systems', () => {
  e2e()('--read-only refuses writes but to /tmp, /run and /dev/shm', async () => {
    expect(
      await sh(
        ['--read-only'],
        'touch /x 2>/dev/null || echo refused; for d in /tmp /run /dev/shm /var/tmp; do touch $d/x && echo $d; done',
      ),
    ).toBe('refused\n/tmp\n/run\n/dev/shm\n/var/tmp')
    expect(await sh(['--read-only', '--read-only-tmpfs=false'], 'touch /tmp/x 2>/dev/null || echo refused')).toBe(
      'refused',
    )
  })

  e2e()('--tmpfs mounts with its options', async () => {
    expect(await sh(['--tmpfs', '/t:size=3m,mode=0710,noexec'], 'grep " /t " /proc/mounts; stat -c %a /t')).toMatch(
      /^tmpfs \/t tmpfs rw,.*noexec.*size=3072k.*\n710$/,
    )
  })

  e2e()('--shm-size', async () => {
    expect(await sh(['--shm-size', '3m'], 'df -k /dev/shm | tail -1 | awk "{print \\$2}"')).toBe('3072')
    expect(await sh([], 'df -k /dev/shm | tail -1 | awk "{print \\$2}"')).toBe(isPodman ? '64000' : '65536')
  })

  e2e()('/dev has its nodes and links and nothing of the host', async () => {
    const names = (await sh([], 'ls /dev')).split('\n')
    expect(names).toEqual(
      expect.arrayContaining([
        'fd',
        'full',
        'mqueue',
        'null',
        'ptmx',
        'pts',
        'random',
        'shm',
        'stderr',
        'stdin',
        'stdout',
        'tty',
        'urandom',
        'zero',
      ]),
    )
    expect(names.filter(name => /^(sd|vd|loop|kvm|mem|kmsg|nvme)/.test(name))).toEqual([])
    expect(
      await sh([], 'head -c 3 /dev/zero | od -An -tx1; echo x > /dev/null; echo x > /dev/full || echo full'),
    ).toContain('00 00 00')
  })

  e2e('fuse')('--device brings one device', async () => {
    expect(await sh(['--device', '/dev/fuse'], 'test -c /dev/fuse && echo there')).toBe('there')
    expect(await sh(['--device', '/dev/fuse:/dev/other:rwm'], 'test -c /dev/other && echo there')).toBe('there')
    expect((await tspod('run', '--rm', '--device', '/dev/no-such', 'alpine', 'true')).status).not.toBe(0)
  })
})

describe('limits and kernel settings', () => {
  e2e()('a --device that is not there is named, and --dns without a network is refused', async () => {
    const device = await tspod('run', '--rm', '--device', '/dev/nope', 'alpine', 'true')
    expect(device).toMatchObject({
      status: 125,
      stderr: expect.stringContaining('stat /dev/nope: no such file or directory'),
    })
    const dns = await tspod('run', '--rm', '--network', 'none', '--dns', '1.1.1.1', 'alpine', 'true')
    expect(dns).toMatchObject({
      status: 125,
      stderr: expect.stringContaining('conflicting options: dns and the network mode: none'),
    })
  })

  e2e()('--ulimit', async () => {
    expect(await sh(['--ulimit', 'nofile=100:200'], 'ulimit -Sn; ulimit -Hn')).toBe('100\n200')
    expect(await sh(['--ulimit', 'core=0'], 'ulimit -c')).toBe('0')
  })

  e2e()('--sysctl of its own namespaces, and refused for others', async () => {
    expect(
      await sh(['--sysctl', 'net.ipv4.ip_forward=1', '--network', 'none'], 'cat /proc/sys/net/ipv4/ip_forward'),
    ).toBe('1')
    expect(await sh(['--sysctl', 'kernel.msgmax=4096'], 'cat /proc/sys/kernel/msgmax')).toBe('4096')
    const refused = await tspod('run', '--rm', '--sysctl', 'vm.swappiness=1', 'alpine', 'true')
    expect(refused.status).not.toBe(0)
    expect(refused.stderr).toContain('vm.swappiness')
  })

  e2e()('--oom-score-adj', async () => {
    expect(await sh(['--oom-score-adj', '500'], 'cat /proc/self/oom_score_adj')).toBe('500')
  })

  e2e()('--tz', async () => {
    expect(await sh(['--tz', 'Asia/Tokyo'], 'test -s /etc/localtime && date +%Z')).toMatch(/JST|UTC/)
  })
})

describe('names and addresses', () => {
  e2e()('--add-host, --dns and their kin are written', async () => {
    expect(await sh(['--add-host', 'db:10.1.2.3'], 'grep db /etc/hosts')).toMatch(/^10\.1\.2\.3\s+db$/)
    expect(
      await sh(['--dns', '10.9.8.7', '--dns-search', 'example.org', '--dns-opt', 'ndots:3'], 'cat /etc/resolv.conf'),
    ).toMatch(/search example\.org[\s\S]*nameserver 10\.9\.8\.7[\s\S]*options ndots:3/)
    expect(await sh(['--no-hosts'], 'cat /etc/hosts 2>/dev/null | wc -l')).toBe('0')
  })

  e2e()('--network none has a loopback device and no other', async () => {
    expect(await sh(['--network', 'none'], 'ip -o link | wc -l; ip -o link show up | grep -c LOOPBACK')).toStartWith(
      '1',
    )
  })

  e2e()('--network host sees the devices of the host', async () => {
    const host = read('/proc/net/dev').match(/^\s*\S+:/gm)?.length ?? 0
    expect(await sh(['--network', 'host'], 'grep -c : /proc/net/dev')).toBe(String(host))
  })

  e2e('slirp4netns', 'tun')('the default network reaches the outside through its gateway', async () => {
    const port = Number(process.env.TSPOD_TEST_REGISTRY?.split(':')[1])
    const options = ['--network', 'slirp4netns:allow_host_loopback=true']
    expect(await sh(options, `wget -q -O - http://10.0.2.2:${port}/v2/_catalog`)).toContain('library/alpine')
    expect(await sh([], 'ip -o addr show tap0')).toContain('10.0.2.100/24')
    expect(await sh([], 'grep -c nameserver /etc/resolv.conf')).not.toBe('0')
  })

  e2e('slirp4netns', 'tun')('--network container:X shares its devices', async () => {
    await ok('run', '-d', '--name', 'owner', 'alpine', 'sleep', '1000')
    const owner = await ok('exec', 'owner', 'readlink', '/proc/self/ns/net')
    expect(await sh(['--network', 'container:owner'], 'readlink /proc/self/ns/net')).toBe(owner)
    await ok('rm', '-ft0', 'owner')
  })

  e2e()('--pid, --ipc, --uts host and container:X share namespaces', async () => {
    const host = (kind: string) =>
      Bun.spawnSync(['readlink', `/proc/self/ns/${kind}`])
        .stdout.toString()
        .trim()
    // podman wants a /dev/mqueue on the host
    for (const kind of isPodman ? ['pid', 'uts'] : ['pid', 'ipc', 'uts'])
      expect(await sh([`--${kind}`, 'host'], `readlink /proc/self/ns/${kind}`)).toBe(host(kind))
    await ok('run', '-d', '--name', 'owner', 'alpine', 'sleep', '1000')
    for (const kind of ['pid', 'ipc', 'uts']) {
      const owner = await ok('exec', 'owner', 'readlink', `/proc/self/ns/${kind}`)
      expect(await sh([`--${kind}`, 'container:owner'], `readlink /proc/self/ns/${kind}`)).toBe(owner)
    }
    await ok('rm', '-ft0', 'owner')
  })
})

describe('options that cannot be met', () => {
  tspodOnly()('are refused by name, never ignored', async () => {
    for (const option of [
      ['--secret', 's'],
      ['--gpus', 'all'],
    ]) {
      const { status, stderr } = await tspod('run', '--rm', ...option, 'alpine', 'true')
      expect({ option, status }).toEqual({ option, status: 125 })
      expect(stderr).toContain(`${option[0]}`)
      expect(stderr).toContain('not implemented yet')
    }
  })

  if (!existsSync('/sys/fs/cgroup/cgroup.controllers'))
    tspodOnly()('limits are refused with the reason where nothing can enforce them', async () => {
      for (const option of ['--memory=64m', '--cpus=1', '--pids-limit=10']) {
        const { status, stderr } = await tspod('run', '--rm', option, 'alpine', 'true')
        expect({ option, status }).toEqual({ option, status: 125 })
        expect(stderr).toContain('there is no control group to do it in')
      }
    })

  tspodOnly()('--explain prints shell commands and runs nothing', async () => {
    const marker = join(box.home, 'must-not-exist')
    const plan = await ok('run', '--explain', '--rm', '-v', `${box.home}:/h`, 'alpine', 'touch', `/h/must-not-exist`)
    for (const word of ['unshare', 'mount', 'pivot_root', 'touch']) expect(plan).toContain(word)
    expect(existsSync(marker)).toBe(false)
    expect(await ok('ps', '-aq')).toBe('')
  })
})
