// Restart policies: containers that their monitors start again (podman-run(1), --restart).
import { describe, expect } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { e2e, hasEnded, tspodOnly, until, useSandbox } from './sandbox.ts'

const box = useSandbox('alpine')
const { tspod, ok } = box
const alone = ['--network', 'none']

const inspect = async (name: string, field: string) => await ok('inspect', '-f', `{{${field}}}`, name)
const restarts = async (name: string) => Number(await inspect(name, '.RestartCount'))
const status = async (name: string) => await inspect(name, '.State.Status')
const runsAgain = async (name: string, count: number) =>
  await until(`${count} restarts of ${name}`, async () => (await restarts(name)) >= count)

describe('--restart', () => {
  e2e()('on-failure:2 tries two more times, and an attached run ends with the first', async () => {
    const first = await tspod(
      'run',
      ...alone,
      '--name',
      'a',
      '--restart',
      'on-failure:2',
      'alpine',
      'sh',
      '-c',
      'echo x; exit 3',
    )
    expect({ status: first.status, stdout: first.stdout }).toEqual({ status: 3, stdout: 'x\n' })
    await until('the last try', async () => (await restarts('a')) === 2 && (await status('a')) === 'exited')
    expect(await ok('logs', 'a')).toBe('x\nx\nx')
    expect(await inspect('a', '.State.ExitCode')).toBe('3')
    expect(await inspect('a', 'json .HostConfig.RestartPolicy')).toBe('{"Name":"on-failure","MaximumRetryCount":2}')
  })

  e2e()('on-failure leaves a success alone', async () => {
    await ok('run', '-d', ...alone, '--name', 'a', '--restart', 'on-failure', 'alpine', 'true')
    expect(await ok('wait', 'a')).toBe('0')
    await Bun.sleep(500)
    expect([await status('a'), await restarts('a')]).toEqual(['exited', 0])
  })

  e2e()('always starts what was killed from outside, and stop ends that', async () => {
    await ok('run', '-d', ...alone, '--name', 'a', '--restart', 'always', 'alpine', 'sleep', '1000')
    process.kill(Number(await inspect('a', '.State.Pid')), 'SIGKILL')
    await runsAgain('a', 1)
    await until('it to run', async () => (await status('a')) === 'running')
    await ok('stop', '--time', '0', 'a')
    await Bun.sleep(500)
    expect([await status('a'), await restarts('a')]).toEqual(['exited', 1])
  })

  tspodOnly()('what starts at boot: always, and unless-stopped that no user has stopped', async () => {
    await ok('create', ...alone, '--name', 'never', 'alpine', 'true')
    await ok('create', ...alone, '--name', 'always', '--restart', 'always', 'alpine', 'true')
    for (const name of ['kept', 'stopped', 'killed'])
      await ok('run', '-d', ...alone, '--name', name, '--restart', 'unless-stopped', 'alpine', 'sleep', '1000')
    await ok('stop', '--time', '0', 'stopped')
    await ok('kill', 'killed')
    const atBoot = async (value: boolean) =>
      (await ok('ps', '-a', '--filter', `should-start-on-boot=${value}`, '--format', '{{.Names}}'))
        .split('\n')
        .toSorted()
    expect(await atBoot(true)).toEqual(['always', 'kept'])
    expect(await atBoot(false)).toEqual(['killed', 'never', 'stopped'])
    await ok('stop', '--time', '0', 'kept')
  })

  e2e()('a container that a user has killed stays so', async () => {
    await ok('run', '-d', ...alone, '--name', 'a', '--restart', 'unless-stopped', 'alpine', 'sleep', '1000')
    await ok('kill', 'a')
    await until('its end', async () => (await status('a')) === 'exited')
    await Bun.sleep(500)
    expect([await status('a'), await restarts('a')]).toEqual(['exited', 0])
  })

  e2e()('is refused with --rm, and where it is none', async () => {
    for (const options of [
      ['--rm', '--restart', 'always'],
      ['--restart', 'sometimes'],
      ['--restart', 'always:3'],
    ])
      expect((await tspod('run', ...options, 'alpine', 'true')).status).toBe(125)
    expect((await tspod('run', '--rm', '--restart', 'no', 'alpine', 'true')).status).toBe(0)
  })

  e2e()('start begins to count anew', async () => {
    await ok('run', '-d', ...alone, '--name', 'a', '--restart', 'on-failure:1', 'alpine', 'false')
    await until('its last end', async () => (await restarts('a')) === 1 && (await status('a')) === 'exited')
    await ok('start', 'a')
    await until('it to run or end anew', async () => (await restarts('a')) === 1 && (await status('a')) === 'exited')
  })

  tspodOnly()('journals each restart', async () => {
    const id = await ok('run', '-d', ...alone, '--restart', 'on-failure:1', 'alpine', 'false')
    await until('its last end', async () => (await restarts(id)) === 1 && (await status(id)) === 'exited')
    const events = await ok('events', '--stream=false', '--filter', `container=${id}`, '--format', '{{.Status}}')
    expect(events.split('\n')).toEqual(['create', 'init', 'start', 'died', 'restart', 'init', 'start', 'died'])
  })
})

