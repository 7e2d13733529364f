// `tspod port`.

import { defineCommand, usageError } from '#cli/command.ts'
import { flag } from '#cli/option.ts'
import { printLine } from '#cli/output.ts'
import { oneContainer } from '#cli/selection.ts'
import type { PublishedPort } from '#engine/contracts/container.ts'
import { TspodError } from '#errors.ts'
import { hostText, unfoldPorts } from '#network/ports/mapping.ts'

export const portCommand = defineCommand({
  usage: '[options] CONTAINER [PORT[/PROTOCOL]]',
  options: {
    all: flag('Those of all running containers', { short: 'a' }),
    latest: flag('The container created last', { short: 'l' }),
  },
  operands: '[container] [port]',
  completes: ['running', 'none'],
  async run(values, operands) {
    const all = values.all ?? false
    if (all && operands.length > 0) throw usageError('--all takes no arguments')
    const { name, rest } = all ? { name: undefined, rest: [] } : oneContainer(values.latest, operands)
    const wanted = parseWanted(rest[0])
    const { listPorts } = await import('#engine/container/port.ts')
    const names = name === undefined ? [] : [name]
    const containers = await listPorts({ names, all, filters: [], ignoreMissing: false })
    for (const container of containers) {
      const ports = unfoldPorts(container.ports)
      const found = wanted === undefined ? ports : ports.filter(port => matches(port, wanted))
      if (wanted !== undefined && found.length === 0)
        throw new TspodError('NOT_FOUND', `no published port "${rest[0]}" in container "${container.name}"`)
      for (const port of found) {
        const host = hostText(port)
        const line = wanted === undefined ? `${port.containerPort}/${port.protocol} -> ${host}` : host
        printLine(all ? `${container.id.slice(0, 12)}\t${line}` : line)
      }
    }
  },
})

interface Wanted {
  port: number
  protocol: string
}

function parseWanted(text: string | undefined): Wanted | undefined {
  if (text === undefined) return undefined
  const [, port, protocol = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/.exec(text) ?? []
  if (port === undefined) throw usageError(`parsing port "${text}": must be PORT[/tcp|udp|sctp]`)
  return { port: Number(port), protocol }
}

function matches(port: PublishedPort, wanted: Wanted): boolean {
  return port.containerPort === wanted.port && port.protocol === wanted.protocol
}
