// The init of --init as a program, on this processor and, emulated, on the other one.
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { machineCode } from '#sys/servant/code.ts'
import { type Need, needs } from '#test/needs.ts'

const processors: { arch: 'x64' | 'arm64'; need: Need; emulator: string[] }[] = [
  { arch: 'x64', need: 'x64', emulator: [] },
  { arch: 'arm64', need: 'qemu-arm64', emulator: ['qemu-aarch64'] },
]

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'init-'))
  for (const { arch } of processors) {
    writeFileSync(join(folder, arch), Buffer.from(machineCode[arch].init, 'hex'))
    chmodSync(join(folder, arch), 0o755)
  }
  writeFileSync(join(folder, 'plain'), 'no program')
  chmodSync(join(folder, 'plain'), 0o644)
})
afterAll(() => rmSync(folder, { recursive: true }))

for (const { arch, need, emulator } of processors)
  describe(arch, () => {
    const start = (args: string[], env: Record<string, string> = { PATH: '/usr/bin:/bin' }) =>
      Bun.spawn({
        cmd: [...emulator, join(folder, arch), ...args],
        env: { QEMU_LD_PREFIX: '/', ...env },
        stdin: 'ignore',
        stdout: 'pipe',
        stderr: 'pipe',
      })
    const run = async (args: string[], env?: Record<string, string>) => {
      const process = start(args, env)
      const [status, stdout, stderr] = await Promise.all([
        process.exited,
        new Response(process.stdout).text(),
        new Response(process.stderr).text(),
      ])
      return { status, stdout, stderr: stderr.replace(join(folder, arch), 'INIT') }
    }

    needs(need)('ends as its program does', async () => {
      expect((await run(['--', 'sh', '-c', 'exit 3'])).status).toBe(3)
      expect((await run(['--', 'sh', '-c', 'kill -KILL $$'])).status).toBe(128 + constants.signals.SIGKILL)
      expect((await run(['/bin/true'])).status).toBe(0)
    })

    needs(need)('looks its program up in PATH, past what is empty, relative, missing or too long', async () => {
      const path = `:.:relative:/nowhere:/${'x'.repeat(5000)}:${folder}:/usr/bin:/bin`
      expect(await run(['--', 'sh', '-c', 'echo $0 $1', 'a', 'b'], { PATH: path })).toMatchObject({
        status: 0,
        stdout: 'a b\n',
      })
      expect((await run(['--', 'sh', '-c', 'exit 4'], {})).status).toBe(4)
      // a file that cannot be executed hides nothing, but is what went wrong when there is no other
      expect((await run(['--', 'plain'], { PATH: `${folder}:/usr/bin` })).status).toBe(126)
    })

    needs(need)('says what it cannot run, with 127 and 126', async () => {
      expect(await run(['--', 'no-such-program'])).toEqual({
        status: 127,
        stdout: '',
        stderr: 'INIT: no-such-program: no such file or directory\n',
      })
      expect(await run(['--', join(folder, 'plain')])).toMatchObject({
        status: 126,
        stderr: `INIT: ${join(folder, 'plain')}: it cannot be executed\n`,
      })
      expect(await run([])).toMatchObject({ status: 127, stderr: 'INIT: no program is named\n' })
      expect(await run(['--'])).toMatchObject({ status: 127, stderr: 'INIT: no program is named\n' })
    })

    needs(need)(
      'hands signals to the program, which has none of them blocked',
      async () => {
        const script = `
        for signal in HUP INT QUIT USR1 USR2 TERM WINCH CONT; do trap "echo $signal" $signal; done
        trap 'echo RTMIN; exit 7' 40
        echo ready; while :; do sleep 0.01; done`
        const process = start(['--', 'bash', '-c', script])
        const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader()
        let said = ''
        const until = async (text: string) => {
          while (!said.includes(text)) {
            const { value, done } = await reader.read()
            if (done) throw new Error(`ended after: ${said}`)
            said += value
          }
        }
        await until('ready\n')
        for (const signal of ['HUP', 'INT', 'QUIT', 'USR1', 'USR2', 'TERM', 'WINCH', 'CONT'] as const) {
          process.kill(`SIG${signal}`)
          await until(`${signal}\n`)
        }
        Bun.spawnSync({ cmd: ['sh', '-c', `kill -40 ${process.pid}`] })
        expect(await process.exited).toBe(7)
      },
      20_000,
    )

    // the emulator knows no child subreapers, and it is process 1 of nothing here
    if (emulator.length === 0)
      needs(need)('reaps orphans, and goes on until its own program ends', async () => {
        // the child of the subshell outlives it, becomes init's, and ends
        const script = '(sleep 0.05 & echo $!) > pid; sleep 0.3; test ! -e /proc/$(cat pid); echo gone: $?'
        expect((await run(['--', 'sh', '-c', `cd ${folder} && ${script}`])).stdout).toBe('gone: 0\n')
      })

    needs(need)('puts the program into a process group of its own', async () => {
      const { stdout } = await run(['--', 'sh', '-c', 'echo $$; cut -d" " -f5 /proc/$$/stat'])
      const [pid, group] = stdout.trim().split('\n')
      expect(group).toBe(pid)
    })
  })

needs('x64')('the program gets the terminal: a key that interrupts reaches it alone', async () => {
  const script = 'trap "echo interrupted; exit 5" INT; echo ready; while :; do sleep 0.01; done'
  writeFileSync(join(folder, 'script'), script)
  const python = `
import os, pty, sys, time
pid, master = pty.fork()
if pid == 0: os.execv("${join(folder, 'x64')}", ["init", "--", "sh", "${join(folder, 'script')}"])
out = b""
while b"ready" not in out: out += os.read(master, 100)
os.write(master, b"\\x03")
while b"interrupted" not in out: out += os.read(master, 100)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))`
  const { exitCode } = Bun.spawnSync({ cmd: ['python3', '-c', python], stdin: 'ignore', timeout: 10_000 })
  expect(exitCode).toBe(5)
  expect(readFileSync(join(folder, 'script'), 'utf8')).toBe(script)
})
