// `tspod network check`. Exit status 1 says that something could not be measured.
import { defineCommand, usageError } from '#cli/command.ts'
import { formatJson } from '#cli/format/json.ts'
import { renderTable } from '#cli/format/table.ts'
import { parsed, text } from '#cli/option.ts'
import { print } from '#cli/output.ts'
import type { NetworkCheck } from '#engine/contracts/network.ts'

const known: readonly NetworkCheck['network'][] = ['host', 'slirp4netns', 'pasta', 'bridge']

export const networkCheckCommand = defineCommand({
  usage: '[options] [NETWORK...]',
  description: `Measures, from a network namespace as a container has it, how well each kind of network works here: host (this machine's own, to
compare with), slirp4netns, pasta, bridge (user-defined networks). No image is needed. CONNECT is a TCP connection from inside to this
machine, DNS the answer to a question for a name, PORT a byte through a published port and back, IN and OUT what passes through one and
out of the container. Nothing leaves this machine but questions to its name servers.`,
  examples: ['network check', 'network check --format json pasta'],
  options: {
    format: text('format', 'json, or table (default)'),
    name: text('name', 'Ask name servers for this name (default example.org)'),
    seconds: parsed('number', 'Measure each direction for so long (default 1)', parseSpan),
  },
  operands: '[network...]',
  completes: ['none'],
  async run(values, names) {
    const { format = 'table', name = 'example.org', seconds = 1 } = values
    if (format !== 'json' && format !== 'table') throw usageError(`--format is "${format}", must be json or table`)
    const networks = names.map(parseNetwork)
    const { checkNetworks } = await import('#engine/network/check.ts')
    const isWatched = format === 'table' && process.stderr.isTTY
    const onBegin = (network: string): void => {
      if (isWatched) process.stderr.write(`measuring ${network} …\r`)
    }
    const checks = await checkNetworks({ networks, seconds, name, onBegin })
    if (isWatched) process.stderr.write('\u001b[K')
    print(format === 'json' ? formatJson(checks) : table(checks) + notes(checks))
    return checks.some(({ problems }) => problems !== undefined) ? 1 : 0
  },
})

function parseNetwork(word: string): NetworkCheck['network'] {
  const found = known.find(each => each === word)
  if (found === undefined) throw usageError(`network "${word}": must be ${known.join(', ')}`)
  return found
}

function parseSpan(value: string, option: string): number {
  const seconds = Number(value)
  if (!/^\d+(\.\d+)?$/.test(value) || seconds < 0.1 || seconds > 60)
    throw usageError(`${option} is "${value}", must be 0.1 to 60`)
  return seconds
}

/** One row a network; `-` for what could not be measured. */
export function table(checks: readonly NetworkCheck[]): string {
  const cell = (value: number | undefined, unit: string, digits: number) =>
    value === undefined ? '-' : `${value.toFixed(digits)}${unit}`
  return renderTable(
    checks,
    [
      { title: 'NETWORK', cell: ({ network }) => network },
      { title: 'CONNECT', cell: ({ connectMs }) => cell(connectMs, ' ms', 2) },
      {
        title: 'DNS',
        cell: ({ dnsMs, dnsAnswer }) => cell(dnsMs, dnsAnswer === 'NOERROR' ? ' ms' : ` ms (${dnsAnswer})`, 2),
      },
      { title: 'PORT', cell: ({ roundTripMs }) => cell(roundTripMs, ' ms', 3) },
      { title: 'IN', cell: ({ inGbits }) => cell(inGbits, ' Gbit/s', 2) },
      { title: 'OUT', cell: ({ outGbits }) => cell(outGbits, ' Gbit/s', 2) },
      { title: 'MTU', cell: ({ mtu }) => cell(mtu, '', 0) },
    ],
    true,
  )
}

function notes(checks: readonly NetworkCheck[]): string {
  return checks
    .flatMap(({ network, missing, problems = [] }) =>
      [...(missing === undefined ? [] : [missing]), ...problems].map(each => `${network}: ${each}\n`),
    )
    .join('')
}
