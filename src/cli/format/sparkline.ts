// A row of numbers as a small graph of one line. Pure.

const bars = '▁▂▃▄▅▆▇█'

/** One character for each value, from 0 to the highest of them, or to `atLeast`. */
export function sparkline(values: readonly number[], atLeast = 10): string {
  const top = Math.max(atLeast, ...values)
  return values.map(value => bars[Math.min(7, Math.floor((value / top) * 8))] ?? '').join('')
}
