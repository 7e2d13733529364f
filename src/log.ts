// The debug log: lines on standard error, off by default (`--log-level=debug`, or TSPOD_LOG).
import { writeSync } from 'node:fs'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

const order: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 }
let threshold: LogLevel = 'warn'

/** Lines below this level are dropped. */
export function setLogLevel(level: LogLevel): void {
  threshold = level
}

/** True where a line of this level would be printed; guards arguments that are costly to make. */
export function isLogged(level: LogLevel): boolean {
  return order[level] >= order[threshold]
}

function write(level: LogLevel, text: string): void {
  if (!isLogged(level)) return
  try {
    writeSync(2, level === 'warn' ? `WARN ${text}\n` : `${level}: ${text}\n`)
  } catch {
    // standard error is gone: nothing is left to say it to
  }
}

export const log = {
  debug: (text: string): void => write('debug', text),
  info: (text: string): void => write('info', text),
  warn: (text: string): void => write('warn', text),
  error: (text: string): void => write('error', text),
}
