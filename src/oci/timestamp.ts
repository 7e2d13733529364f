// Moments as text: RFC 3339 with nanoseconds, which Date cannot hold. Always in universal time.

const NS = 1_000_000_000n

/** `2006-01-02T15:04:05.999999999Z`, nine digits always, from nanoseconds since 1970; `zone` may be `+00:00`. */
export function formatTimestamp(nanoseconds: bigint, zone = 'Z'): string {
  const seconds = nanoseconds / NS
  const fraction = (nanoseconds % NS).toString().padStart(9, '0')
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}.${fraction}${zone}`
}

/** Nanoseconds since 1970 from RFC 3339 text with up to nine digits of fraction; `undefined` for anything else. */
export function parseTimestamp(text: string): bigint | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text)
  if (match === null) return undefined
  const milliseconds = Date.parse(`${match[1]}${match[3]}`)
  if (Number.isNaN(milliseconds)) return undefined
  return BigInt(milliseconds) * 1_000_000n + BigInt((match[2] ?? '').padEnd(9, '0'))
}
