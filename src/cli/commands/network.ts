// `tspod network create`, `ls`, `rm`, `connect`, `disconnect`, `update`, `exists`, `prune`.

import { defineCommand, usageError } from '#cli/command.ts'
import { confirm } from '#cli/confirm.ts'
import { parseNetworkFilters } from '#cli/filters.ts'
import { formatJson } from '#cli/format/json.ts'
import { renderTable } from '#cli/format/table.ts'
import { networkJson, networkReport, networkRow } from '#cli/network-report.ts'
import { commas, flag, list, parsed, refused, text } from '#cli/option.ts'
import { print, printLine } from '#cli/output.ts'
import { withRemovalStatus } from '#cli/removal-status.ts'
import { printOutcomes } from '#cli/selection.ts'
import { parseSeconds } from '#cli/values.ts'
import { parseKeyValue } from '#container/options/key-value.ts'
import { checkIp, checkMac } from '#container/options/namespaces.ts'
import { TspodError } from '#errors.ts'

export const networkCreateCommand = defineCommand({
  usage: '[options] [NAME]',
  description: `Makes a network of its own for containers: they find each other by name, reach the outside (unless it is internal), and are
kept apart from those of other networks.`,
  examples: ['network create web', 'network create --internal --subnet 10.77.0.0/24 backend'],
  options: {
    disableDns: flag('Containers do not find each other by name'),
    dns: commas('address', "Name servers that are asked in place of this machine's"),
    driver: text('name', 'Driver (default bridge)', { short: 'd' }),
    gateway: list('address', 'Gateway of the subnet; once for each --subnet'),
    ignore: flag('An existing network of this name is fine'),
    interfaceName: text('name', 'Name of the bridge'),
    internal: flag('No way out of the network'),
    ipamDriver: refused('name', 'addresses are always chosen by tspod', { harmless: ['host-local', ''] }),
    ipRange: list('range', 'Part of the subnet that addresses are chosen from; once for each --subnet'),
    ipv6: flag('IPv6 as well'),
    label: list('key=value', 'Set a label', { short: 'l' }),
    opt: list('key=value', 'Set an option of the driver: mtu, metric, isolate', { short: 'o' }),
    route: list('destination,gateway[,metric]', 'Give containers one more route'),
    subnet: list('subnet', 'Subnet, such as 10.89.1.0/24; one more for IPv6'),
  },
  operands: '[name]',
  completes: ['none'],
  async run(values, [name]) {
    const { subnet: subnets = [], gateway: gateways = [], ipRange: ranges = [] } = values
    if (gateways.length > subnets.length) throw usageError('cannot set gateway without subnet')
    if (ranges.length > subnets.length) throw usageError('cannot set ip-range without subnet')
    const { createNetwork } = await import('#engine/network/create.ts')
    printLine(
      await createNetwork({
        name,
        driver: values.driver ?? 'bridge',
        subnets: subnets.map((subnet, index) => ({ subnet, gateway: gateways[index], range: ranges[index] })),
        internal: values.internal ?? false,
        ipv6: values.ipv6 ?? false,
        disableDns: values.disableDns ?? false,
        dns: values.dns ?? [],
        labels: Object.fromEntries((values.label ?? []).map(label => parseKeyValue('--label', label))),
        options: Object.fromEntries((values.opt ?? []).map(option => parseKeyValue('--opt', option, true))),
        routes: values.route ?? [],
        interfaceName: values.interfaceName,
        ignoreExisting: values.ignore ?? false,
      }),
    )
  },
})

export const networkListCommand = defineCommand({
  usage: '[options]',
  options: {
    filter: list('key=value', 'Only networks that match', { short: 'f' }),
    format: text('template', 'json, or a Go template, or `table` and a template'),
    noTrunc: flag('Show whole ids'),
    noheading: flag('Leave the headings out', { short: 'n' }),
    quiet: flag('Show names only', { short: 'q' }),
  },
  operands: '',
  async run(values) {
    if (values.quiet === true && values.format !== undefined)
      throw usageError('quiet and format cannot be used together')
    const { listUserNetworks } = await import('#engine/network/list.ts')
    const networks = await listUserNetworks(parseNetworkFilters(values.filter ?? []))
    if (values.quiet === true) return print(networks.map(({ definition }) => `${definition.name}\n`).join(''))
    const isWhole = values.noTrunc ?? false
    if (values.format === undefined)
      return print(
        renderTable(
          networks,
          [
            { title: 'NETWORK ID', cell: ({ definition }) => (isWhole ? definition.id : definition.id.slice(0, 12)) },
            { title: 'NAME', cell: ({ definition }) => definition.name },
            { title: 'DRIVER', cell: ({ definition }) => definition.driver },
          ],
          values.noheading !== true,
        ),
      )
    const { renderRows, wantsJson } = await import('#cli/format/report.ts')
    if (wantsJson(values.format)) return print(formatJson(networks.map(networkJson)))
    const rows = networks.map(network => networkRow(network, isWhole))
    return print(renderRows(values.format, rows, { ...networkReport, noHeading: values.noheading ?? false }))
  },
})