describe('a container that waits to start again', () => {
  const waiting = async () => {
    await ok('run', '-d', ...alone, '--name', 'a', '--restart', 'always', 'alpine', 'false')
    await runsAgain('a', 3) // by now it waits for most of the time
    await until('a pause', async () => (await status('a')) === 'restarting')
  }
  const monitor = () => monitorsOf(box.runtime).find(({ line }) => line.includes('monitor:'))?.pid ?? 0

  tspodOnly()('says so in ps, and is among those that run', async () => {
    await waiting()
    expect(await ok('ps', '--format', '{{.Names}} {{.State}} {{.Status}}')).toMatch(/^a restarting Restarting \(1\) /)
    expect(await inspect('a', '.State.Restarting')).toBe('true')
    expect((await tspod('rm', 'a')).stderr).toContain('cannot be removed without force')
    expect((await tspod('exec', 'a', 'true')).status).not.toBe(0)
  })

  tspodOnly()('is stopped at once', async () => {
    await waiting()
    const pid = monitor()
    await ok('stop', 'a')
    expect([await status('a'), hasEnded(pid)]).toEqual(['exited', true])
    await Bun.sleep(2000)
    expect(await status('a')).toBe('exited')
  })

  tspodOnly()('is started at once', async () => {
    await waiting()
    const pid = monitor()
    await ok('start', 'a')
    expect([hasEnded(pid), (await restarts('a')) < 3]).toEqual([true, true])
  })

  tspodOnly()('is removed by force at once', async () => {
    await waiting()
    const pid = monitor()
    await ok('rm', '-f', 'a')
    expect([await ok('ps', '-aq'), hasEnded(pid)]).toEqual(['', true])
  })

  tspodOnly()('gets another policy by update', async () => {
    await waiting()
    await ok('update', '--restart', 'no', 'a')
    await until('its end', async () => (await status('a')) === 'exited', 20_000)
    expect(await inspect('a', '.HostConfig.RestartPolicy.Name')).toBe('')
  })

  tspodOnly()('goes on waiting when its monitor is killed', async () => {
    await waiting()
    const count = await restarts('a')
    const killed = monitor()
    kill(killed)
    await runsAgain('a', count + 2)
    expect(monitor()).not.toBe(killed)
  })

  tspodOnly()('is stopped although its monitor has just been killed', async () => {
    await waiting()
    kill(monitor())
    await ok('stop', 'a')
    await Bun.sleep(2000)
    expect([await status('a'), monitorsOf(box.runtime)]).toEqual(['exited', []])
  })
})

