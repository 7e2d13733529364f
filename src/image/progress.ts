// What a pull or load tells while it works, as data; whoever asked draws it or writes it. (The engine's contracts have the same shapes.)

export type BlobPhase = 'waiting' | 'copying' | 'unpacking' | 'done' | 'exists'

export type ProgressEvent =
  /** an endpoint is being tried for this full name */
  | { kind: 'trying'; reference: string; endpoint?: string }
  | { kind: 'blob'; digest: string; role: 'layer' | 'config'; phase: BlobPhase; doneBytes: number; totalBytes?: number }
  /** something worth a line: a retry with its reason, a mirror given up */
  | { kind: 'note'; text: string }
  | { kind: 'manifest'; digest: string }

export type OnProgress = (event: ProgressEvent) => void
