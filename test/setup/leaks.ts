// Which processes belong to a user: those with its own id and those with one of its subordinate ids.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

export interface FoundProcess {
  pid: number
  /** arguments separated by spaces, the name in brackets where there are none */
  command: string
}

type Range = [first: number, count: number]

function rangesOf(user: string): Range[] {
  const uid = Number(execFileSync('id', ['-u', user], { encoding: 'utf8' }))
  const subordinate = readLines('/etc/subuid')
    .map(line => line.split(':'))
    .filter(([owner]) => owner === user || owner === String(uid))
    .map(([, first, count]): Range => [Number(first), Number(count)])
  return [[uid, 1], ...subordinate]
}

/** Every process of the user and of its subordinate ids that this process can see. */
export function processesOf(user: string): FoundProcess[] {
  const ranges = rangesOf(user)
  return readdirSync('/proc')
    .filter(entry => /^\d+$/.test(entry))
    .flatMap(entry => {
      const status = readText(`/proc/${entry}/status`)
      const uid = Number(/^Uid:\s+(\d+)/m.exec(status)?.[1] ?? -1)
      if (!ranges.some(([first, count]) => uid >= first && uid < first + count)) return []
      const command = readText(`/proc/${entry}/cmdline`).replaceAll('\0', ' ').trim()
      return { pid: Number(entry), command: command || `[${/^Name:\s+(.*)/m.exec(status)?.[1]}]` }
    })
}

const readLines = (path: string) => readText(path).split('\n')

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // it ended meanwhile
  }
}
