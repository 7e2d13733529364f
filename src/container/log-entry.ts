// Lines of log files as entries: what the monitor's log drivers k8s-file and json-file have written. Pure.

export interface RecordedEntry {
  stream: 'stdout' | 'stderr'
  /** RFC 3339 with nanoseconds, as recorded. */
  time: string
  /** One line without its newline, or a piece of one. */
  bytes: Uint8Array
  /** The line goes on in the next entry of this stream. */
  partial: boolean
}

const SPACE = 32

/** The entry in a line; `undefined` for what is none (cut by a crash). */
export function parseLogLine(driver: 'k8s-file' | 'json-file', line: Buffer): RecordedEntry | undefined {
  return driver === 'k8s-file' ? parseK8sLine(line) : parseJsonLine(line)
}

/** `2006-01-02T15:04:05.999999999+00:00 stdout F text`; tags may carry more after a colon (CRI logging format). */
function parseK8sLine(line: Buffer): RecordedEntry | undefined {
  const afterTime = line.indexOf(SPACE)
  const afterStream = line.indexOf(SPACE, afterTime + 1)
  const afterTag = line.indexOf(SPACE, afterStream + 1)
  if (afterTime < 0 || afterStream < 0 || afterTag < 0) return undefined
  const stream = line.toString('latin1', afterTime + 1, afterStream)
  const tag = line[afterStream + 1]
  if ((stream !== 'stdout' && stream !== 'stderr') || (tag !== 70 && tag !== 80)) return undefined
  const bytes = line.subarray(afterTag + 1)
  return { stream, time: line.toString('latin1', 0, afterTime), bytes, partial: tag === 80 }
}

function parseJsonLine(line: Buffer): RecordedEntry | undefined {
  let value: { log?: unknown; stream?: unknown; time?: unknown } | null
  try {
    value = JSON.parse(line.toString('utf8')) as typeof value
  } catch {
    return undefined
  }
  const { log: text, stream, time } = value ?? {}
  if (typeof text !== 'string' || typeof time !== 'string' || (stream !== 'stdout' && stream !== 'stderr'))
    return undefined
  const isWhole = text.endsWith('\n')
  return { stream, time, bytes: Buffer.from(isWhole ? text.slice(0, -1) : text), partial: !isWhole }
}
