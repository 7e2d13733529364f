// The seam between a container's output and where it is kept. Runs in the monitor.

export type StreamName = 'stdout' | 'stderr'

export interface LogDriver {
  /** Keeps a batch of output as it was read. Never throws and never waits: a full disk costs lines, not the container. */
  write(stream: StreamName, bytes: Buffer): void
  /** A remark of the monitor's own, as a line of standard error. */
  note(text: string): void
  close(): void
}

/** A log that keeps nothing (`none`, `passthrough`). */
export const noLog: LogDriver = { write: () => {}, note: () => {}, close: () => {} }
