// Spans of time as Go prints them, which is how podman does: `1h2m3.5s`.

/** A span in seconds; fractions to the nanosecond, `0s` for none. */
export function goDuration(seconds: number): string {
  const hours = Math.floor(seconds / 3600)
  const minutes = Math.floor((seconds % 3600) / 60)
  const rest = Number((seconds % 60).toFixed(9))
  if (hours > 0) return `${hours}h${minutes}m${rest}s`
  if (minutes > 0) return `${minutes}m${rest}s`
  if (rest >= 1 || rest === 0) return `${rest}s`
  return rest >= 0.001 ? `${Number((rest * 1000).toFixed(6))}ms` : `${Number((rest * 1e6).toFixed(3))}µs`
}
