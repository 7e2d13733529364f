// The table of a session, and the same as JSON.
import { cpus, release } from 'node:os'
import type { Outcome } from './cases.ts'

const number = (value: number) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2))

/** Its name, its values, its bars and whether each is met. */
export function formatRow({ name, unit, values, bars }: Outcome): string[] {
  return [
    name,
    Object.entries(values)
      .map(([who, value]) => `${who} ${number(value)} ${unit}`)
      .join(', '),
    bars
      .map(({ what, found, atMost }) => `${what} ${number(found)} (at most ${Number(atMost.toPrecision(3))})`)
      .join(', '),
    bars.every(isMet) ? 'met' : 'NOT met',
  ]
}

/** A Markdown table: one row a case. */
export function formatTable(outcomes: Outcome[]): string {
  const rows = outcomes.map(formatRow)
  const table = [['case', 'medians', 'bars', ''], ...rows]
  const widths = [0, 1, 2, 3].map(column => Math.max(...table.map(row => row[column]?.length ?? 0)))
  const line = (row: string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`
  return [line(table[0] ?? []), line(widths.map(width => '-'.repeat(width))), ...rows.map(line)].join('\n')
}

export const isMet = ({ found, atMost }: Outcome['bars'][number]): boolean => found <= atMost

/** Everything, for machines. */
export function toJson(outcomes: Outcome[], versions: Record<string, string>): string {
  const machine = { processors: cpus().length, model: cpus()[0]?.model, kernel: release() }
  return `${JSON.stringify({ date: new Date().toISOString(), machine, versions, outcomes }, null, 2)}\n`
}
