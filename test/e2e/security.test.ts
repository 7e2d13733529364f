// What a container must not be able to do, tried from inside one.
import { describe, expect } from 'bun:test'
import { existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { tspodPath } from '#test/needs.ts'
import { sha256 } from '#test/setup/oci-layout.ts'
import { writeTar } from '#test/setup/tar.ts'
import { busyboxLayer, pushImage } from './image-files.ts'
import { e2e, read, tspodOnly, until, useSandbox, write } from './sandbox.ts'

const box = useSandbox('alpine')
const { tspod, tspodWith, ok } = box
const sh = (options: string[], script: string) => ok('run', '--rm', ...options, 'alpine', 'sh', '-c', script)
const capabilities = 'grep CapEff /proc/self/status | cut -f2'

describe('the executable of the engine', () => {
  tspodOnly()('is not what runs when the image asks for /proc/self/exe (CVE-2019-5736)', async () => {
    const before = sha256(readFileSync(tspodPath))
    const direct = await tspod('run', '--rm', 'alpine', '/proc/self/exe', 'version')
    expect(direct.status).not.toBe(0)
    expect(direct.stdout).toBe('')
    const folder = box.folder('shebang')
    write(folder, 'run', '#!/proc/self/exe\n')
    await Bun.$`chmod 755 ${folder}/run`
    const interpreted = await tspod('run', '--rm', '-v', `${folder}:/s`, 'alpine', '/s/run', 'version')
    expect(interpreted.stdout).not.toMatch(/tspod|Version/)
    expect(sha256(readFileSync(tspodPath))).toBe(before)
  })

  tspodOnly()('is never seen by the processes of a container that others exec into', async () => {
    const look =
      'while :; do for p in /proc/[0-9]*; do readlink $p/exe; head -c 200 $p/exe 2>/dev/null | grep -q TSPOD && echo body; done; done > /seen 2>/dev/null'
    await ok('run', '-d', '--name', 'watcher', 'alpine', 'sh', '-c', look)
    for (let i = 0; i < 20; i++) await ok('exec', 'watcher', 'true')
    const seen = new Set((await ok('exec', 'watcher', 'cat', '/seen')).split('\n'))
    seen.delete('/bin/busybox')
    expect([...seen].filter(line => /tspod|bun|body/.test(line))).toEqual([])
  })
})

describe('descriptors', () => {
  e2e()('none but 0, 1, 2 reach a container (CVE-2024-21626)', async () => {
    const list = 'for f in /proc/self/fd/*; do n=${f##*/}; [ -e $f ] && echo $n; done; true'
    expect((await sh([], list)).split('\n').filter(n => Number(n) < 10)).toEqual(['0', '1', '2'])
    await ok('run', '-d', '--name', 'c', 'alpine', 'sleep', '1000')
    expect((await ok('exec', 'c', 'sh', '-c', list)).split('\n').filter(n => Number(n) < 10)).toEqual(['0', '1', '2'])
  })

  e2e()('of the caller stay with the caller', async () => {
    const secret = write(box.home, 'open-file', 'secret of the caller\n')
    const script = `exec 5<${secret} 9<${secret} 20<${secret}; exec "$@"`
    const look = 'for n in 3 4 5 6 7 8 9 20; do [ -f /proc/self/fd/$n ] && cat /proc/self/fd/$n; done | grep -c secret'
    const run = Bun.spawn(
      ['bash', '-c', script, 'bash', ...box.command, 'run', '--rm', 'alpine', 'sh', '-c', `exec </dev/null; ${look}`],
      { env: box.env, cwd: box.home, stdin: 'ignore' },
    )
    expect((await run.stdout.text()).trim()).toBe('0')
  })

  e2e()('as a working folder lead nowhere outside', async () => {
    write(box.home, 'target', 'outside\n')
    for (let fd = 3; fd < 16; fd++) {
      const escape = `cat ../../../../../../..${box.home}/target`
      const { stdout } = await tspod('run', '--rm', '-w', `/proc/self/fd/${fd}`, 'alpine', 'sh', '-c', escape)
      expect(stdout).not.toContain('outside')
    }
  })

  tspodOnly()('are passed on where --preserve-fds asks for it', async () => {
    const file = write(box.home, 'passed', 'passed on\n')
    const run = Bun.spawn(
      [
        'sh',
        '-c',
        `exec 3<${file}; exec "$@"`,
        'sh',
        ...box.command,
        'run',
        '--rm',
        '--preserve-fds',
        '1',
        'alpine',
        'sh',
        '-c',
        'cat <&3',
      ],
      { env: box.env, cwd: box.home, stdin: 'ignore' },
    )
    expect(await run.stdout.text()).toBe('passed on\n')
  })
})

describe('mount targets', () => {
  e2e('skopeo')('that are symlinks of the image stay beneath its root (CVE-2021-30465)', async () => {
    const outside = box.folder('outside')
    const links = writeTar([
      { name: 'absolute', type: '2', linkName: outside },
      { name: 'relative', type: '2', linkName: `../../../../../../../..${outside}` },
      { name: 'chain', type: '2', linkName: 'relative' },
    ])
    const image = await pushImage(box, 'links', [await busyboxLayer(), { tar: links, compression: 'gzip' }])
    const source = box.folder('source')
    for (const name of ['absolute', 'relative', 'chain']) {
      await tspod('run', '--rm', '-v', `${source}:/${name}/made`, image, 'true')
      await tspod('run', '--rm', '-v', `vol-${name}:/${name}`, image, 'touch', `/${name}/x`)
      await tspod('run', '--rm', '-w', `/${name}/cwd`, image, 'true')
      await tspod('volume', 'rm', `vol-${name}`)
    }
    expect(readdirSync(outside)).toEqual([])
    await ok('rmi', image)
  })

  e2e('skopeo')('/proc, /sys and /dev that are symlinks do not fool it (CVE-2019-19921)', async () => {
    for (const name of ['proc', 'sys', 'dev']) {
      const link = writeTar([
        { name: `.wh.${name}`, type: '0' },
        { name, type: '2', linkName: 'tmp' },
      ])
      const image = await pushImage(box, `link-${name}`, [await busyboxLayer(), { tar: link, compression: 'none' }])
      const { status, stdout } = await tspod('run', '--rm', image, 'sh', '-c', 'grep -c " /tmp" /proc/mounts')
      expect(status !== 0 || stdout !== '').toBe(true)
      await ok('rmi', image)
    }
  })

  e2e()('that change while they are mounted lead nowhere outside', async () => {
    const folder = box.folder('racy')
    const outside = box.folder('racy-outside')
    symlinkSync(outside, join(folder, 'link'))
    await tspod('run', '--rm', '-v', `${folder}:/v`, '-v', `${box.folder('source')}:/v/link/made`, 'alpine', 'true')
    expect(readdirSync(outside)).toEqual([])
  })
})

describe('the kernel', () => {
  e2e()('is masked: no kcore, keys, firmware; /proc/sys and sysrq read-only', async () => {
    for (const path of ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/proc/scsi', '/sys/firmware'])
      expect(
        await sh(
          [],
          `[ -e ${path} ] || exit 0; if [ -d ${path} ]; then ls -A ${path}; else head -c 10 ${path} 2>/dev/null; fi; true`,
        ),
      ).toBe('')
    expect(await sh([], 'echo 1 > /proc/sys/kernel/printk 2>/dev/null && echo written || echo refused')).toBe('refused')
    expect(await sh([], 'echo h > /proc/sysrq-trigger 2>/dev/null && echo written || echo refused')).toBe('refused')
  })

  e2e()("gets only Podman's default capabilities, and none for a user", async () => {
    expect(await sh([], capabilities)).toBe('00000000800405fb')
    expect(await sh(['-u', 'app'], capabilities)).toBe('0000000000000000')
    expect(await sh(['--cap-drop', 'all'], capabilities)).toBe('0000000000000000')
    expect(await sh(['--cap-drop', 'all', '--cap-add', 'NET_ADMIN'], capabilities)).toBe('0000000000001000')
    expect(await sh(['--cap-add', 'cap_sys_ptrace', '--cap-drop', 'CHOWN'], capabilities)).toBe('00000000800c05fa')
    expect(BigInt(`0x${await sh(['--privileged'], capabilities)}`)).toBeGreaterThan(0x1ffffffffn)
  })

  e2e()('filters system calls by default, not when told so, and as a profile says', async () => {
    const mode = 'grep "^Seccomp:" /proc/self/status | cut -f2'
    expect(await sh([], mode)).toBe('2')
    expect(await sh(['--security-opt', 'seccomp=unconfined'], mode)).toBe('0')
    expect(await sh([], 'unshare -m true 2>&1 | tail -1')).toMatch(/not permitted/)
    const profile = write(
      box.home,
      'profile.json',
      JSON.stringify({
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 95 }],
      }),
    )
    expect(await sh(['--security-opt', `seccomp=${profile}`], 'mkdir /x 2>&1; echo $?')).toMatch(/not supported\n1$/)
  })

  e2e()('does not give new privileges with --security-opt no-new-privileges', async () => {
    expect(await sh(['--security-opt', 'no-new-privileges'], 'grep NoNewPrivs /proc/self/status | cut -f2')).toBe('1')
  })

  e2e()('shows only the processes of the container', async () => {
    expect(Number(await sh([], 'ls /proc | grep -c "^[0-9]*$"'))).toBeLessThan(8)
  })

  e2e()('makes no device nodes for it', async () => {
    expect(
      await sh(
        ['--cap-add', 'MKNOD'],
        'mknod /x b 8 0 2>/dev/null && dd if=/x count=1 2>&1 >/dev/null | head -1 || echo refused',
      ),
    ).toMatch(/refused|not permitted|can't open/)
  })
})

describe('the host', () => {
  e2e()('keeps its secrets from a privileged container: root there is no more than the caller', async () => {
    const { status } = await tspod(
      'run',
      '--rm',
      '--privileged',
      '-v',
      '/etc:/host-etc',
      'alpine',
      'cat',
      '/host-etc/shadow',
    )
    expect(status).not.toBe(0)
    expect(
      (await tspod('run', '--rm', '--privileged', '-v', '/etc:/host-etc', 'alpine', 'touch', '/host-etc/made-by-test'))
        .status,
    ).not.toBe(0)
    expect(existsSync('/etc/made-by-test')).toBe(false)
  })

  tspodOnly()('gives each container a user namespace of its own', async () => {
    const own = 'readlink /proc/self/ns/user'
    await ok('run', '-d', '--name', 'neighbour', 'alpine', 'sleep', '1000')
    // while it lives: the kernel gives the numbers of namespaces that have gone to new ones
    const [first, second] = [await sh([], own), await sh([], own)]
    const neighbour = await ok('exec', 'neighbour', 'readlink', '/proc/self/ns/user')
    expect(await ok('unshare', 'readlink', '/proc/self/ns/user')).not.toBe(neighbour)
    expect(await sh([], own)).not.toBe(neighbour)
    expect([first, second]).not.toContain(neighbour)
    expect(await sh(['--userns', 'host'], own)).toBe(await ok('unshare', 'readlink', '/proc/self/ns/user'))
  })

  e2e()('has no zombie and no stopped process of a container after it', async () => {
    await ok('run', '-d', '--name', 'tree', 'alpine', 'sh', '-c', 'for i in 1 2 3 4 5; do sleep 1000 & done; wait')
    const pid = await ok('inspect', '-f', '{{.State.Pid}}', 'tree')
    await until(
      'its children',
      () => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').length === 5,
    )
    const children = read(`/proc/${pid}/task/${pid}/children`).trim().split(' ')
    await ok('kill', 'tree')
    await ok('wait', 'tree')
    await until('all of them to be gone', () => [pid, ...children].every(child => !existsSync(`/proc/${child}`)), 5000)
  })

  e2e()('is not told what the environment of the caller holds', async () => {
    const { stdout } = await tspodWith(
      { env: { API_TOKEN: 'top-secret' } },
      'run',
      '--rm',
      'alpine',
      'sh',
      '-c',
      'cat /proc/*/environ | tr "\\0" "\\n"; env',
    )
    expect(stdout).not.toContain('top-secret')
  })
})