export const networkRemoveCommand = defineCommand({
  usage: '[options] NETWORK [NETWORK...]',
  options: {
    force: flag('Remove containers that use it; a missing network is no error', { short: 'f' }),
    time: parsed('seconds', 'With --force: seconds until a running container is killed', parseSeconds, {
      short: 't',
      aliases: ['timeout'],
    }),
  },
  operands: '<network...>',
  completes: ['networks'],
  async run(values, names) {
    const { removeNetworks } = await import('#engine/network/remove.ts')
    const options = { force: values.force ?? false, timeoutSeconds: values.time }
    printOutcomes(withRemovalStatus(await removeNetworks(names, options)))
  },
})

export const networkPruneCommand = defineCommand({
  usage: '[options]',
  options: {
    filter: list('key=value', 'Only networks that match: label, until'),
    force: flag('Do not ask', { short: 'f' }),
  },
  operands: '',
  async run(values) {
    const warning = 'WARNING! This will remove all networks not used by at least one container.'
    if (values.force !== true && !confirm(warning)) return
    const { pruneNetworks } = await import('#engine/network/remove.ts')
    const pruned = await pruneNetworks(parseNetworkFilters(values.filter ?? []))
    for (const { id, error } of pruned) if (error === undefined) printLine(id)
    for (const { error } of pruned) if (error !== undefined) throw error
  },
})

export const networkExistsCommand = defineCommand({
  usage: 'NETWORK',
  options: {},
  operands: '<network>',
  completes: ['networks'],
  async run(_, [name = '']) {
    const { networkExists } = await import('#engine/network/exists.ts')
    return (await networkExists(name)) ? 0 : 1
  },
})

export const networkConnectCommand = defineCommand({
  usage: '[options] NETWORK CONTAINER',
  description: 'Connects a container to one network more. A running one is on it at once.',
  examples: ['network connect --alias db backend postgres'],
  options: {
    alias: commas('name', 'Further names by which others on the network find it'),
    ip: text('address', 'Its IPv4 address there'),
    ip6: text('address', 'Its IPv6 address there'),
    macAddress: text('address', 'Address of its network card there'),
  },
  operands: '<network> <container>',
  completes: ['networks', 'containers'],
  async run(values, [network = '', container = '']) {
    const refuse = (option: string) => (why: string) => new TspodError('INVALID', `parsing ${option}: ${why}`)
    const { ip, ip6, macAddress } = values
    const { connectContainer } = await import('#engine/network/connect.ts')
    await connectContainer(network, container, {
      aliases: values.alias ?? [],
      ...(ip !== undefined && { ip: checkIp(ip, 4, refuse('--ip')) }),
      ...(ip6 !== undefined && { ip6: checkIp(ip6, 6, refuse('--ip6')) }),
      ...(macAddress !== undefined && { mac: checkMac(macAddress, refuse('--mac-address')) }),
    })
  },
})

export const networkDisconnectCommand = defineCommand({
  usage: '[options] NETWORK CONTAINER',
  options: { force: flag('Pass over what does not exist or is not connected', { short: 'f' }) },
  operands: '<network> <container>',
  completes: ['networks', 'containers'],
  async run(values, [network = '', container = '']) {
    const { disconnectContainer } = await import('#engine/network/connect.ts')
    await disconnectContainer(network, container, { force: values.force ?? false })
  },
})

export const networkUpdateCommand = defineCommand({
  usage: '[options] NETWORK',
  examples: ['network update --dns-add 192.0.2.53 web'],
  options: {
    dnsAdd: commas('address', 'Ask this name server too'),
    dnsDrop: commas('address', 'Ask this name server no more'),
  },
  operands: '<network>',
  completes: ['networks'],
  async run(values, [network = '']) {
    const { dnsAdd = [], dnsDrop = [] } = values
    if (dnsAdd.length + dnsDrop.length === 0) throw usageError('nothing to change: give --dns-add or --dns-drop')
    const { updateNetwork } = await import('#engine/network/update.ts')
    await updateNetwork(network, { addDns: dnsAdd, dropDns: dnsDrop })
  },
})
