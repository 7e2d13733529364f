// What a sandbox leaves behind after all its containers and volumes have been removed: nothing, or its tests fail.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { isPodman, type Sandbox, until } from './sandbox.ts'

/** Removes containers and volumes, ends the keeper of the user's namespace, and says what is still there. */
export async function findLeaks(sandbox: Sandbox): Promise<string[]> {
  if (isPodman || existsSync(join(sandbox.graphRoot, 'pods')))
    await sandbox.tspod('pod', 'rm', '--all', '--force', '--time', '0')
  const removed = await sandbox.tspod('rm', '--all', '--force', '--time', '0')
  const pruned = await sandbox.tspod('volume', 'prune', '--force')
  const complaints = [removed, pruned].flatMap(({ status, stderr }) => (status === 0 ? [] : `clean-up: ${stderr}`))
  if (isPodman) {
    endProcess(join(sandbox.runtime, 'libpod/tmp/pause.pid'))
    return complaints
  }
  const keeper = keeperOf(sandbox)
  await until('processes to end', () => processesOf(sandbox, keeper).length === 0, 5000).catch(() => undefined)
  complaints.push(...processesOf(sandbox, keeper).map(found => `process: ${found}`))
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n')
  complaints.push(...mounts.filter(line => line.includes(sandbox.home)).map(line => `mount: ${line}`))
  const store = (folder: string) => filesBelow(join(sandbox.graphRoot, folder)).map(file => `${folder}/${file}`)
  complaints.push(...['containers', 'names', 'pods', 'volumes', 'tmp'].flatMap(store))
  const kept = ['userns', 'lock', 'network.lock'] // the keeper of the user's namespace, and the locks of whoever makes one
  const sockets = filesBelow(join(sandbox.runtime, 'tspod')).filter(file => !kept.includes(file))
  complaints.push(...sockets.map(file => `runtime: ${file}`))
  if (keeper !== undefined) process.kill(keeper, 'SIGKILL')
  return complaints
}

/** The process that keeps the user's namespace (docs/internals.md, runRoot). */
function keeperOf(sandbox: Sandbox): number | undefined {
  const file = join(sandbox.runtime, 'tspod/userns')
  const pid = existsSync(file) ? /\d+/.exec(readFileSync(file, 'utf8'))?.[0] : undefined
  return pid !== undefined && existsSync(`/proc/${pid}`) ? Number(pid) : undefined
}

/** Processes whose environment names the sandbox's runtime folder: every command of it, and all that these left behind. */
function processesOf(sandbox: Sandbox, keeper: number | undefined): string[] {
  return readdirSync('/proc')
    .filter(entry => /^\d+$/.test(entry) && Number(entry) !== keeper)
    .flatMap(pid => {
      try {
        if (!readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`XDG_RUNTIME_DIR=${sandbox.runtime}`)) return []
        return `${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`
      } catch {
        return [] // not ours, or gone
      }
    })
}

/** Everything below the folder but empty folders. */
function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => !entry.isDirectory())
    .map(entry => relative(folder, join(entry.parentPath, entry.name)))
}

function endProcess(pidFile: string): void {
  if (existsSync(pidFile)) process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGKILL')
}
