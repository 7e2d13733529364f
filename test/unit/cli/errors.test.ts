import { expect, test } from 'bun:test'
import { join } from 'node:path'

const root = join(import.meta.dir, '../../..')

/** What reportError prints for the error an expression makes, and the status it gives. */
function report(expression: string): { status: number; stderr: string } {
  const code = `import { reportError } from '#cli/errors.ts'
    import { OutputClosed } from '#cli/output.ts'
    import { TspodError } from '#errors.ts'
    process.exit(await reportError(${expression}))`
  const done = Bun.spawnSync([process.execPath, '-e', code], { cwd: root })
  return { status: done.exitCode, stderr: done.stderr.toString() }
}

test('an error is one line, its hint another', () => {
  expect(report(`new TspodError('DENIED', 'doing it', { hint: 'do that' })`)).toEqual({
    status: 125,
    stderr: 'Error: doing it\nhint: do that\n',
  })
})

test('an error may choose the exit status', () => {
  expect(report(`new TspodError('NOT_FOUND', 'x', { exitCode: 127 })`).status).toBe(127)
})

test('the original failure comes before that of its clean-up', () => {
  const first = `new TspodError('IN_USE', 'first', { exitCode: 2 })`
  expect(report(`new SuppressedError(new TspodError('INTERNAL', 'second'), ${first})`)).toEqual({
    status: 2,
    stderr: 'Error: first\nalso: second\n',
  })
})

test('several failures are all said', () => {
  expect(
    report(`new AggregateError([new Error('a'), new AggregateError([new Error('b'), new Error('c')])])`).stderr,
  ).toBe('Error: a\nalso: b\nalso: c\n')
})

test('a mistake of ours says that it is one, without a stack', () => {
  expect(report(`new TypeError('x is undefined')`)).toEqual({
    status: 125,
    stderr: 'Error: internal error: x is undefined (--log-level=debug shows where)\n',
  })
})

test('a reader that went away is no error to tell of', () => {
  expect(report(`new OutputClosed('x')`)).toEqual({ status: 141, stderr: '' })
})
