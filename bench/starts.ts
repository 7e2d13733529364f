// `scripts/bun bench/starts.ts [N]`: N containers started one after the other (10,000), watching for hangs and for anything left.
import { readdirSync, readFileSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'
import { tspodPath } from '#test/needs.ts'
import { processesOf } from '#test/setup/leaks.ts'
import { summarise } from './harness.ts'

const count = Number(process.argv[2] ?? 10_000)
const image = process.argv[3] ?? 'alpine'
const deadlineMs = 10_000
const graphRoot = process.env.XDG_DATA_HOME ?? join(homedir(), '.local/share')

/** Whatever may grow: processes of the user, mounts, folders of the store. */
function census(): Record<string, number> {
  const entries = (folder: string) => {
    try {
      return readdirSync(join(graphRoot, 'tspod', folder)).length
    } catch {
      return 0
    }
  }
  return {
    processes: processesOf(userInfo().username).length,
    mounts: readFileSync('/proc/self/mounts', 'utf8').split('\n').length,
    containers: entries('containers'),
    tmp: entries('tmp'),
    names: entries('names'),
  }
}

async function startOne(index: number): Promise<number> {
  const started = performance.now()
  const child = Bun.spawn([tspodPath, 'run', '--rm', '--network', 'none', image, 'true'], {
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'pipe',
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs)
  const status = await child.exited
  clearTimeout(timer)
  if (status !== 0)
    throw new Error(
      `start ${index}: status ${status}${child.signalCode === null ? '' : ` (hung for ${deadlineMs} ms)`}: ${await child.stderr.text()}`,
    )
  return performance.now() - started
}

await startOne(0)
const before = census()
const times: number[] = []
for (let index = 1; index <= count; index++) {
  times.push(await startOne(index))
  if (index % 500 === 0)
    console.log(
      `${index}: median ${summarise(times.slice(-500)).medianMs.toFixed(1)} ms, slowest ${Math.max(...times.slice(-500)).toFixed(1)} ms`,
    )
}
await Bun.sleep(1000)
const after = census()
const grown = Object.keys(before).filter(key => (after[key] ?? 0) > (before[key] ?? 0))
console.log(
  `${count} starts, median ${summarise(times).medianMs.toFixed(1)} ms; ${grown.length === 0 ? 'nothing is left' : `left: ${grown.map(key => `${key} ${before[key]} → ${after[key]}`).join(', ')}`}`,
)
process.exit(grown.length === 0 ? 0 : 1)
