// network inspect: a definition as it is written down, and who is on the network now (podman-network-inspect(1)).
import { networkByDefault } from '#engine/container/join-networks.ts'
import { surveyRunning } from '#engine/container/survey.ts'
import type { InspectObject } from '#engine/contracts/container.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import type { NetworkDefinition } from '#network/definition.ts'
import { findNetwork } from '#network/networks.ts'

/** The verb: each in order; fails on the first unknown name. */
export async function inspectNetworks(names: string[]): Promise<InspectObject[]> {
  const engine = await openEngine()
  return names.map(name => describe(engine, findNetwork(engine.graphRoot, networkByDefault(engine), name)))
}

function describe(engine: Engine, definition: NetworkDefinition): InspectObject {
  return { ...definition, containers: membersOf(engine, definition) }
}

function membersOf(engine: Engine, { id: networkId }: NetworkDefinition): InspectObject {
  const members: Record<string, unknown> = {}
  for (const { id, record, report } of surveyRunning(engine))
    for (const { networkId: where, interface: device, addresses, mac } of report.state?.network?.address?.endpoints ??
      []) {
      if (where !== networkId) continue
      const subnets = addresses.map(({ ip, prefixLength, gateway }) => ({
        ipnet: `${ip}/${prefixLength}`,
        ...(gateway !== undefined && { gateway }),
      }))
      members[id] = { name: record?.name ?? '', interfaces: { [device]: { subnets, mac_address: mac } } }
    }
  return members
}
