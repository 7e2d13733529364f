// JSON on standard output, laid out as Podman's users see it. Pure.

/** Four spaces, a newline at the end. */
export function formatJson(value: unknown): string {
  return `${JSON.stringify(value, null, 4)}\n`
}
