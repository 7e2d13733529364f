// One record of comma-separated values, as --mount takes it (RFC 4180). Pure.

/** Its fields; `"a,b"` keeps its comma. */
export function parseCsv(record: string): string[] {
  const fields = record.match(/(?:"(?:[^"]|"")*"|[^,])*(?:,|$)/g)?.map(field => field.replace(/,$/, '')) ?? []
  if (!record.endsWith(',')) fields.pop()
  return fields.map(field => (/^".*"$/s.test(field) ? field.slice(1, -1).replaceAll('""', '"') : field))
}

export function writeCsv(fields: readonly string[]): string {
  return fields.map(field => (/[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(',')
}
