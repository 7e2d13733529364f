// The case of two containers on one network: as fast as two network namespaces that a bare pair of interfaces joins.
import type { Case } from './cases.ts'
import { run } from './engines.ts'
import { summarise } from './harness.ts'
import { command, gigabits, hostPrograms } from './network.ts'
import { withNetwork } from './user-networks.ts'

const SECONDS = '3'
const median = (values: number[]) => summarise(values).medianMs

/** Two namespaces with nothing between them; interfaces as large as those of our networks. */
const bare = `
set -e
ip link set lo up
unshare --net sleep 100 &
there=$!
trap 'kill $there $server' EXIT
while [ "$(readlink /proc/$there/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.02; done
ip link add here mtu 65520 type veth peer name there mtu 65520 netns $there
ip address add 198.18.0.1/24 dev here
ip link set here up
nsenter --net=/proc/$there/ns/net sh -c 'ip address add 198.18.0.2/24 dev there; ip link set there up'
nsenter --net=/proc/$there/ns/net iperf3 -s > /dev/null 2>&1 &
server=$!
sleep 0.5
iperf3 -c 198.18.0.2 -t ${SECONDS} -J
`

export const neighbourCase: Case = {
  name: 'throughput, two containers on one network',
  run: async (arena, turns) =>
    await withNetwork(arena, async network => {
      const { tspod, env } = arena
      const options = ['--network', network, ...hostPrograms, 'alpine', '/usr/bin/iperf3']
      await run(tspod, env, 'run', '-d', '--name', 'server', ...options, '-s')
      const found: Record<string, number[]> = { containers: [], 'bare veth': [] }
      const client = async (): Promise<number> =>
        gigabits(await run(tspod, env, 'run', '--rm', ...options, '-c', 'server', '-t', SECONDS, '-J'))
      const namespaces = async (): Promise<number> =>
        gigabits(await command(['unshare', '--user', '--map-root-user', '--net', 'bash', '-c', bare], env))
      await Bun.sleep(500)
      // whoever comes first in a turn changes: the machine's mood hits both alike
      for (let turn = 0; turn < Math.max(2, Math.round(turns / 5)); turn++) {
        const both = [
          async () => found['containers']?.push(await client()),
          async () => found['bare veth']?.push(await namespaces()),
        ]
        for (const measure of turn % 2 === 0 ? both : both.toReversed()) await measure()
      }
      const values = Object.fromEntries(Object.entries(found).map(([name, each]) => [name, median(each)]))
      const ratio = (values['bare veth'] ?? Number.NaN) / (values['containers'] ?? Number.NaN)
      const bars = [{ what: 'bare veth/containers', found: ratio, atMost: 1 / 0.9 }]
      return { name: neighbourCase.name, unit: 'Gbit/s', values, bars }
    }),
}
