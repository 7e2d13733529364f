// Inputs and outputs of `build`: data only.
import type { MountRequest, NetworkRequest } from '#container/request.ts'
import type { ResourcesSpec } from '#oci/runtime-spec.ts'
import type { ProgressEvent, PullOptions, WriteChunk } from './image.ts'

/** Where COPY without --from reads. */
export type ContextRequest =
  | { kind: 'folder'; path: string }
  /** a tar archive: a file, a URL, or standard input */
  | { kind: 'archive'; input: { kind: 'file'; path: string } | { kind: 'stream' } | { kind: 'url'; url: string } }
  | { kind: 'git'; url: string }
  /** a Containerfile alone */
  | { kind: 'none' }

/** `--build-context`: what a name after FROM, `from=` and `--from=` means instead of an image. */
export type NamedContext =
  | Exclude<ContextRequest, { kind: 'none' }>
  | { kind: 'image'; name: string }
  /** an image of an OCI image layout: the one with this tag or digest; without either, the only one, or `latest` */
  | { kind: 'layout'; path: string; tag?: string; digest?: string }

export interface SecretRequest {
  id: string
  /** a file, or */
  path?: string
  /** a variable of the caller's */
  env?: string
}

/** What answers for an id of `RUN --mount=type=ssh`. */
export type SshRequest =
  /** the socket of an agent */
  | { kind: 'agent'; socket: string }
  /** private keys, for an agent of the build's own */
  | { kind: 'keys'; files: string[] }

export type BuildOutput =
  | { kind: 'local'; path: string }
  | { kind: 'tar'; target: { kind: 'file'; path: string } | { kind: 'stream'; write: WriteChunk }; part?: ArchivePart }
  | { kind: 'oci' | 'docker'; target: { kind: 'file'; path: string } | { kind: 'stream'; write: WriteChunk } }

/** One of several platforms whose files are in one archive. */
export interface ArchivePart {
  /** where in the archive its files are */
  folder: string
  isFirst: boolean
  isLast: boolean
}

/** Where other builds left what they remember. */
export type CacheSource = { kind: 'registry'; reference: string } | { kind: 'local'; path: string }

/** Where this build leaves it; `max` has the steps of all stages, `min` those that the result is made of. */
export type CacheTarget =
  | { kind: 'registry'; reference: string; mode: 'min' | 'max'; ignoresErrors: boolean }
  | { kind: 'local'; path: string; mode: 'min' | 'max'; ignoresErrors: boolean }
  /** in the image itself */
  | { kind: 'inline' }

/** How the containers of RUN differ from those that `run` makes. */
export interface RunSettings {
  network: NetworkRequest
  addHosts: string[]
  dns: string[]
  dnsSearch: string[]
  dnsOptions: string[]
  capAdd: string[]
  capDrop: string[]
  securityOpts: string[]
  ulimits: string[]
  devices: string[]
  mounts: MountRequest[]
  groupAdd: string[]
  shmSizeBytes?: number
  httpProxy: boolean
  /** Limits of each RUN, in a control group of its own. */
  resources?: ResourcesSpec
  cgroupParent?: string
}

export interface BuildRequest {
  context: ContextRequest
  /** Containerfiles, `-` for standard input; none: the one in the context */
  files: string[]
  ignoreFile?: string
  tags: string[]
  target?: string
  /** `--from`: in place of the first FROM's image */
  from?: string
  buildArgs: Map<string, string>
  contexts: Map<string, NamedContext>
  /** as typed; none: this machine's. Several make a list */
  platforms: string[]
  /** `--manifest`: a list that what is built is added to */
  manifest?: string
  pull: NonNullable<PullOptions['policy']>
  pullOptions: PullOptions
  /** no cache at all, or not for these stages */
  noCache: boolean | string[]
  cacheFrom: CacheSource[]
  cacheTo: CacheTarget[]
  /** records older than this count for nothing */
  cacheTtlMs?: number
  labels: Map<string, string>
  annotations: Map<string, string>
  /** of the image, `NAME=value` */
  env: string[]
  secrets: SecretRequest[]
  ssh: Map<string, SshRequest>
  run: RunSettings
  format: 'oci' | 'docker'
  /** layers that are merged into one: those above the base, or all */
  squash?: 'new' | 'all'
  /** times of the image and of everything in new layers, seconds since 1970 */
  timestampSeconds?: number
  /** times of the image, and the latest that files of new layers have */
  epochSeconds?: number
  rewriteTimes: boolean
  skipUnusedStages: boolean
  jobs: number
  outputs: BuildOutput[]
  onEvent: (event: BuildEvent) => void
  /** `--debug-shell`: wants the state before a RUN that fails */
  onFailedState?: (state: FailedState) => void
  signal: AbortSignal
}

/** Where a RUN failed: an image of what was there before it, and how a shell in it is to be run. */
export interface FailedState {
  imageId: string
  /** it was made for this, and nobody else has it */
  isNew: boolean
  shell: string
  env: string[]
  user: string
  workdir: string
  network: 'default' | 'none' | 'host'
  context: string
  /** folders of the context that the step had bound */
  binds: { source: string; target: string }[]
  /** kinds of its other mounts */
  missing: string[]
}

/** What happens, in order; steps of several stages may run at the same time. */
export type BuildEvent =
  /** `name` as BuildKit shows it: `[build 2/5] RUN make` */
  | { kind: 'start'; step: number; name: string }
  | { kind: 'output'; step: number; stream: 'stdout' | 'stderr'; chunk: Uint8Array }
  | { kind: 'progress'; step: number; event: ProgressEvent }
  | { kind: 'done'; step: number; how: 'done' | 'cached'; ms: number }
  | { kind: 'failed'; step: number; message: string; ms: number }
  | { kind: 'warning'; text: string }

export interface BuildOutcome {
  /** 64 hexadecimal digits; absent where only files were asked for */
  imageId?: string
  /** of the manifest, `sha256:…` */
  digest?: string
  /** full names that it has now */
  names: string[]
}

/** What `build --check` found. */
export interface CheckedBuild {
  fileName: string
  lines: readonly string[]
  /** `url` explains the rule; lines count from 1 */
  warnings: { rule: string; url: string; detail: string; startLine: number; endLine: number }[]
}