describe('kill -9 of the monitor of a container with a policy', () => {
  const monitor = async () => Number(await inspect('a', '.State.ConmonPid'))
  const killMonitor = async () => {
    const killed = await monitor()
    process.kill(killed, 'SIGKILL')
    await until('another monitor', async () => (await monitor()) !== killed)
  }
  const counting = 'i=0; while :; do echo $((i+=1)); sleep 0.1; done'

  for (const tty of [[], ['--tty']])
    tspodOnly()(`leaves it running, its output whole, and the policy in force ${tty.join('')}`, async () => {
      await ok('run', '-d', ...tty, ...alone, '--name', 'a', '--restart', 'always', 'alpine', 'sh', '-c', counting)
      const pid = await inspect('a', '.State.Pid')
      await killMonitor()
      await killMonitor()
      expect([await status('a'), await inspect('a', '.State.Pid')]).toEqual(['running', pid])
      const said = async () => (await ok('logs', 'a')).replaceAll('\r', '').split('\n')
      const count = (await said()).length
      await until('more output', async () => (await said()).length > count + 5)
      const all = await said()
      expect(all).toEqual(all.map((_, index) => String(index + 1)))
      process.kill(Number(pid), 'SIGKILL')
      await runsAgain('a', 1)
      expect(await status('a')).toBe('running')
      await ok('stop', '--time', '0', 'a')
      await until('the end of everything', () => monitorsOf(box.runtime).length === 0)
      expect([await status('a'), await restarts('a')]).toEqual(['exited', 1])
    })

  tspodOnly()('does not bring back what a user stops meanwhile', async () => {
    await ok('run', '-d', ...alone, '--name', 'a', '--restart', 'always', 'alpine', 'sleep', '1000')
    process.kill(await monitor(), 'SIGKILL')
    await ok('stop', '--time', '0', 'a')
    await Bun.sleep(1500)
    expect([await status('a'), monitorsOf(box.runtime)]).toEqual(['exited', []])
  })
})

describe('update --restart', () => {
  tspodOnly()('holds for a container that runs', async () => {
    await ok('run', '-d', ...alone, '--name', 'a', 'alpine', 'sleep', '1000')
    await ok('update', '--restart', 'always', 'a')
    process.kill(Number(await inspect('a', '.State.Pid')), 'SIGKILL')
    await runsAgain('a', 1)
  })
})

describe('kill -9 of whatever restarts a container, at any instant', () => {
  tspodOnly()('leaves a state that is true, and a container that can be started and removed', async () => {
    for (let round = 0; round < 8; round++) {
      await ok(
        'run',
        '-d',
        ...alone,
        '--name',
        'a',
        '--restart',
        'always',
        'alpine',
        'sh',
        '-c',
        'sleep 0.0$((RANDOM % 9))',
      )
      await Bun.sleep(100 + Math.random() * 900)
      const found = monitorsOf(box.runtime)
      const victim = found[Math.floor(Math.random() * found.length)]
      if (victim !== undefined) kill(victim.pid)
      // what is there now is what ps says: a process, somebody who starts one, or neither
      await until('a state that is true', async () => {
        const [said, pid] = (await inspect('a', '.State.Status}} {{.State.Pid')).split(' ')
        return said === 'running'
          ? !hasEnded(Number(pid))
          : ['exited', 'restarting', 'stopping', 'created'].includes(said ?? '')
      })
      const started = await tspod('start', 'a')
      expect({ round, victim: victim?.line, started }).toMatchObject({ started: { status: 0 } })
      await ok('rm', '-f', '--time', '0', 'a')
      await until('the end of everything', () => monitorsOf(box.runtime).length === 0)
    }
  })
})

/** Monitors of this sandbox, and what they have running. */
function monitorsOf(runtime: string): { pid: number; line: string }[] {
  return readdirSync('/proc')
    .filter(entry => /^\d+$/.test(entry))
    .flatMap(entry => {
      try {
        if (!readFileSync(`/proc/${entry}/environ`, 'utf8').includes(`XDG_RUNTIME_DIR=${runtime}`)) return []
        const line = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ')
        return /\b(monitor|restart):/.test(line) ? [{ pid: Number(entry), line }] : []
      } catch {
        return []
      }
    })
}

function kill(pid: number): void {
  try {
    if (pid > 1) process.kill(pid, 'SIGKILL')
  } catch {
    // it has ended
  }
}
