// The command line as a whole, as far as it needs no engine: a process of its own, its output and exit status.
import { expect, test } from 'bun:test'
import { join } from 'node:path'

const main = join(import.meta.dir, '../../../src/main.ts')

function tspod(...argv: string[]): { status: number; stdout: string; stderr: string } {
  const done = Bun.spawnSync([process.execPath, main, ...argv], { env: { ...process.env, FORCE_COLOR: '0' } })
  return { status: done.exitCode, stdout: done.stdout.toString(), stderr: done.stderr.toString() }
}

const failures: [string, string][] = [
  ['', 'Usage: tspod [options] [command]'],
  ['foo', 'Error: unrecognized command `tspod foo`\n'],
  ['stopp', 'Did you mean this?\n\tstop\n'],
  ['image foo', 'Error: unrecognized command `tspod image foo`\n'],
  ['container', "Error: missing command 'tspod container COMMAND'\n"],
  ['run --foo', "Error: unknown flag: --foo\nhint: see 'tspod run --help'\n"],
  ['run', 'Error: requires at least 1 arg(s), only received 0\n'],
  ['run --rm=x alpine', 'Error: invalid argument "x" for "--rm" flag: must be true or false\n'],
  ['run --gpus all alpine', 'Error: --gpus is not implemented yet\nhint: GPUs come later\n'],
  ['auto-update x', 'Error: tspod auto-update is not implemented yet\n'],
  ['secret ls', 'Error: tspod secret is not implemented yet\n'],
  ['--remote ps', 'Error: --remote is not implemented yet\n'],
  ['--log-level loud ps', 'Error: invalid argument "loud" for "--log-level" flag'],
  ['rename a', 'Error: accepts 2 arg(s), received 1\n'],
  ['stop', 'Error: you must provide at least one name or id\n'],
  ['exec web', 'Error: no command specified'],
]
for (const [line, text] of failures)
  test(`"tspod ${line}" ends with 125 and says: ${text.split('\n')[0]}`, () => {
    const { status, stdout, stderr } = tspod(...line.split(' ').filter(word => word !== ''))
    expect(stderr).toContain(text)
    expect(stdout).toBe('')
    expect(status).toBe(125)
  })

test('--version and version', () => {
  expect(tspod('--version')).toMatchObject({
    status: 0,
    stderr: '',
    stdout: expect.stringMatching(/^tspod version \d/),
  })
  expect(tspod('version', '-f', '{{.Client.Version}}').stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  expect(JSON.parse(tspod('version', '--format', 'json').stdout)).toHaveProperty('Client.OsArch')
})

test('help of the program, of a noun and of a command', () => {
  for (const line of [['--help'], ['help']])
    expect(tspod(...line).stdout).toMatch(/Commands:[^]*\n {2}run +Run a command/)
  for (const line of [
    ['image', '--help'],
    ['help', 'image'],
  ])
    expect(tspod(...line).stdout).toContain('from-host')
  for (const line of [
    ['run', '--help'],
    ['help', 'run'],
    ['container', 'run', '--help'],
    ['help', 'container', 'run'],
  ]) {
    const { stdout, status } = tspod(...line)
    expect(stdout).toMatch(/-e, --env name\[=value\] +Set a variable/)
    expect(stdout).not.toContain('--secret')
    expect(status).toBe(0)
  }
})

test('-h is the hostname of run and the help of others', () => {
  expect(tspod('run', '-h').stderr).toContain("flag needs an argument: 'h' in -h")
  expect(tspod('stop', '-h').stdout).toContain('Usage: tspod stop')
})

test('output into a closed pipe ends quietly', () => {
  const done = Bun.spawnSync([
    'bash',
    '-c',
    `"$0" "$1" --help | true; echo "\${PIPESTATUS[0]}"`,
    process.execPath,
    main,
  ])
  expect(done.stderr.toString()).toBe('')
  expect(['0\n', '141\n']).toContain(done.stdout.toString())
})

test('what the shells ask is answered, also for a line that begins with an option', () => {
  expect(tspod('__complete', '--', 'ru').stdout).toBe('run\tRun a command in a new container\n:none\n')
  expect(tspod('__complete', '--', '--root', '').stdout).toBe(':folders\n')
  expect(tspod('__complete', '--', 'load', '--input', '').stdout).toBe(':files\n')
  for (const shell of ['bash', 'zsh', 'fish']) expect(tspod('completion', shell).stdout).toContain('__complete -- ')
  expect(tspod('completion', 'tcsh')).toMatchObject({ status: 125, stdout: '' })
})

test('the completion script for bash is one', () => {
  const check = Bun.spawnSync(['bash', '-n'], { stdin: Buffer.from(tspod('completion', 'bash').stdout) })
  expect(check.exitCode).toBe(0)
})
