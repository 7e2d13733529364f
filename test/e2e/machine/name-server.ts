// A name server on one address, by UDP and TCP, that does to each name what its first label says. Its first argument is the address, the
// second the last number of the addresses it answers with. Says `ready` once it listens.
import { createSocket, type RemoteInfo } from 'node:dgram'
import { createServer } from 'node:net'
import { decode, encode, type Packet } from 'dns-packet'

const [address = '', last = '1'] = process.argv.slice(2)
const family = address.includes(':') ? 'udp6' : 'udp4'
/** How often a name has been asked for, by either transport. */
const asked = new Map<string, number>()
const RECURSION_AVAILABLE = 0x80
const TRUNCATED = 0x200

interface Query {
  id: number
  name: string
  type: 'A'
  count: number
}

function readQuery(message: Buffer): Query {
  const { id = 0, questions = [] } = decode(message)
  const { name = '', type = 'A' } = questions[0] ?? {}
  const count = (asked.get(name) ?? 0) + 1
  asked.set(name, count)
  return { id, name, type: type as 'A', count }
}

const response = ({ id, name, type }: Query, more: Partial<Packet>): Buffer =>
  Buffer.from(
    encode({ type: 'response', id, flags: RECURSION_AVAILABLE, questions: [{ type, name, class: 'IN' }], ...more }),
  )
const record = (query: Query, data: string, ttl = 60): Buffer =>
  response(query, { answers: query.type === 'A' ? [{ type: 'A', name: query.name, ttl, data }] : [] })

const right = `192.0.2.${last}`
const wrong = '203.0.113.66'
const many = (query: Query): Buffer =>
  response(query, {
    answers: Array.from({ length: 200 }, (_, at) => ({ type: 'A', name: query.name, ttl: 60, data: `192.0.2.${at}` })),
  })

const labelOf = ({ name }: Query): string => (name.split('.', 1)[0] ?? '').toLowerCase()

/** What is said by either transport where nothing special is asked for. */
function ordinary(query: Query): Buffer {
  switch (labelOf(query)) {
    case 'counted':
      return record(query, `192.0.2.${query.count}`, 2)
    case 'many':
      return many(query)
    case 'refused':
      return last === '1' ? response(query, { flags: 5 }) : record(query, right)
    default:
      return record(query, right)
  }
}

const datagrams = createSocket(family)
const elsewhere = createSocket(family)
datagrams.on('message', (message, client) => {
  const query = readQuery(message)
  const send = (answer: Buffer): void => datagrams.send(answer, client.port, client.address)
  const soon = (answer: Buffer): void => void setTimeout(() => send(answer), 100)
  answerDatagram(query, send, soon, client)
})

function answerDatagram(
  query: Query,
  send: (answer: Buffer) => void,
  soon: (answer: Buffer) => void,
  client: RemoteInfo,
): void {
  switch (labelOf(query)) {
    case 'silent':
      return
    case 'nonsense':
      return send(Buffer.from(crypto.getRandomValues(new Uint8Array(300))))
    case 'short':
      return send(Buffer.from([0, 1, 2]))
    case 'wrong-number':
      send(record({ ...query, id: query.id ^ 1 }, wrong))
      return soon(record(query, right))
    case 'wrong-question':
      send(record({ ...query, name: 'other.test' }, wrong))
      return soon(record(query, right))
    case 'wrong-sender':
      elsewhere.send(record(query, wrong), client.port, client.address)
      return soon(record(query, right))
    case 'query-back':
      send(Buffer.from(encode({ type: 'query', id: query.id, questions: [{ type: 'A', name: query.name }] })))
      return soon(record(query, right))
    case 'truncated':
      return send(response(query, { flags: RECURSION_AVAILABLE | TRUNCATED }))
    case 'damaged':
      // says that there are more records than there are
      return send(record(query, right).fill(0xff, 6, 8))
    default:
      return send(ordinary(query))
  }
}

const streams = createServer(socket => {
  socket.on('error', () => socket.destroy())
  socket.once('data', message => {
    const query = readQuery(Buffer.from(message).subarray(2))
    const label = labelOf(query)
    if (label === 'silent') return
    const answer = ordinary(query)
    const length = Buffer.alloc(2)
    length.writeUInt16BE(answer.byteLength)
    if (label === 'cut') return void socket.end(Buffer.concat([length, answer.subarray(0, 20)]))
    // in pieces, as networks do
    socket.write(length)
    socket.write(answer.subarray(0, 5))
    setTimeout(() => socket.end(answer.subarray(5)), 50)
  })
})

await new Promise<void>(resolve => datagrams.bind(53, address, resolve))
await new Promise<void>(resolve => elsewhere.bind(0, address, resolve))
await new Promise<void>(resolve => streams.listen(53, address, resolve))
console.log('ready')
