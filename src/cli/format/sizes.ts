// Sizes for people, in the decimal units Podman and Docker print. Pure.

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB']

/** `11.3kB`, with three significant digits, or four (`system df`). */
export function humanSize(bytes: number, digits: 3 | 4 = 3): string {
  const [number, unit] = scale(bytes, digits)
  return number + unit
}

/** `11.3 kB`, as `images` and `history` print it. */
export function spacedSize(bytes: number): string {
  return scale(bytes, 3).join(' ')
}

function scale(bytes: number, digits: number): [string, string] {
  let value = bytes
  let unit = 0
  // 999.95 kB would round to "1000 kB"
  while (Number(value.toPrecision(digits)) >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return [String(Number(value.toPrecision(digits))), units[unit] ?? '']
}
