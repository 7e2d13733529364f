import { afterEach, beforeEach, expect, test } from 'bun:test'
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FileLogConfig, LogReader } from '#container/log-reader.ts'
import { JsonFileLog } from '#monitor/log/json-file.ts'
import { K8sFileLog } from '#monitor/log/k8s-file.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tspod-log-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const config = (driver: 'k8s-file' | 'json-file', more: Partial<FileLogConfig> = {}): FileLogConfig => ({
  driver,
  path: join(folder, 'ctr.log'),
  maxFiles: 1,
  ...more,
})
const open = (of: FileLogConfig) => (of.driver === 'k8s-file' ? new K8sFileLog(of) : new JsonFileLog(of))

/** Entries as text: `1:` or `2:` for the stream, `…` behind a piece. */
function read(entries: Iterable<{ stream: string; bytes: Uint8Array; partial: boolean }>): string[] {
  return [...entries].map(
    ({ stream, bytes, partial }) =>
      `${stream === 'stdout' ? 1 : 2}:${Buffer.from(bytes).toString()}${partial ? '…' : ''}`,
  )
}

/** The output again, byte for byte. */
function bytesOf(entries: Iterable<{ bytes: Uint8Array; partial: boolean }>): Buffer {
  return Buffer.concat(
    [...entries].flatMap(({ bytes, partial }) => [Buffer.from(bytes), Buffer.from(partial ? '' : '\n')]),
  )
}

