// Which name servers are asked, and in which order.
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encode } from 'dns-packet'
import { HostResolvers } from '#network/bridge/dns/host-resolvers.ts'
import { ServerHealth } from '#network/bridge/dns/server-health.ts'
import { asAnswerTo } from '#network/bridge/dns/wire.ts'

const folder = mkdtempSync(join(tmpdir(), 'tspod-resolv-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('HostResolvers follows a file that is written, exchanged, removed and made again, and says so', async () => {
  const path = join(folder, 'resolv.conf')
  let changes = 0
  const resolvers = new HostResolvers(() => changes++, path)
  const after = async (change: () => void): Promise<readonly string[]> => {
    change()
    await Bun.sleep(510)
    return resolvers.list()
  }
  const exchange = () => {
    writeFileSync(`${path}.new`, 'nameserver 192.0.2.2\n')
    renameSync(`${path}.new`, path)
  }
  expect(await after(() => writeFileSync(path, 'nameserver 192.0.2.1\n'))).toEqual(['192.0.2.1'])
  expect(await after(exchange)).toEqual(['192.0.2.2'])
  expect(await after(() => rmSync(path))).toEqual([])
  expect(await after(exchange)).toEqual(['192.0.2.2'])
  expect(await after(() => undefined)).toEqual(['192.0.2.2'])
  expect(changes).toBe(3)
})

test('ServerHealth has servers asked last that were silent twice in a row, for ten seconds', () => {
  let nowMs = 0
  const health = new ServerHealth(() => nowMs)
  const order = () => health.order(['a', 'b', 'c']).join('')
  health.unanswered('a')
  expect(order()).toBe('abc')
  health.unanswered('a')
  expect(order()).toBe('bca')
  health.answered('a')
  expect(order()).toBe('abc')
  for (const server of ['a', 'a', 'b', 'b']) health.unanswered(server)
  expect(order()).toBe('cab')
  nowMs = 10_000
  expect(order()).toBe('abc')
})

test('asAnswerTo() gives an answer the number and the letters of another question', () => {
  const query = (id: number, name: string) =>
    Buffer.from(encode({ type: 'query', id, questions: [{ type: 'A', name }] }))
  const answer = Buffer.from(
    encode({
      type: 'response',
      id: 7,
      questions: [{ type: 'A', name: 'example.org' }],
      answers: [{ type: 'A', name: 'example.org', ttl: 1, data: '192.0.2.1' }],
    }),
  )
  const given = asAnswerTo(query(9, 'eXample.ORG'), answer)
  expect(given.readUInt16BE(0)).toBe(9)
  expect(given.toString('latin1')).toContain('eXample\x03ORG')
  expect(given.subarray(29).equals(answer.subarray(29))).toBe(true)
})
