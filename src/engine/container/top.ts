// top: the processes of a container, read from the host's /proc; or what ps(1) says inside.
import { readFileSync } from 'node:fs'
import { requireAllowed } from '#container/state.ts'
import { type Accounts, parseGroup, parsePasswd } from '#container/users.ts'
import type { ContainerName, ProcessTable, TopRequest } from '#engine/contracts/container.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { type ProcessFacts, processesBeside, readProcess, readProcessFile, uptimeSeconds } from '#host/process-table.ts'
import { readAccounts } from './read-accounts.ts'
import { findOne } from './select.ts'
import { type SeenContainer, seeContainer } from './survey.ts'
import { columnsOf, type TableFacts } from './top-columns.ts'

/** The verb. Throws CONFLICT for a container that does not run. */
export async function topContainer(name: ContainerName, request: TopRequest): Promise<ProcessTable> {
  const engine = await openEngine()
  const container = seeContainer(engine, findOne(engine, name))
  requireAllowed('top', container.id, container.report)
  if (request.kind === 'ps') return await psInside(engine, container, request.arguments)
  const columns = columnsOf(request.descriptors)
  const pid = container.report.state?.pid ?? 0
  const processes = processesBeside(pid)
  const facts = tableFacts(pid, processes, await readAccounts(engine, container.id, pid))
  return {
    titles: columns.map(({ title }) => title),
    rows: processes.map(process => columns.map(({ cell }) => cell(process, facts))),
  }
}

function tableFacts(pid: number, processes: readonly ProcessFacts[], accounts: Accounts): TableFacts {
  const depth = readProcess(pid)?.nestedPids.length ?? 1
  const insidePids = new Map(processes.map(({ hostPid, nestedPids }) => [hostPid, nestedPids[depth - 1] ?? 0]))
  const inside = namesIn(accounts.passwd, accounts.group)
  const host = namesIn(readFileSync('/etc/passwd', 'utf8'), readFileSync('/etc/group', 'utf8'))
  const insideUid = mapping(pid, 'uid_map')
  const insideGid = mapping(pid, 'gid_map')
  return {
    depth,
    insidePid: hostPid => insidePids.get(hostPid) ?? 0,
    insideUser: uid => inside.user(insideUid(uid)),
    insideGroup: gid => inside.group(insideGid(gid)),
    hostUser: host.user,
    hostGroup: host.group,
    uptimeSeconds: uptimeSeconds(),
    nowMs: Date.now(),
  }
}

/** The number itself for an id that has no name. */
function namesIn(passwd: string, group: string): { user: (uid: number) => string; group: (gid: number) => string } {
  const users = new Map(parsePasswd(passwd).map(({ uid, name }) => [uid, name]))
  const groups = new Map(parseGroup(group).map(({ gid, name }) => [gid, name]))
  return { user: uid => users.get(uid) ?? String(uid), group: gid => groups.get(gid) ?? String(gid) }
}

/** What a host's id is inside; 65534 for one that is not mapped, as processes inside see it. */
function mapping(pid: number, file: 'uid_map' | 'gid_map'): (hostId: number) => number {
  const extents = (readProcessFile(pid, file) ?? '')
    .trim()
    .split('\n')
    .map(line => line.trim().split(/\s+/).map(Number))
  return hostId => {
    for (const [inside = 0, outside = 0, count = 0] of extents)
      if (hostId >= outside && hostId < outside + count) return inside + hostId - outside
    return 65534
  }
}

/** ps(1) of the container's image, as it prints. */
async function psInside(engine: Engine, container: SeenContainer, args: readonly string[]): Promise<ProcessTable> {
  const { planExecution } = await import('./exec.ts')
  const { execCaptured } = await import('#monitor/exec.ts')
  const execution = await planExecution(engine, container, {
    command: ['ps', ...args],
    env: [],
    envFiles: [],
    interactive: false,
    tty: false,
    detach: false,
    privileged: false,
    preserveFds: 0,
  })
  const { stdout, stderr, exitCode } = execCaptured(execution)
  const [titles = '', ...rows] = stdout.replace(/\n$/, '').split('\n')
  if (exitCode !== 0)
    throw new TspodError('INVALID', `ps ${args.join(' ')} in the container ended with ${exitCode}: ${stderr.trim()}`)
  return { titles: [titles], rows: rows.map(row => [row]) }
}
