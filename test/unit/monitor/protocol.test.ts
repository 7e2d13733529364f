import { expect, test } from 'bun:test'
import { encodeMessage, MAX_PAYLOAD_BYTES, MessageReader, type MessageType, writeHeader } from '#monitor/protocol.ts'

function cut(stream: Buffer, pieceBytes: number): [MessageType, string][] {
  const reader = new MessageReader()
  const messages: [MessageType, string][] = []
  for (let at = 0; at < stream.byteLength; at += pieceBytes)
    reader.push(stream.subarray(at, at + pieceBytes), (type, payload) => messages.push([type, payload.toString()]))
  return messages
}

test('MessageReader finds the same messages however the stream is cut', () => {
  const stream = Buffer.concat([
    encodeMessage('stdout', Buffer.from('hello\n')),
    encodeMessage('stdinEof'),
    encodeMessage('exit', { exitCode: 3, oomKilled: false }),
    encodeMessage('stderr', Buffer.from('x'.repeat(9000))),
  ])
  const whole = cut(stream, stream.byteLength)
  expect(whole.map(([type]) => type)).toEqual(['stdout', 'stdinEof', 'exit', 'stderr'])
  expect(whole[2]?.[1]).toBe('{"exitCode":3,"oomKilled":false}')
  for (const pieceBytes of [1, 2, 3, 4, 5, 6, 7, 1000, 65536]) expect(cut(stream, pieceBytes)).toEqual(whole)
})

test('MessageReader refuses a type that does not exist and a payload that is too long', () => {
  expect(() => cut(Buffer.from([99, 0, 0, 0, 0]), 5)).toThrow('type 99')
  const frame = Buffer.alloc(5)
  writeHeader(frame, 'stdin', MAX_PAYLOAD_BYTES + 1)
  expect(() => cut(frame, 5)).toThrow('is none')
})
