// `tspod port`.

import { defineCommand, usageError } from '#cli/command.ts'
import { flag } from '#cli/option.ts'
import { printLine } from '#cli/output.ts'
import { oneContainer } from '#cli/selection.ts'
import type { PublishedPort } from '#engine/contracts/container.ts'
import { TspodError } from '#errors.ts'
import { hostText, portText, unfoldPorts } from '#network/ports/mapping.ts'
import { parsePublish } from '#network/ports/parse.ts'

export const portCommand = defineCommand({
  usage: '[options] CONTAINER [PORT[/PROTOCOL]] | add CONTAINER PORT... | rm CONTAINER PORT...',
  description: `Lists the published ports of a container, or those that lead to one of its ports. With add and rm it changes them, in the
words of \`run --publish\`: those of a running container at once, without a restart; those of another when it starts. For rm, a port without
one of this machine stands for all that lead to it.`,
  examples: ['port web', 'port web 80', 'port add web 8080:80', 'port rm web 80'],
  options: {
    all: flag('Those of all running containers', { short: 'a' }),
    latest: flag('The container created last', { short: 'l' }),
    portFallback: flag('With add, where ports below 1024 may not be bound, take the next free one above 8000'),
  },
  operands: '[container] [port...]',
  completes: ['running', 'none'],
  async run(values, operands) {
    const [verb, name, ...texts] = operands
    if ((verb === 'add' || verb === 'rm') && name !== undefined && texts.length > 0)
      return await changePorts(verb, name, texts, values.portFallback ?? false)
    requirePorts(operands)
    const all = values.all ?? false
    if (all && operands.length > 0) throw usageError('--all takes no arguments')
    const { name: container, rest } = all ? { name: undefined, rest: [] } : oneContainer(values.latest, operands)
    const wanted = parseWanted(rest[0])
    const { listPorts } = await import('#engine/container/port.ts')
    const names = container === undefined ? [] : [container]
    const containers = await listPorts({ names, all, filters: [], ignoreMissing: false })
    for (const one of containers) {
      const ports = unfoldPorts(one.ports)
      const found = wanted === undefined ? ports : ports.filter(port => matches(port, wanted))
      if (wanted !== undefined && found.length === 0)
        throw new TspodError('NOT_FOUND', `no published port "${rest[0]}" in container "${one.name}"`)
      for (const port of found) {
        const host = hostText(port)
        const line = wanted === undefined ? `${port.containerPort}/${port.protocol} -> ${host}` : host
        printLine(all ? `${one.id.slice(0, 12)}\t${line}` : line)
      }
    }
  },
})

/** A container may be called `add` or `rm`, and then its ports can be listed; with another's name behind it, it is the verb. */
function requirePorts([verb = '', name, ...texts]: string[]): void {
  if ((verb !== 'add' && verb !== 'rm') || name === undefined || texts.length > 0 || wantedPattern.test(name)) return
  throw usageError(`port ${verb} ${name}: the ports are missing, such as: tspod port ${verb} ${name} 8080:80`)
}

async function changePorts(verb: 'add' | 'rm', name: string, texts: string[], fallback: boolean): Promise<void> {
  const requests = texts.map(text => parsePublish(text, `port ${verb}`))
  const { addPorts, removePorts } = await import('#engine/container/change-ports.ts')
  const changed = verb === 'add' ? await addPorts(name, requests, { fallback }) : await removePorts(name, requests)
  for (const port of changed) printLine(portText(port))
}

const wantedPattern = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/

interface Wanted {
  port: number
  protocol: string
}

function parseWanted(text: string | undefined): Wanted | undefined {
  if (text === undefined) return undefined
  const [, port, protocol = 'tcp'] = wantedPattern.exec(text) ?? []
  if (port === undefined) throw usageError(`parsing port "${text}": must be PORT[/tcp|udp|sctp]`)
  return { port: Number(port), protocol }
}

function matches(port: PublishedPort, wanted: Wanted): boolean {
  return port.containerPort === wanted.port && port.protocol === wanted.protocol
}
