// A machine for tests that change one: a network with an outside, an /etc/resolv.conf and process numbers of its own, all of them namespaces
// that root makes and that end with it. The user's commands run in it as on any host; nothing of the real one is touched.
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Result } from '#test/e2e/sandbox.ts'
import { tspodPath } from '#test/needs.ts'

/** The machine's first address, and those of the outside, which is its way to everywhere. */
export const addresses = {
  own: '198.18.1.2',
  gateway: '198.18.1.1',
  /** of the outside: one name server each */
  servers: ['198.18.50.1', '198.18.50.2', '198.18.50.3'],
} as const

export interface OwnMachine extends Disposable {
  /** Runs tspod as the user, to its end. */
  tspod: (...args: string[]) => Promise<Result>
  /** Runs tspod, expects success; standard output without its last newline. */
  ok: (...args: string[]) => Promise<string>
  /** Runs a shell script as root, on the machine or outside of it. */
  root: (where: Place, script: string) => string
  /** Starts a program of the tests as root, there; it ends with the machine. */
  start: (where: Place, ...command: string[]) => Bun.Subprocess<'pipe', 'pipe', 'inherit'>
  /** Exchanges /etc/resolv.conf as programs do that manage networks: what is there is written anew. */
  setResolvers: (...servers: string[]) => void
  /** The user's XDG_RUNTIME_DIR. */
  runtime: string
}

export type Place = 'machine' | 'outside'

/** The machine: `lan0` leads to the outside, which has the servers' addresses; both are namespaces inside one of processes. */
const boot = (resolvConf: string) => `
set -e
mount --bind ${resolvConf} /etc/resolv.conf
ip link set lo up
unshare --net sleep infinity &
outside=$!
while [ "$(readlink /proc/$outside/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.02; done
ip link add lan0 type veth peer name lan0 netns $outside
ip address add ${addresses.own}/24 dev lan0
ip link set lan0 up
ip route add default via ${addresses.gateway}
nsenter --net=/proc/$outside/ns/net sh -ec '
  ip link set lo up
  ip address add ${addresses.gateway}/24 dev lan0
  ip link set lan0 up
  ip route add default dev lan0
  for server in ${addresses.servers.join(' ')}; do ip address add $server/32 dev lo; done
'
# the kernel looks a second or two for other holders of a link's own IPv6 address, and then adds routes
while [ -e /proc/sys/net/ipv6 ] && ! ip -6 address show dev lan0 -tentative | grep -q fe80; do sleep 0.05; done
echo $outside
exec sleep infinity
`

/** Makes it for the user named in USER, with images of these names. Root's work. */
export async function bootMachine(...images: string[]): Promise<OwnMachine> {
  const user = process.env.USER ?? ''
  const [uid = 0, gid = 0] = ['-u', '-g'].map(flag => Number(execFileSync('id', [flag, user], { encoding: 'utf8' })))
  const folder = mkdtempSync('/var/tmp/tspod-machine-')
  chmodSync(folder, 0o711)
  const [home, runtime, resolvConf] = [join(folder, 'home'), join(folder, 'run'), join(folder, 'resolv.conf')]
  for (const path of [home, runtime]) {
    mkdirSync(path, { mode: 0o700 })
    chownSync(path, uid, gid)
  }
  writeFileSync(resolvConf, '')
  const kinds = ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc']
  const holder = Bun.spawn(['unshare', ...kinds, 'tini', '-s', '--', 'sh', '-c', boot(resolvConf)], {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const end = (): void => {
    holder.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const outside = await firstLine(holder.stdout)
    const init = execFileSync('pgrep', ['-P', String(holder.pid)], { encoding: 'utf8' }).trim()
    const enter = (where: Place): string[] => {
      const inside = ['nsenter', '-t', init, '--mount', '--net', '--pid', '--wd=/', '--']
      return where === 'machine' ? inside : [...inside, 'nsenter', `--net=/proc/${outside}/ns/net`, '--']
    }
    const become = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--init-groups', '--inh-caps=-all']
    const environment = [`HOME=${home}`, `USER=${user}`, `XDG_RUNTIME_DIR=${runtime}`, 'LANG=C.UTF-8', `PATH=${path}`]
    const command = [...enter('machine'), ...become, 'env', '-i', ...environment, tspodPath]
    const tspod = async (...args: string[]): Promise<Result> => await run([...command, ...args])
    const ok = async (...args: string[]): Promise<string> => {
      const { status, stdout, stderr } = await tspod(...args)
      if (status !== 0) throw new Error(`tspod ${args.join(' ')}: status ${status}: ${stderr}`)
      return stdout.replace(/\n$/, '')
    }
    for (const image of images)
      await ok('load', '-q', '-i', join(process.env.TSPOD_TEST_FIXTURES ?? '', `${image}.tar`))
    return {
      tspod,
      ok,
      root: (where, script) =>
        execFileSync(enter(where)[0] ?? '', [...enter(where).slice(1), 'sh', '-ec', script], { encoding: 'utf8' }),
      start: (where, ...program) =>
        Bun.spawn([...enter(where), ...program], { stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' }),
      setResolvers: (...servers) => writeFileSync(resolvConf, servers.map(server => `nameserver ${server}\n`).join('')),
      runtime,
      [Symbol.dispose]: end,
    }
  } catch (error) {
    end()
    throw error
  }
}

const path = '/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin'

async function run(command: string[]): Promise<Result> {
  const child = Bun.spawn(command, { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe', timeout: 60_000 })
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()])
  return { status: await child.exited, stdout, stderr }
}

export async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true })
    const end = text.indexOf('\n')
    if (end >= 0) return text.slice(0, end)
  }
  throw new Error(`it ended and said "${text}"`)
}
