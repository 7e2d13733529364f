import { expect, test } from 'bun:test'
import { completeLine } from '#cli/complete-line.ts'

const complete = async (line: string) => {
  const { candidates, kind } = await completeLine(line.split(' '))
  return { words: candidates.map(({ word }) => word), kind }
}

test('the first word is a command or a noun that works', async () => {
  const { words } = await complete('')
  expect(words).toContain('run')
  expect(words).toContain('image')
  expect(words).not.toContain('auto-update')
  expect(words).not.toContain('__complete')
  expect(words).not.toContain('farm')
  expect(words).toContain('pod')
})

test('after a noun come its verbs', async () => {
  expect((await complete('volume ')).words).toEqual(['create', 'exists', 'inspect', 'list', 'prune', 'rm'])
})

const kinds: [string, string | undefined][] = [
  ['run ', 'images'],
  ['run --rm -it ', 'images'],
  ['run --name ', 'files'],
  ['run -e A=b ', 'images'],
  ['run -v ', 'files'],
  ['run -itv ', 'files'],
  ['run --volumes-from ', 'containers'],
  ['run --volumes-from=', 'containers'],
  ['run alpine ', 'none'],
  ['run alpine ls -', 'none'],
  ['stop ', 'running'],
  ['stop web ', 'running'],
  ['rm -f ', 'containers'],
  ['container rm ', 'containers'],
  ['--root /x rm ', 'containers'],
  ['--root ', 'folders'],
  ['volume rm ', 'volumes'],
  ['unshare ', 'commands'],
  ['auto-update ', 'none'],
]
for (const [line, kind] of kinds)
  test(`"tspod ${line}" completes to ${kind}`, async () => {
    expect((await complete(line)).kind as string | undefined).toBe(kind)
  })

test('options complete to their names, without those that are refused', async () => {
  const { words } = await complete('run --')
  expect(words).toContain('--rm')
  expect(words).toContain('--root')
  expect(words).not.toContain('--secret')
})

test('values complete to the choices', async () => {
  expect((await complete('run --pull ')).words).toContain('never')
  expect((await complete('run --pull=n')).words).toContain('--pull=never')
})
