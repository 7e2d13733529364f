// What serves all containers of a user outlives the command that happened to need it first: where a systemd manager runs for the user, it
// gets a scope of that. In a login session it would keep the closing session and the manager alive; in a service it would end with it.
import { existsSync } from 'node:fs'
import type { Property } from '#cgroup/systemd.ts'
import { hostUser } from '#host/user.ts'
import { log } from '#log.ts'

/** SIGCONT: it ends by itself when the last container that it serves has, and its scope with it. */
const KEEPS_ON = 18

/** The scope of who keeps the user's namespace: containers, when systemd ends all at logout, end before it. */
export const keeperUnit = (pid: number): string => `tspod-keeper-${pid}.scope`

/** Puts the keeper, which has just been made, into its scope. */
export async function detachKeeper(pid: number): Promise<void> {
  await enclose(pid, keeperUnit(pid), 'tspod user namespace', [])
}

/** The same for the network service, before it has children. */
export async function detachNetworkService(pid: number, keeperPid: number): Promise<void> {
  await enclose(pid, `tspod-networks-${pid}.scope`, 'tspod network service', [
    ['KillSignal', { signature: 'i', value: KEEPS_ON }],
    ['After', { signature: 'as', value: [keeperUnit(keeperPid)] }],
  ])
}

async function enclose(pid: number, unit: string, description: string, properties: readonly Property[]): Promise<void> {
  if (hostUser().isRoot || !existsSync('/sys/fs/cgroup/cgroup.controllers')) return
  const { connectSystemd } = await import('#cgroup/systemd.ts')
  const found = connectSystemd()
  if (typeof found === 'string') return
  using systemd = found
  try {
    systemd.enclose(pid, unit, [['Description', { signature: 's', value: description }], ...properties])
  } catch (error) {
    log.debug(`a scope for "${description}": ${String(error)}`) // it works where it is
  }
}