test('k8s-file writes time, stream, tag and text; a piece has the tag P', () => {
  const log = open(config('k8s-file'))
  log.write('stdout', Buffer.from('one\ntwo'))
  log.write('stderr', Buffer.from('oops\n\n'))
  log.write('stdout', Buffer.from(' more\n'))
  log.close()
  const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}\+00:00`
  const lines = ['stdout F one', 'stdout P two', 'stderr F oops', 'stderr F ', 'stdout F  more']
  expect(readFileSync(join(folder, 'ctr.log'), 'utf8')).toMatch(
    new RegExp(`^${lines.map(line => `${time} ${line}\n`).join('')}$`),
  )
})

test('json-file writes objects; a piece has no newline, bytes that are no UTF-8 become U+FFFD', () => {
  const log = open(config('json-file'))
  log.write('stdout', Buffer.from('say "hi"\n\u0001\ttab\npiece'))
  log.write('stderr', Buffer.from([0xff, 10]))
  log.close()
  const lines = readFileSync(join(folder, 'ctr.log'), 'utf8').trimEnd().split('\n')
  const values = lines.map(line => JSON.parse(line) as { log: string; stream: string; time: string })
  expect(values.map(value => value.log)).toEqual(['say "hi"\n', '\u0001\ttab\n', 'piece', '\ufffd\n'])
  expect(values.map(value => value.stream)).toEqual(['stdout', 'stdout', 'stdout', 'stderr'])
  expect(values[0]?.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/)
})

test('json-file keeps a character together whose bytes come in two reads', () => {
  for (const text of ['é', '€', '😀']) {
    for (let at = 1; at < Buffer.byteLength(text); at++) {
      const log = open(config('json-file'))
      log.write('stdout', Buffer.from(text).subarray(0, at))
      log.write('stdout', Buffer.concat([Buffer.from(text).subarray(at), Buffer.from('\n')]))
      log.close()
      using reader = new LogReader(config('json-file'))
      expect(bytesOf(reader.take()).toString()).toBe(`${text}\n`)
      rmSync(join(folder, 'ctr.log'))
    }
  }
})

for (const driver of ['k8s-file', 'json-file'] as const) {
  test(`${driver} gives back every byte, whatever the pieces were`, () => {
    const text = Array.from({ length: 3000 }, (_, index) => `${'y'.repeat((index * 7919) % 211)}${index}\n`).join('')
    const bytes = Buffer.from(`${text}${'long'.repeat(20_000)}\nend`)
    for (const pieceBytes of [1000, 4096, 65536]) {
      const log = open(config(driver))
      for (let at = 0; at < bytes.byteLength; at += pieceBytes)
        log.write('stdout', Buffer.from(bytes.subarray(at, at + pieceBytes)))
      log.close()
      using reader = new LogReader(config(driver))
      expect(bytesOf(reader.take()).equals(bytes)).toBe(true)
      rmSync(join(folder, 'ctr.log'))
    }
  })

  test(`${driver} starts a new file at max-size, between entries, and keeps max-file of them`, () => {
    const of = config(driver, { maxSizeBytes: 2000, maxFiles: 3 })
    const log = open(of)
    for (let index = 0; index < 200; index++) log.write('stdout', Buffer.from(`line ${index}\n`))
    log.close()
    expect(readdirSync(folder).toSorted()).toEqual(['ctr.log', 'ctr.log.1', 'ctr.log.2'])
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(2000)
    using reader = new LogReader(of)
    const lines = read(reader.take())
    expect(lines.at(-1)).toBe('1:line 199')
    expect(lines).toEqual(lines.map((_, index) => `1:line ${200 - lines.length + index}`))
    expect(lines.length).toBeGreaterThan(50)
  })

  test(`${driver}: a batch larger than max-size is spread over files, nothing of the newest is lost`, () => {
    const of = config(driver, { maxSizeBytes: 1000, maxFiles: 1 })
    const log = open(of)
    log.write('stdout', Buffer.from(Array.from({ length: 500 }, (_, index) => `line ${index}\n`).join('')))
    log.close()
    expect(statSync(of.path).size).toBeLessThanOrEqual(1000)
    using reader = new LogReader(of)
    expect(read(reader.take()).at(-1)).toBe('1:line 499')
  })

  test(`${driver}: tail counts lines, not pieces, across rotated files`, () => {
    const of = config(driver, { maxSizeBytes: 400, maxFiles: 9 })
    const log = open(of)
    for (let index = 0; index < 20; index++) {
      log.write('stdout', Buffer.from(`a${index}-`))
      log.write('stdout', Buffer.from(`b${index}\n`))
    }
    for (const count of [0, 1, 2, 7, 20, 99]) {
      using reader = new LogReader(of)
      const first = Math.max(0, 20 - count)
      expect(bytesOf(reader.tail(count)).toString()).toBe(
        Array.from({ length: Math.min(count, 20) }, (_, index) => `a${first + index}-b${first + index}\n`).join(''),
      )
      expect(read(reader.take())).toEqual([])
    }
    log.write('stdout', Buffer.from('open'))
    using reader = new LogReader(of)
    expect(read(reader.tail(1))).toEqual(['1:open…'])
    log.write('stdout', Buffer.from(' end\n'))
    expect(read(reader.take())).toEqual(['1: end'])
    log.close()
  })

  test(`${driver}: a reader follows across rotations that happen between its looks`, () => {
    const of = config(driver, { maxSizeBytes: 1500, maxFiles: 5 })
    const log = open(of)
    using reader = new LogReader(of)
    const seen: string[] = []
    for (let index = 0; index < 300; index++) {
      log.write('stdout', Buffer.from(`line ${index}\n`))
      if (index % 13 === 0) seen.push(...read(reader.take()))
    }
    log.close()
    seen.push(...read(reader.take()))
    expect(seen).toEqual(Array.from({ length: 300 }, (_, index) => `1:line ${index}`))
  })
}

test('LogReader waits for the rest of a line that is being written, and skips what is none', () => {
  const of = config('k8s-file')
  const line = '2026-01-02T03:04:05.000000006+00:00 stdout F text\n'
  writeFileSync(of.path, `garbage\n${line}${line.slice(0, 40)}`)
  using reader = new LogReader(of)
  expect(read(reader.take())).toEqual(['1:text'])
  appendFileSync(of.path, line.slice(40))
  expect(read(reader.take())).toEqual(['1:text'])
  renameSync(of.path, `${of.path}.gone`)
  expect(read(reader.take())).toEqual([])
  expect(existsSync(of.path)).toBe(false)
})

for (const driver of ['k8s-file', 'json-file'] as const)
  test(`${driver}: a disk without space costs lines, no more`, () => {
    const log = open(config(driver, { path: '/dev/full' }))
    for (let index = 0; index < 3; index++) log.write('stdout', Buffer.from('0123456789\n'))
    log.note('nobody hears this')
    log.close()
  })
