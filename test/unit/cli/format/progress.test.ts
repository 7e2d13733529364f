import { expect, test } from 'bun:test'
import { openProgress, type ProgressTarget } from '#cli/format/progress.ts'
import type { ProgressEvent } from '#engine/contracts/image.ts'

const digest = `sha256:${'4abcf2066143'.padEnd(64, '0')}`
const blob = (phase: 'waiting' | 'copying' | 'unpacking' | 'done' | 'exists', doneBytes = 0, totalBytes = 1000) =>
  ({ kind: 'blob', digest, role: 'layer', phase, doneBytes, totalBytes }) satisfies ProgressEvent

function show(events: ProgressEvent[], target: Omit<ProgressTarget, 'write'>): string {
  let output = ''
  const progress = openProgress({ ...target, write: text => (output += text) })
  for (const event of events) progress.onProgress(event)
  progress[Symbol.dispose]()
  return output
}

test('where there is no terminal, each thing is said once and without escapes', () => {
  expect(
    show(
      [
        { kind: 'trying', reference: 'docker.io/library/alpine:latest' },
        blob('waiting'),
        blob('copying', 1),
        blob('copying', 500),
        blob('unpacking', 1000),
        blob('done', 1000),
        { kind: 'manifest', digest },
      ],
      {},
    ),
  ).toBe(
    `Trying to pull docker.io/library/alpine:latest...\nCopying blob ${digest}\nCopying blob ${digest} done\nWriting manifest to image destination\n`,
  )
})

test('on a terminal a blob has one line with its bar, its sizes and an end', () => {
  const output = show([blob('copying', 250)], { columns: 100, rows: 24 })
  expect(output).toContain('Copying blob 4abcf2066143 [')
  expect(output).toContain('] 250B / 1kB')
})

test('no line is wider than the terminal', () => {
  for (const columns of [20, 40, 60, 80, 200]) {
    const output = show([blob('copying', 250), { kind: 'trying', reference: 'x'.repeat(300) }], { columns, rows: 24 })
    // oxlint-disable-next-line no-control-regex
    const lines = output.replaceAll(/\x1b\[\d*[AJ]/g, '').split('\n')
    expect(Math.max(...lines.map(line => line.length))).toBeLessThan(columns)
  }
})

test('no more lines are redrawn than fit', () => {
  const blobs = Array.from({ length: 50 }, (_, index) => ({ ...blob('copying', 1), digest: `sha256:${index}` }))
  const lines = show(blobs, { columns: 80, rows: 10 }).split('\n')
  expect(lines.length - 1).toBe(8)
})

test('what is done stays above, what goes on is drawn again below it', () => {
  const other = { ...blob('copying', 10), digest: 'sha256:other' }
  const output = show([blob('done', 1000), other, { kind: 'note', text: 'retrying' }, blob('exists')], {
    columns: 80,
    rows: 24,
  })
  expect(output.indexOf('4abcf2066143 done')).toBeLessThan(output.indexOf('Copying blob other'))
  expect(output).toContain('retrying\n')
  expect(output).toContain('\x1b[1A\x1b[J')
})

test('after the manifest nothing is drawn any more: the screen belongs to the container', async () => {
  let output = ''
  const progress = openProgress({ write: text => (output += text), columns: 80, rows: 24 })
  progress.onProgress(blob('copying', 10))
  progress.onProgress({ kind: 'manifest', digest })
  expect(output).toContain('Copying blob 4abcf2066143')
  expect(output).toEndWith('Writing manifest to image destination\n')
  output = ''
  await new Promise(resolve => setTimeout(resolve, 150))
  progress[Symbol.dispose]()
  expect(output).toBe('')
})
